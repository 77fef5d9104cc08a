"""`settle`, `void`, `undo`: what became of value that was held until the world had answered.

Reads the promise back from the entry that made it; knows nobody outside by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from ussd_app.domain import parties
from ussd_app.domain.catalogue import AMOUNT, PAYER
from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.drafting import (
    Move,
    between,
    done,
    given_back,
    head,
    hold,
    receipts,
    tried,
    undone,
    usages,
)
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import BelowFloor, Draft, EndOfHold, OutboxRow, Written


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
    move = between(desk, desk.catalogue.types[kind_name], sides, {AMOUNT: amount_minor}, said)
    draft = head(desk, move, SYSTEM, key, fingerprint(kind_name, key))
    try:
        return hold(desk, move, replace(draft, outbox=tuple(asks)), amount_minor).entry_id
    except BelowFloor:
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS) from None


NOTHING: Mapping[str, object] = {}
FAILS = "fails"
"""What was learnt of a failure that has sentences of its own: which, by the usual one."""


def settle(desk: Desk, hold_id: int, key: str, learnt: Mapping[str, object] = NOTHING) -> str:
    """Do what was promised: the hold becomes the type's legs and receipts. Once a key.

    `learnt` is what only the world could say: further facts, over those of the promise. Returns
    the receipt number. Raises HoldNotOpen when it ended already another way.
    """
    promise = _promised(desk, hold_id, learnt)
    payer = promise.move.roles[PAYER]
    return done(
        desk,
        promise.move,
        promise.draft(desk, key, "settle"),
        lambda draft: desk.book.settle(draft, hold_id, payer),
    ).receipt


def settle_by_undoing(
    desk: Desk, hold_id: int, entry_id: int, key: str, learnt: Mapping[str, object] = NOTHING
) -> str:
    """Do what was promised by undoing an entry, all legs of it, out of what is held. Once a key.

    Returns the receipt number. Raises HoldNotOpen, AlreadyReversed.
    """
    promise = _promised(desk, hold_id, learnt)
    move, draft = promise.move, promise.draft(desk, key, "settle")
    told = tuple(receipts(move, draft, move.kind.receipts))
    ends = EndOfHold(hold_id, move.roles[PAYER], "settled")
    return undone(desk, replace(draft, outbox=told, ends=ends), entry_id).receipt


def void(desk: Desk, hold_id: int, key: str, learnt: Mapping[str, object] = NOTHING) -> str:
    """Call off what was promised: the value is free again, and the payer is told. Once a key.

    Returns the receipt number. Raises HoldNotOpen when it ended already another way.
    """
    promise = _promised(desk, hold_id, learnt)
    payer = promise.move.roles[PAYER]
    return _undone(desk, promise, key, "void", lambda draft: desk.book.void(draft, hold_id, payer))


def undo(desk: Desk, hold_id: int, key: str, learnt: Mapping[str, object] = NOTHING) -> str:
    """Take back what was settled, all of it: the world said yes and then that it did not happen.

    The payer is told as of a promise called off. Once a key. Returns the receipt number. Raises
    AlreadyReversed, BelowFloor when the account that was paid has not got it any more.
    """
    promise = _promised(desk, hold_id, learnt)
    return _undone(
        desk, promise, key, "undo", lambda it: desk.book.reverse(it, _ended_by(desk, hold_id))
    )


def _undone(
    desk: Desk, promise: "_Promise", key: str, what: str, write: Callable[[Draft], Written]
) -> str:
    """Write that nothing came of it: the payer is told, with limits as if it had never been."""
    kind, price, payer = promise.move.kind, promise.move.price, promise.move.parties[PAYER]
    assert kind.promise is not None
    draft = promise.draft(desk, key, what)
    usual = kind.promise.fails
    fails = promise.move.said.get(FAILS, {}).get(usual, usual)
    draft = replace(
        draft,
        outbox=tuple(receipts(promise.move, draft, {PAYER: fails})),
        usages=given_back(usages(desk, kind, payer, price, promise.happened_at)),
    )
    return tried(desk, draft, write).receipt


def _ended_by(desk: Desk, hold_id: int) -> int:
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT ended_by FROM holds WHERE id = %s AND state = 'settled'", (hold_id,)
        )
        return int(found.scalar_one())


class _Promise(NamedTuple):
    """What an entry promised, read back from it."""

    move: Move
    receipt: str
    happened_at: datetime
    body: Mapping[str, Any]

    def draft(self, desk: Desk, key: str, what: str) -> Draft:
        """The beginning of the entry that ends it."""
        draft = head(desk, self.move, SYSTEM, key, fingerprint(what, self.receipt))
        return replace(draft, facts={**self.body, "ends": self.receipt})


def _promised(desk: Desk, hold_id: int, learnt: Mapping[str, object]) -> _Promise:
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT type, receipt, catalogue, happened_at, facts FROM entries WHERE id = %s",
            (hold_id,),
        ).one()
    body = row.facts
    behind = {role: parties.by_id(desk.reads, id_) for role, id_ in body["parties"].items()}
    move = Move(
        desk.catalogue.types[row.type],
        body["roles"],
        behind,
        body["price"],
        {**body["said"], **learnt},
        row.catalogue,
        (row.receipt, row.happened_at),
    )
    return _Promise(move, row.receipt, row.happened_at, body)
