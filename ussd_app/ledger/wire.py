"""A draft as the arguments of the writer, and the writer's row as what was written.

Arguments go as PostgreSQL's own text forms (arrays as '{1,2}'), which costs the driver and the
server least; the driver does the quoting. Knows no connection.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from ussd_app.ledger.drafts import MOST_LEGS, MOST_OUTBOX, MOST_USAGES, Draft, Usage, Written
from ussd_app.ledger.prepared import Prepared
from ussd_app.ledger.refusals import BadDraft

_COUNT = 35
_PLACES = ", ".join(f"${place}" for place in range(1, _COUNT + 1))
POST = Prepared("kabambe_post", f"SELECT * FROM ledger_post({_PLACES})", _COUNT)  # noqa: S608

STORED = "SELECT o_entry, o_receipt, o_accounts, o_balances FROM ledger_stored(%s, %s, %s, %s)"

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def _numbers(values: Iterable[int | None]) -> str:
    return "{" + ",".join("NULL" if value is None else str(value) for value in values) + "}"


def _texts(values: Iterable[str]) -> str:
    return '{"' + '","'.join([value.translate(_ESCAPES) for value in values]) + '"}'


def _json(facts: Mapping[str, object]) -> str:
    return json.dumps(facts if isinstance(facts, dict) else dict(facts), separators=(",", ":"))


class Order(NamedTuple):
    """The accounts of a draft in the order in which they are locked, hot ones last."""

    accounts: list[int]
    locked: int


def places(draft: Draft, hot: Collection[int]) -> Order:
    """The order of a draft's accounts, as far as the caller knows which are hot."""
    ids = sorted(_account_ids(draft))
    first = [account for account in ids if account not in hot]
    if len(first) == len(ids):
        return Order(ids, len(ids))
    return Order(first + [account for account in ids if account in hot], len(first))


def arguments(draft: Draft, order: Order) -> tuple[object, ...]:
    """The writer's arguments for a draft. Raises BadDraft when no writer could take it."""
    _fits(draft)
    ids = order.accounts
    place = {account: number for number, account in enumerate(ids, 1)}
    hold, ends = draft.hold, draft.ends
    return (
        draft.scope,
        draft.key,
        "\\x" + draft.request_hash.hex(),
        draft.receipt,
        draft.type,
        draft.code,
        draft.catalogue,
        draft.happened_at.isoformat(),
        _json(draft.facts),
        draft.quote,
        draft.reverses,
        _numbers(ids),
        order.locked,
        _ceilings(draft, ids),
        _numbers([place[leg.from_id] for leg in draft.legs]),
        _numbers([place[leg.to_id] for leg in draft.legs]),
        _numbers([leg.amount_minor for leg in draft.legs]),
        place[hold.account_id] if hold else None,
        hold.amount_minor if hold else None,
        hold.expires_at.isoformat() if hold else None,
        ends.hold_id if ends else None,
        ends.how if ends else None,
        *_usages(draft),
        *_outbox(draft),
    )


def _fits(draft: Draft) -> None:
    if draft.happened_at.tzinfo is None:
        raise BadDraft("happened_at must be an aware moment")
    if (
        len(draft.legs) > MOST_LEGS
        or len(draft.usages) > MOST_USAGES
        or len(draft.outbox) > MOST_OUTBOX
    ):
        raise BadDraft("too many parts")
    if draft.reverses is not None and (draft.legs or draft.ceilings or draft.hold):
        raise BadDraft("a reversal brings no legs, ceilings or new holds of its own")


def _account_ids(draft: Draft) -> set[int]:
    ids: set[int] = set()
    for leg in draft.legs:
        ids.add(leg.from_id)
        ids.add(leg.to_id)
    if draft.hold:
        ids.add(draft.hold.account_id)
    if draft.ends:
        ids.add(draft.ends.account_id)
    return ids


def _ceilings(draft: Draft, ids: list[int]) -> str | None:
    if not draft.ceilings:
        return None
    most = {ceiling.account_id: ceiling.max_minor for ceiling in draft.ceilings}
    return _numbers([most.get(account) for account in ids])


def _usages(draft: Draft) -> tuple[object, ...]:
    if not draft.usages:
        return (None,) * 7
    rows = sorted(draft.usages, key=_lock_order)
    return (
        _texts([row.owner for row in rows]),
        _texts([row.counter for row in rows]),
        "{" + ",".join([row.day.isoformat() for row in rows]) + "}",
        _numbers([row.amount_minor for row in rows]),
        _numbers([row.count for row in rows]),
        _numbers([row.max_minor for row in rows]),
        _numbers([row.max_count for row in rows]),
    )


def _lock_order(usage: Usage) -> tuple[str, str, date]:
    return (usage.owner, usage.counter, usage.day)


def _outbox(draft: Draft) -> tuple[object, ...]:
    rows = draft.outbox
    if not rows:
        return (None,) * 6
    return (
        _texts([row.kind for row in rows]),
        _texts([row.address for row in rows]),
        _texts([row.template for row in rows]),
        _texts([row.language for row in rows]),
        _texts([_json(row.facts) for row in rows]),
        _numbers([row.balance_of for row in rows]),
    )


def written(draft: Draft, order: Order, row: tuple[Any, ...]) -> Written:
    """What the writer's row says."""
    entry_id, mirrored, balances, used_minor, used_times = row
    usages: dict[tuple[str, str], tuple[int, int]] = {}
    if draft.usages:
        for usage, minor, times in zip(
            sorted(draft.usages, key=_lock_order), used_minor, used_times, strict=True
        ):
            usages[usage.owner, usage.counter] = (minor, times)
    after = told(mirrored or order.accounts, balances)
    return Written(entry_id, draft.receipt, after, usages, False)


def told(accounts: Sequence[int] | None, balances: Sequence[int | None] | None) -> dict[int, int]:
    """Balances by account; hot ones, which come last, have none."""
    known = zip(accounts or (), balances or (), strict=False)
    return {account: balance for account, balance in known if balance is not None}


POST_MANY = (
    "SELECT o_entries FROM ledger_post_many(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


def batch_arguments(drafts: Sequence[Draft], hot: Collection[int]) -> tuple[object, ...]:
    """The arguments of the writer of batches; `hot` as far as the caller knows which are.

    Raises BadDraft when a draft is not plain.
    """
    first = drafts[0]
    common = (first.scope, first.type, first.code, first.catalogue, first.happened_at)
    for draft in drafts:
        _fits(draft)
        rest = (draft.outbox, draft.usages, draft.ceilings, draft.quote, draft.reverses)
        if any(rest) or draft.hold or draft.ends or not draft.legs:
            raise BadDraft("a batch takes legs and facts only")
        if (draft.scope, draft.type, draft.code, draft.catalogue, draft.happened_at) != common:
            raise BadDraft("a batch is of one scope, type, catalogue and moment")
    legs = [(place, leg) for place, draft in enumerate(drafts, 1) for leg in draft.legs]
    return (
        first.scope,
        _texts([draft.key for draft in drafts]),
        _texts(["\\x" + draft.request_hash.hex() for draft in drafts]),
        _texts([draft.receipt for draft in drafts]),
        _texts([_json(draft.facts) for draft in drafts]),
        first.type,
        first.code,
        first.catalogue,
        first.happened_at.isoformat(),
        _numbers([place for place, _ in legs]),
        _numbers([leg.from_id for _, leg in legs]),
        _numbers([leg.to_id for _, leg in legs]),
        _numbers([leg.amount_minor for _, leg in legs]),
        _numbers({account for _, leg in legs for account in leg[:2] if account in hot}),
    )
