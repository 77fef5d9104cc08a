"""What every entry is drafted from: its head, a type's sentences as legs, its receipts, what it
writes also, the limits it uses.

Reads the catalogue and the house's accounts; writes nothing and asks nobody but for the writing
itself (`done`, `tried`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ussd_app.domain import also, gates, limits, pricing, room, two_of_staff
from ussd_app.domain.also import NOTHING, Also
from ussd_app.domain.catalogue import AMOUNT, HOUSE, PAYEE, PAYER, Type
from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.house import EVALUE, FLOAT
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import Refused
from ussd_app.ledger.book import (
    BelowFloor,
    Ceiling,
    Draft,
    Leg,
    NewHold,
    OutboxRow,
    ReceiptTaken,
    Usage,
    Written,
)

DAILY = "daily"
RECEIPT_TRIES = 5
ALSO_TRIES = 10
"""So often what is also written is worked out, when others changed what it goes by."""
ROOM_TRIES = 100
"""So often an entry is tried to be undone, when what was built upon it is taken back one by one."""

_ENTERED = """
SELECT e.type, e.receipt FROM idempotency i JOIN entries e ON e.id = i.entry_id
 WHERE i.scope = %s AND i.key = %s
"""


@dataclass(frozen=True)
class Move:
    """One use of a type: between whose accounts, at what price, and what is said of it.

    `parties` are who can be told of it, by role; `said` is each side's name and number under its
    role, and further facts for receipts. `began` are receipt and moment of the entry that promised
    it, under which it is told; None: those of its own.
    """

    kind: Type
    roles: Mapping[str, int]
    parties: Mapping[str, Party]
    price: Price
    said: Mapping[str, Any]
    catalogue: str
    began: tuple[str, datetime] | None = None

    @property
    def plain(self) -> dict[str, object]:
        """What is said besides the names of the sides."""
        return {key: value for key, value in self.said.items() if key not in self.roles}

    def name(self, draft: Draft) -> dict[str, object]:
        """By what its entry is told: receipt number and moment."""
        receipt, at = self.began or (draft.receipt, draft.happened_at)
        return {"receipt": receipt, "at": at.isoformat()}

    def facts(self, draft: Draft) -> dict[str, object]:
        """What the receipts of its entry may say."""
        return {**self.name(draft), **self.price, **self.plain}


def between(
    desk: Desk,
    kind: Type,
    sides: Mapping[str, Side],
    price: Price,
    said: Mapping[str, object] | None = None,
) -> Move:
    """A type used between sides that are known, by today's catalogue."""
    return Move(
        kind,
        {role: side.account_id for role, side in sides.items()},
        {role: side.party for role, side in sides.items()},
        price,
        pricing.names(sides) | dict(said or {}),
        desk.catalogue.digest,
    )


def head(desk: Desk, move: Move, scope: str, key: str, digest: bytes) -> Draft:
    """The beginning of every entry: what names it, and what is remembered of it. No legs yet.

    Whatever staff decide is written only with the names of as many as its type asks for.
    """
    two_of_staff.must_be_signed(move.kind.approvals, move.said.get(two_of_staff.SIGNED))
    now = desk.clock.now()
    return Draft(
        scope=scope,
        key=key,
        request_hash=digest,
        type=move.kind.name,
        code=move.kind.code,
        catalogue=move.catalogue,
        receipt=desk.ids.receipt(now),
        happened_at=now,
        facts={
            "parties": {role: party.id for role, party in move.parties.items()},
            "roles": move.roles,
            "price": move.price,
            "said": move.said,
        },
    )


def done(
    desk: Desk, move: Move, draft: Draft, write: Callable[[Draft], Written] | None = None
) -> Written:
    """Write the entry by which a type's sentences happen: the legs and receipts of its row, and
    what its `also` adds, which is asked anew when others changed what it went by.

    `write` is how the entry ends what began before; without it, it is a beginning.
    Raises LedgerRefusal, and Refused of the `also`.
    """
    own = tuple(legs(desk, move.kind, move.roles, move.price))
    touched = {account for leg in own for account in leg[:2]}
    for left in reversed(range(ALSO_TRIES)):
        try:
            more = _also(desk, move)
        except Refused:
            before = desk.book.answered(draft.scope, draft.key, draft.request_hash, draft.quote)
            if before is None:
                raise
            return before
        try:
            whole = _whole(move, draft, own, more)
            return tried(desk, whole, write) if write else begun(desk, whole)
        except BelowFloor as short:
            if not left or short.account_id not in more.accounts - touched:
                raise
    raise AssertionError("the last try ended")


def undone(desk: Desk, draft: Draft, entry_id: int) -> Written:
    """Write the entry that undoes another, all legs of it. What was built since upon that which it
    also wrote (credit that paid an invoice) is taken back first. Raises LedgerRefusal."""
    told = (*draft.outbox, *also.told(desk, entry_id))
    draft = replace(draft, reverses=entry_id, outbox=told)
    made = False
    for left in reversed(range(ROOM_TRIES)):
        try:
            written = begun(desk, draft)
        except BelowFloor as short:
            made = bool(left) and also.made_room(desk, entry_id, short.account_id)
            if not made:
                raise
        else:
            if made:
                also.tidied(desk, entry_id)
            return written
    raise AssertionError("the last try ended")


def _also(desk: Desk, move: Move) -> Also:
    kind = move.kind
    if kind.also is None:
        return NOTHING
    return also.found()[kind.also](desk, kind, move.roles, move.price, move.plain)


def _whole(move: Move, draft: Draft, own: tuple[Leg, ...], more: Also) -> Draft:
    move = replace(move, said={**move.said, **more.said})
    name = move.name(draft)
    further = (row._replace(facts={**name, **row.facts}) for row in more.receipts)
    return replace(
        draft,
        legs=(*own, *more.legs),
        facts={**draft.facts, "said": move.said},
        outbox=(*receipts(move, draft, move.kind.receipts), *further),
    )


def legs(desk: Desk, kind: Type, accounts: Mapping[str, int], price: Price) -> Iterator[Leg]:
    """A type's sentences as legs between accounts; what moves nothing, or has nobody who fills its
    role, is left out.

    A leg with a meaning gets its mirror in the house's own book.
    """
    for sentence in kind.legs:
        amount = price[sentence.quantity]
        source, target = (
            _account(desk, accounts, sentence.source),
            _account(desk, accounts, sentence.target),
        )
        if not amount or source is None or target is None:
            continue
        yield Leg(source, target, amount)
        if sentence.meaning is not None:
            meaning = _account(desk, accounts, sentence.meaning)
            assert meaning is not None
            ends = (desk.house[EVALUE], meaning)
            yield Leg(*(ends if sentence.target == HOUSE else ends[::-1]), amount)


def _account(desk: Desk, accounts: Mapping[str, int], name: str) -> int | None:
    """The account of a role, the house, or a name; None for a role that nobody fills."""
    if name in accounts:
        return accounts[name]
    return desk.house.get(FLOAT if name == HOUSE else name)


def receipts(move: Move, draft: Draft, templates: Mapping[str, str]) -> Iterator[OutboxRow]:
    """What each side is told of an entry, naming the other."""
    facts = move.facts(draft)
    for role, template in templates.items():
        other = move.said.get(PAYEE if role == PAYER else PAYER) or move.said[role]
        party = move.parties[role]
        yield OutboxRow(
            kind="sms",
            address=party.msisdn,
            template=template,
            language=party.language,
            facts={
                **facts,
                "name": other["name"],
                "msisdn": other["number"],
                "number": other["number"],
            },
            balance_of=move.roles[role],
        )


def ceilings(desk: Desk, move: Move) -> tuple[Ceiling, ...]:
    """The most that the payee may hold, and the house where its chart bounds what it takes."""
    bounds = list(_house_ceilings(desk, move.kind))
    payee = move.parties.get(PAYEE)
    most = room.ceiling(desk, move.kind, payee) if payee else None
    if most is not None:
        bounds.append(Ceiling(move.roles[PAYEE], most))
    return tuple(bounds)


def _house_ceilings(desk: Desk, kind: Type) -> Iterator[Ceiling]:
    for name in {leg.target for leg in kind.legs if leg.target in desk.house}:
        most = desk.catalogue.accounts[name.partition("/")[0]].most_minor
        if most is not None:
            yield Ceiling(desk.house[name], most)


def usages(desk: Desk, kind: Type, payer: Party, price: Price, now: datetime) -> tuple[Usage, ...]:
    """What an entry of a type uses up of its payer's limits, a day's and a month's."""
    if kind.limits != DAILY:
        return ()
    return tuple(limits.usages(desk.catalogue.tiers[payer.tier], payer, price[AMOUNT], now))


def given_back(used: Iterable[Usage]) -> tuple[Usage, ...]:
    """The same limits as if it had never been; giving back is bound by none of them, since one may
    have been lowered meanwhile."""
    return tuple(
        replace(
            usage,
            amount_minor=-usage.amount_minor,
            count=-usage.count,
            max_minor=None,
            max_count=None,
        )
        for usage in used
    )


def promised(desk: Desk, move: Move, draft: Draft) -> Written:
    """Hold what would be moved, ask the world, and tell the payer to wait. Raises LedgerRefusal."""
    promise, payer = move.kind.promise, move.parties[PAYER]
    assert promise is not None
    waits = {PAYER: promise.waits} if promise.waits else {}
    facts = move.facts(draft)
    asks = OutboxRow(promise.via, payer.msisdn, move.kind.name, payer.language, facts)
    draft = replace(draft, outbox=(asks, *receipts(move, draft, waits)))
    return hold(desk, move, draft, pricing.outgo(move.kind, move.price))


def hold(desk: Desk, move: Move, draft: Draft, amount_minor: int) -> Written:
    """Write the entry that holds a payer's value for as long as the type's promise says."""
    assert move.kind.promise is not None
    until = draft.happened_at + timedelta(seconds=move.kind.promise.ttl_s)
    return begun(desk, replace(draft, hold=NewHold(move.roles[PAYER], amount_minor, until)))


def begun(desk: Desk, draft: Draft) -> Written:
    """Write an entry that begins something, within its type's gates."""
    with gates.writing(desk, draft):
        return tried(desk, draft, desk.book.post)


def tried(desk: Desk, draft: Draft, write: Callable[[Draft], Written]) -> Written:
    """Write a draft; a receipt number that somebody has already is drawn anew."""
    for _ in range(RECEIPT_TRIES):
        try:
            return write(draft)
        except ReceiptTaken:
            draft = draft.with_receipt(desk.ids.receipt(draft.happened_at))
    return write(draft)


class Entered(NamedTuple):
    """What an entry is of, and by what number people know it."""

    type: str
    receipt: str


def entered(desk: Desk, key: str) -> Entered | None:
    """The entry that nobody's hop made, by its key; None when there is none."""
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(_ENTERED, (SYSTEM, key)).fetchone()
    return Entered(*row) if row else None
