"""`settle`, `void`, `undo`: what became of value that was held until the world had answered.

Reads the promise back from the entry that made it; knows nobody outside by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ussd_app.domain import parties
from ussd_app.domain.catalogue import AMOUNT, PAYER, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.drafting import given_back, legs, receipts, tried, usages
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import BelowFloor, Draft, NewHold, OutboxRow, Usage


def secure(
    desk: Desk,
    kind_name: str,
    sides: Mapping[str, Side],
    amount_minor: int,
    key: str,
    said: Mapping[str, object],
    asks: Sequence[OutboxRow],
) -> int:
    """Hold value of a payer who was not asked yet, once a key; `asks` is told with it.

    For types that the system starts and that have a hold. The request is its key: how much is
    still there may differ at a second try. Returns the hold's id. Raises
    Refused(insufficient_funds).
    """
    kind, now = desk.catalogue.types[kind_name], desk.clock.now()
    assert kind.promise is not None
    names = {role: {"name": side.name, "number": side.number} for role, side in sides.items()}
    draft = Draft(
        scope="system",
        key=key,
        request_hash=fingerprint(kind_name, key),
        type=kind.name,
        code=kind.code,
        catalogue=desk.catalogue.digest,
        receipt=desk.ids.receipt(now),
        happened_at=now,
        facts={
            "parties": {role: side.party.id for role, side in sides.items()},
            "roles": {role: side.account_id for role, side in sides.items()},
            "price": {AMOUNT: amount_minor},
            "said": names | dict(said),
        },
        outbox=tuple(asks),
    )
    until = now + timedelta(seconds=kind.promise.ttl_s)
    hold = NewHold(sides[PAYER].account_id, amount_minor, until)
    try:
        return tried(desk, draft, lambda it: desk.book.hold(it, hold)).entry_id
    except BelowFloor:
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS) from None


def settle(desk: Desk, hold_id: int, key: str) -> str:
    """Do what was promised: the hold becomes the type's legs and receipts. Once a key.

    Returns the receipt number. Raises HoldNotOpen when it ended already another way.
    """
    promise = _promised(desk, hold_id)
    receipt = desk.ids.receipt(desk.clock.now())
    facts = promise.facts | {"receipt": promise.receipt}
    draft = promise.draft(desk, key, receipt, "settle")
    moved = tuple(legs(desk, promise.kind, promise.roles, promise.price))
    outbox = tuple(
        receipts(promise.kind.receipts, facts, promise.said, promise.roles, promise.parties)
    )
    draft = replace(draft, legs=moved, outbox=outbox)
    return tried(
        desk, draft, lambda it: desk.book.settle(it, hold_id, promise.roles[PAYER])
    ).receipt


def void(desk: Desk, hold_id: int, key: str) -> str:
    """Call off what was promised: the value is free again, and the payer is told. Once a key.

    Returns the receipt number. Raises HoldNotOpen when it ended already another way.
    """
    promise = _promised(desk, hold_id)
    receipt = desk.ids.receipt(desk.clock.now())
    draft = replace(
        promise.draft(desk, key, receipt, "void"),
        outbox=_sorry(promise),
        usages=_given_back(desk, promise),
    )
    return tried(desk, draft, lambda it: desk.book.void(it, hold_id, promise.roles[PAYER])).receipt


def undo(desk: Desk, hold_id: int, key: str) -> str:
    """Take back what was settled, all of it: the world said yes and then that it did not happen.

    The payer is told as of a promise called off. Once a key. Returns the receipt number. Raises
    AlreadyReversed, BelowFloor when the account that was paid has not got it any more.
    """
    promise = _promised(desk, hold_id)
    receipt = desk.ids.receipt(desk.clock.now())
    draft = replace(
        promise.draft(desk, key, receipt, "undo"),
        outbox=_sorry(promise),
        usages=_given_back(desk, promise),
    )
    return tried(desk, draft, lambda it: desk.book.reverse(it, _ended_by(desk, hold_id))).receipt


def _ended_by(desk: Desk, hold_id: int) -> int:
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT ended_by FROM holds WHERE id = %s AND state = 'settled'", (hold_id,)
        )
        return int(found.scalar_one())


def _sorry(promise: "_Promise") -> tuple[OutboxRow, ...]:
    """What the payer is told when nothing came of it."""
    assert promise.kind.promise is not None
    facts = promise.facts | {"receipt": promise.receipt}
    fails = {PAYER: promise.kind.promise.fails}
    return tuple(receipts(fails, facts, promise.said, promise.roles, promise.parties))


def _given_back(desk: Desk, promise: "_Promise") -> tuple[Usage, ...]:
    """The payer's limits as if it had never been promised."""
    payer = promise.parties[PAYER]
    return given_back(usages(desk, promise.kind, payer, promise.price, promise.happened_at))


class _Promise(NamedTuple):
    """What an entry promised, read back from it."""

    kind: Type
    receipt: str
    catalogue: str
    happened_at: datetime
    roles: Mapping[str, int]
    price: Price
    said: Mapping[str, Any]
    parties: Mapping[str, Party]
    body: Mapping[str, Any]

    @property
    def facts(self) -> dict[str, object]:
        """What its sentences may say."""
        plain = {key: value for key, value in self.said.items() if key not in self.roles}
        return {"at": self.happened_at.isoformat(), **self.price, **plain}

    def draft(self, desk: Desk, key: str, receipt: str, what: str) -> Draft:
        """The beginning of the entry that ends it."""
        return Draft(
            scope="system",
            key=key,
            request_hash=fingerprint(what, self.receipt),
            type=self.kind.name,
            code=self.kind.code,
            catalogue=self.catalogue,
            receipt=receipt,
            happened_at=desk.clock.now(),
            facts={**self.body, "ends": self.receipt},
        )


def _promised(desk: Desk, hold_id: int) -> _Promise:
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT type, receipt, catalogue, happened_at, facts FROM entries WHERE id = %s",
            (hold_id,),
        ).one()
    body = row.facts
    return _Promise(
        desk.catalogue.types[row.type],
        row.receipt,
        row.catalogue,
        row.happened_at,
        body["roles"],
        body["price"],
        body["said"],
        {role: parties.by_id(desk.reads, id_) for role, id_ in body["parties"].items()},
        body,
    )
