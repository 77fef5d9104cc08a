"""Proofs 13, 15 and 16: the past can be asked, shares sum exactly, and clocks may jump.

What the book held at a moment is what replaying its postings up to that moment gives.
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.town import NOON, Town
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.kernel.money import apportion, share_of
from ussd_app.ledger import folding, statements
from ussd_app.ledger.book import LimitPassed, Usage


def _replayed(town: Town, account: int, moment: datetime) -> int:
    """The slow way: every posting of an account, in the order of the book."""
    total = 0
    for side, own, amount, written_at in town.rows(
        "SELECT p.side, a.side, p.amount_minor, e.written_at FROM postings p"
        " JOIN entries e ON e.id = p.entry_id JOIN accounts a ON a.id = p.account_id"
        " WHERE p.account_id = %s",
        account,
    ):
        if written_at <= moment:
            total += amount if side == own else -amount
    return total


def test_a_past_balance_is_what_a_replay_gives(town: Town) -> None:
    chance = random.Random(13)
    town.fund("wallet/asha", 10_000)
    for turn in range(60):
        town.book.post(town.sent(chance.randint(1, 90), 7, 1))
        if turn == 20:
            town.book.set_mode(town["wallet/chege"], "tallied")
        town.move("wallet/baraka", "wallet/chege", 1)
        if turn % 25 == 0:
            folding.fold(town.engine)
    written = [row[0] for row in town.rows("SELECT written_at FROM entries ORDER BY 1")]
    instant = timedelta(microseconds=1)
    moments = [*chance.sample(written, 12), written[0] - instant, written[-1] + instant]
    with town.engine.connect() as connection:
        for name in ("wallet/asha", "wallet/baraka", "wallet/chege", "income/transfer_fees"):
            for moment in [*moments, moments[0] - instant]:
                asked = statements.balance_at(connection, town[name], moment)
                assert asked == _replayed(town, town[name], moment), (name, moment)
        assert statements.balance(connection, town["wallet/asha"]) == town.has("wallet/asha")
        with pytest.raises(LookupError):
            statements.balance(connection, 10**9)
        with pytest.raises(LookupError):
            statements.balance_at(connection, 10**9, NOON)


def test_the_latest_lines_tell_what_happened(town: Town) -> None:
    town.fund("wallet/asha", 10_000)
    for amount in range(1, 8):
        town.book.post(town.sent(amount * 100, 7, 1))
    with town.engine.connect() as connection:
        lines = statements.last_lines(connection, town["wallet/asha"], 5)
        legs = statements.last_postings(connection, town["wallet/asha"], 4)
        taken = statements.last_lines(connection, town["income/transfer_fees"], 2)
        everything = statements.last_lines(connection, town["wallet/asha"], 100)
    assert [line.amount_minor for line in lines] == [-707, -607, -507, -407, -307]
    assert {(line.other_kind, line.other_owner) for line in lines} == {("wallet", "baraka")}
    assert lines[0].balance_after == town.has("wallet/asha")
    assert [a.balance_after - a.amount_minor for a in lines[:-1] if a.balance_after] == [
        line.balance_after for line in lines[1:]
    ]
    assert sorted(leg.amount_minor for leg in legs) == [-700, -600, -7, -7]
    assert [(line.amount_minor, line.balance_after) for line in taken] == [(6, None), (6, None)]
    assert len(everything) == 8
    assert everything[-1].other_kind == "trust"


def test_a_sharded_account_has_a_statement_too(town: Town) -> None:
    town.fund("float/airtime", 1000)
    for amount in (1, 2, 3):
        town.move("float/airtime", "wallet/asha", amount)
    with town.engine.connect() as connection:
        lines = statements.last_lines(connection, town["float/airtime"], 3)
        asked = statements.balance_at(connection, town["float/airtime"], datetime.now(UTC))
    assert [line.amount_minor for line in lines] == [-3, -2, -1]
    assert asked == 994


def test_a_clock_that_jumps_back_confuses_no_account(town: Town) -> None:
    """`happened_at` is the caller's; the book's order and balances do not hang on it."""
    clock = FrozenClock(NOON)
    town.fund("wallet/asha", 1000)
    for step in (0, 3600, -86_400, 10, -5):
        clock.advance(seconds=step)
        town.move("wallet/asha", "wallet/baraka", 10, happened_at=clock.now())
    with town.engine.connect() as connection:
        lines = statements.last_lines(connection, town["wallet/asha"], 6)
    assert [line.balance_after for line in lines] == [950, 960, 970, 980, 990, 1000]
    town.must_be_clean()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-21T20:59:59.999999+00:00", "2026-11-21"),
        ("2026-11-21T21:00:00+00:00", "2026-11-22"),
        ("2026-12-31T20:59:59+00:00", "2026-12-31"),
        ("2026-12-31T21:00:00+00:00", "2027-01-01"),
        ("2028-02-28T21:00:00+00:00", "2028-02-29"),
    ],
)
def test_a_limit_starts_anew_at_midnight_in_nairobi(town: Town, moment: str, day: str) -> None:
    now = datetime.fromisoformat(moment)
    assert business_day(now).isoformat() == day
    town.fund("wallet/asha", 1000)

    def send(when: datetime) -> None:
        usage = Usage("1", "sent", business_day(when), 60, 1, 100, 9)
        town.move("wallet/asha", "wallet/baraka", 60, happened_at=when, usages=(usage,))

    send(now)
    with pytest.raises(LimitPassed):
        send(now)
    send(now + timedelta(days=1))
    send(now - timedelta(days=1))


@given(total=st.integers(0, 10**15), weights=st.lists(st.integers(0, 10**9), min_size=1))
def test_shares_sum_exactly_in_any_order(total: int, weights: list[int]) -> None:
    if not any(weights):
        weights[0] = 1
    shares = apportion(total, weights)
    assert sum(shares) == total
    assert sorted(shares) == sorted(apportion(total, weights[::-1]))


@given(fee=st.integers(0, 10**12), percent=st.integers(0, 100))
def test_a_part_of_a_fee_never_passes_the_fee(fee: int, percent: int) -> None:
    assert 0 <= share_of(fee, Decimal(percent) / 100) <= fee
