"""Proof 7: of those who race for the same money, as many win as there is money for."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from tests.ledger.hands import all_well, failures, successes, together
from tests.ledger.town import NOON, Town
from ussd_app.ledger.book import (
    AboveCeiling,
    AlreadyReversed,
    BelowFloor,
    Ceiling,
    HoldNotOpen,
    NewHold,
    Usage,
    Written,
)
from ussd_app.ledger.drafts import Mode

MODES: tuple[Mode, ...] = ("locked", "tallied", "sharded")
ROUNDS = 8
SPENDERS = 100


def _raced(
    wanted: type[Exception], *jobs: Callable[[], Written]
) -> tuple[list[Written], list[Exception]]:
    """Who won and who lost; losers must have lost for the wanted reason."""
    results = together(*jobs)
    lost = failures(results)
    assert [type(failure) for failure in lost] == [wanted] * len(lost)
    return successes(results), lost


def _purse(town: Town, mode: Mode, minor: int) -> str:
    """A new purse with some money in it; the first purse of the test opens no other."""
    name = f"wallet/purse_{next(_PURSES)}"
    town.ids[name] = town.open(name, "emoney", "credit", "locked", 0)
    if mode != "locked":
        town.book.set_mode(town[name], mode)
    town.fund(name, minor)
    return name


_PURSES = itertools.count(1)


@pytest.mark.parametrize("mode", MODES)
def test_a_hundred_spend_the_last_shilling(town: Town, mode: Mode) -> None:
    purse = _purse(town, mode, 100)
    drafts = [town.draft((purse, "wallet/baraka", 100)) for _ in range(SPENDERS)]
    won, lost = _raced(BelowFloor, *[partial(town.book.post, draft) for draft in drafts])
    assert (len(won), len(lost)) == (1, SPENDERS - 1)
    assert (town.has(purse), town.has("wallet/baraka")) == (0, 100)
    town.must_be_clean()


@pytest.mark.parametrize("mode", MODES)
def test_as_many_spends_win_as_there_is_money_for(town: Town, mode: Mode) -> None:
    purse = _purse(town, mode, 1)
    for part in range(9):
        town.fund(purse, 11 if part else 12)  # 101 in all, in pieces
    drafts = [town.draft((purse, "wallet/baraka", 10)) for _ in range(24)]
    won, _ = _raced(BelowFloor, *[partial(town.book.post, draft) for draft in drafts])
    assert len(won) == 10
    assert (town.has(purse), town.has("wallet/baraka")) == (1, 100)
    town.must_be_clean()


@pytest.mark.parametrize("mode", MODES)
def test_spend_against_hold(town: Town, mode: Mode) -> None:
    for _ in range(ROUNDS):
        purse = _purse(town, mode, 100)
        promise = NewHold(town[purse], 60, NOON)
        spend, hold = town.draft((purse, "wallet/baraka", 60)), town.draft()
        won, _ = _raced(
            BelowFloor, partial(town.book.post, spend), partial(town.book.hold, hold, promise)
        )
        assert len(won) == 1
        assert town.can_spend(purse) == 40
    town.must_be_clean()


@pytest.mark.parametrize("mode", MODES)
def test_hold_against_hold(town: Town, mode: Mode) -> None:
    for _ in range(ROUNDS):
        purse = _purse(town, mode, 100)
        drafts = [town.draft() for _ in range(4)]
        promise = NewHold(town[purse], 40, NOON)
        won, _ = _raced(BelowFloor, *[partial(town.book.hold, draft, promise) for draft in drafts])
        assert len(won) == 2
        assert (town.has(purse), town.can_spend(purse)) == (100, 20)
    town.must_be_clean()


@pytest.mark.parametrize("mode", MODES)
def test_capture_against_expiry_and_call_off(town: Town, mode: Mode) -> None:
    late = NOON + timedelta(minutes=1)
    ends: list[str] = []
    for _ in range(ROUNDS):
        purse = _purse(town, mode, 100)
        held = town.book.hold(town.draft(), NewHold(town[purse], 70, NOON)).entry_id
        capture = town.draft((purse, "wallet/baraka", 70))
        expiry, off = town.draft(happened_at=late), town.draft()
        won, _ = _raced(
            HoldNotOpen,
            partial(town.book.settle, capture, held, town[purse]),
            partial(town.book.expire, expiry, held, town[purse]),
            partial(town.book.void, off, held, town[purse]),
        )
        assert len(won) == 1
        ends.append(town.one("SELECT state FROM holds WHERE id = %s", held))
        left = 30 if ends[-1] == "settled" else 100
        assert (town.has(purse), town.can_spend(purse)) == (left, left)
    assert town.has("wallet/baraka") == 70 * ends.count("settled")
    town.must_be_clean()


@pytest.mark.parametrize("mode", MODES)
def test_capture_against_capture(town: Town, mode: Mode) -> None:
    for _ in range(ROUNDS):
        purse = _purse(town, mode, 100)
        held = town.book.hold(town.draft(), NewHold(town[purse], 50, NOON)).entry_id
        drafts = [town.draft((purse, "wallet/baraka", amount)) for amount in (50, 30, 20)]
        won, _ = _raced(
            HoldNotOpen, *[partial(town.book.settle, draft, held, town[purse]) for draft in drafts]
        )
        assert len(won) == 1
        assert town.has(purse) == town.can_spend(purse)
    assert town.has("wallet/baraka") + _in_purses(town) == ROUNDS * 100
    town.must_be_clean()


def _in_purses(town: Town) -> int:
    return sum(minor for name, minor in town.balances().items() if name.startswith("wallet/purse"))


@pytest.mark.parametrize("mode", MODES)
def test_reversal_against_spend(town: Town, mode: Mode) -> None:
    for _ in range(ROUNDS):
        purse = _purse(town, mode, 1)
        town.fund("wallet/asha", 99)
        sent = town.move("wallet/asha", purse, 99).entry_id
        spend, undo = town.draft((purse, "wallet/baraka", 100)), town.draft()
        before = town.has("wallet/asha")
        won, _ = _raced(
            BelowFloor, partial(town.book.post, spend), partial(town.book.reverse, undo, sent)
        )
        assert len(won) == 1
        undone = town.one("SELECT count(*) FROM reversals WHERE reversed_id = %s", sent)
        assert town.has(purse) == undone
        assert town.has("wallet/asha") == before + 99 * undone
    town.must_be_clean()


@pytest.mark.parametrize("mode", MODES)
def test_an_entry_is_reversed_once_however_many_try(town: Town, mode: Mode) -> None:
    for _ in range(ROUNDS):
        purse = _purse(town, mode, 500)
        sent = town.move(purse, "wallet/baraka", 100).entry_id
        drafts = [town.draft() for _ in range(6)]
        won, _ = _raced(
            AlreadyReversed, *[partial(town.book.reverse, draft, sent) for draft in drafts]
        )
        assert len(won) == 1
        assert (town.has(purse), town.has("wallet/baraka")) == (500, 0)
    town.must_be_clean()


def test_the_last_of_a_limit_is_used_once(town: Town) -> None:
    town.fund("wallet/asha", 1_000)
    usage = Usage("1", "sent", NOON.date(), 10, 1, 30, None)
    drafts = [town.draft(("wallet/asha", "wallet/baraka", 10), usages=(usage,)) for _ in range(12)]
    results = together(*[partial(town.book.post, draft) for draft in drafts])
    assert len(all_well([r for r in results if not isinstance(r, Exception)])) == 3
    assert {type(failure).__name__ for failure in failures(results)} == {"LimitPassed"}
    assert town.book.usage("1", "sent", NOON.date()) == (30, 3)
    town.must_be_clean()


def test_holds_that_are_settled_at_once_do_not_pass_a_ceiling(town: Town) -> None:
    town.fund("wallet/asha", 100)
    asha, top = town["wallet/asha"], (Ceiling(town["wallet/baraka"], 55),)
    held = [town.book.hold(town.draft(), NewHold(asha, 10, NOON)).entry_id for _ in range(10)]
    capture = partial(town.draft, ("wallet/asha", "wallet/baraka", 10), ceilings=top)
    won, _ = _raced(
        AboveCeiling, *[partial(town.book.settle, capture(), hold, asha) for hold in held]
    )
    assert len(won) == 5
    assert (town.has("wallet/baraka"), town.can_spend("wallet/asha")) == (50, 0)
    town.must_be_clean()
