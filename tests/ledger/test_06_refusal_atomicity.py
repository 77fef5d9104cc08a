"""Proof 6: whatever the book refuses, every table of the database is afterwards as it was before.

Each request refused carries all that an entry can carry, so that something could stay.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.ledger.town import NOON, Town
from ussd_app.ledger.book import (
    AboveCeiling,
    AlreadyReversed,
    AnsweredOtherwise,
    BadDraft,
    BelowFloor,
    Ceiling,
    CrossesBooks,
    Draft,
    HoldNotOpen,
    KeyConflict,
    LimitPassed,
    NewHold,
    NotReversible,
    OutboxRow,
    Overflow,
    ReceiptTaken,
    UnknownAccount,
    Usage,
)
from ussd_app.ledger.drafts import Mode

LATER = NOON + timedelta(minutes=5)
Refused = Callable[[Town], None]


def _full(town: Town, *legs: tuple[str, str, int], **more: Any) -> Draft:
    """A draft with a fee that is fine, limits that are used, something to say, and the legs."""
    given: dict[str, Any] = {
        "usages": (
            Usage("1", "sent", NOON.date(), 10, 1, 1_000, 10),
            Usage("2", "new", NOON.date(), 10, 1, None, None),
        ),
        "outbox": (OutboxRow("sms", "+254712000001", "sent", "en", {}, town["wallet/asha"]),),
    }
    return town.draft(("wallet/asha", "float/airtime", 5), *legs, **(given | more))


def _post(*legs: tuple[str, str, int], **more: Any) -> Refused:
    return lambda town: _drop(town.book.post(_full(town, *legs, **more)))


def _drop(_: object) -> None:
    """What was not refused is noticed by who waits for the refusal."""


def _limit(most_minor: int | None, most_count: int | None) -> Refused:
    usage = Usage("2", "sent", NOON.date(), 10, 1, most_minor, most_count)
    first = Usage("1", "sent", NOON.date(), 10, 1, None, None)
    return _post(("wallet/asha", "wallet/baraka", 5), usages=(first, usage))


def _ceiling(name: str) -> Refused:
    return lambda town: _post(("wallet/asha", name, 5), ceilings=(Ceiling(town[name], 4),))(town)


def _taken_receipt(town: Town) -> None:
    receipt = town.one("SELECT receipt FROM entries ORDER BY id LIMIT 1")
    _post(("wallet/asha", "wallet/baraka", 5), receipt=receipt)(town)


def _end(how: str, hold: str, *legs: tuple[str, str, int], **more: Any) -> Refused:
    def end(town: Town) -> None:
        held = town.one("SELECT id FROM holds WHERE state = %s", hold)
        getattr(town.book, how)(_full(town, *legs, **more), held, town["wallet/asha"])

    return end


def _hold(amount: int, name: str) -> Refused:
    def hold(town: Town) -> None:
        town.book.hold(_full(town), NewHold(town[name], amount, LATER))

    return hold


def _reverse(which: str) -> Refused:
    def reverse(town: Town) -> None:
        draft = town.draft(usages=(Usage("2", "new", NOON.date(), 10, 1, None, None),))
        town.book.reverse(draft, town.one(which))

    return reverse


REFUSALS: dict[str, tuple[type[Exception], Refused]] = {
    "below the floor": (BelowFloor, _post(("wallet/asha", "wallet/baraka", 10_000))),
    "below the floor, later id": (BelowFloor, _post(("wallet/chege", "wallet/asha", 1))),
    "below the floor, hot": (BelowFloor, _post(("till/duka_la_juma", "wallet/asha", 101))),
    "below the floor, sharded": (BelowFloor, _post(("float/airtime", "wallet/asha", 1_000))),
    "above the ceiling": (AboveCeiling, _ceiling("wallet/baraka")),
    "above the ceiling, hot": (AboveCeiling, _ceiling("till/duka_la_juma")),
    "limit by value": (LimitPassed, _limit(9, None)),
    "limit by count": (LimitPassed, _limit(None, 0)),
    "key conflict": (
        KeyConflict,
        _post(("wallet/asha", "wallet/baraka", 5), key="used", request_hash=b"another request"),
    ),
    "answered otherwise": (
        AnsweredOtherwise,
        _post(("wallet/asha", "wallet/baraka", 5), key="remembered"),
    ),
    "receipt taken": (ReceiptTaken, _taken_receipt),
    "crosses books": (CrossesBooks, _post(("wallet/asha", "income/transfer_fees", 5))),
    "unknown account": (UnknownAccount, _post(("wallet/asha", "wallet/nobody", 5))),
    "pays itself": (BadDraft, _post(("wallet/asha", "wallet/asha", 5))),
    "moves nothing": (BadDraft, _post(("wallet/asha", "wallet/baraka", 0))),
    "too many legs": (BadDraft, _post(*[("wallet/asha", "wallet/baraka", 1)] * 64)),
    "too large a balance": (Overflow, _post(("trust/house", "wallet/asha", 2**63 - 1))),
    "hold below the floor": (BelowFloor, _hold(10_000, "wallet/asha")),
    "hold below the floor, hot": (BelowFloor, _hold(101, "till/duka_la_juma")),
    "hold of nothing": (BadDraft, _hold(0, "wallet/asha")),
    "settles too much": (HoldNotOpen, _end("settle", "open", ("wallet/asha", "wallet/baraka", 70))),
    "settles again": (HoldNotOpen, _end("settle", "voided", ("wallet/asha", "wallet/baraka", 1))),
    "voids again": (HoldNotOpen, _end("void", "voided")),
    "expires too early": (HoldNotOpen, _end("expire", "open")),
    "reversed before": (AlreadyReversed, _reverse("SELECT min(reversed_id) FROM reversals")),
    "reverses a reversal": (NotReversible, _reverse("SELECT min(entry_id) FROM reversals")),
    "reverses a hold": (NotReversible, _reverse("SELECT min(id) FROM holds")),
    "reverses nothing": (NotReversible, _reverse("SELECT 1000000000")),
    "reverses what was spent": (
        BelowFloor,
        _reverse("SELECT entry_id FROM idempotency WHERE key = 'spent'"),
    ),
}


def _lived_in(town: Town, mode: Mode) -> None:
    """A town where everything that can be refused has its reason."""
    town.ids["wallet/nobody"] = 10**9
    for name, minor in (("wallet/asha", 1_000), ("till/duka_la_juma", 100), ("float/airtime", 300)):
        town.fund(name, minor)
    town.move("wallet/asha", "wallet/baraka", 10, key="used")
    town.book.remember("test", "remembered", b"request!", {"refused": "wrong_pin"})
    town.move("trust/house", "wallet/chege", 10, key="spent")
    town.move("wallet/chege", "wallet/baraka", 10)
    for ended in (True, False):
        held = town.book.hold(town.draft(), NewHold(town["wallet/asha"], 60, LATER))
        if ended:
            town.book.void(town.draft(), held.entry_id, town["wallet/asha"])
    town.book.reverse(town.draft(), town.move("wallet/asha", "wallet/baraka", 10).entry_id)
    town.book.set_mode(town["wallet/asha"], mode)


@pytest.mark.parametrize("mode", ["locked", "tallied", "sharded"])
def test_a_refusal_changes_nothing(town: Town, mode: Mode) -> None:
    _lived_in(town, mode)
    before = town.picture(town.tables())
    for name, (wanted, ask) in REFUSALS.items():
        with pytest.raises(wanted):
            ask(town)
        changed = {
            table
            for table, digest in town.picture(town.tables()).items()
            if before[table] != digest
        }
        assert not changed, f"{name} changed {changed}"
    town.must_be_clean()
