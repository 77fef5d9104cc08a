"""Standing orders: every due day is paid once, given up once or missed once, whatever clocks do."""

import calendar
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import due, parties, roles, transact
from ussd_app.domain.days import MONTH, WEEK, at_hour, due_after, month_later
from ussd_app.domain.desk import Desk
from ussd_app.domain.roles import WALLET, Side
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit

FEE = 7_00
days = st.dates(date(2024, 1, 1), date(2032, 12, 31))


# -- days


@given(first=days, day=days)
def test_weekly_days_are_a_week_apart_from_the_first(first: date, day: date) -> None:
    following = due_after(WEEK, first, day)
    assert following > day
    assert following >= first
    assert (following - first).days % 7 == 0
    assert following == first or following - timedelta(weeks=1) <= day


@given(first=days, day=days)
def test_monthly_days_keep_the_day_or_are_the_months_last(first: date, day: date) -> None:
    following = due_after(MONTH, first, day)
    assert following > day
    assert following >= first
    last = calendar.monthrange(following.year, following.month)[1]
    assert following.day == min(first.day, last)


@given(first=days)
def test_no_month_is_left_out_and_none_comes_twice(first: date) -> None:
    day = first
    for n in range(1, 30):
        day = due_after(MONTH, first, day)
        assert day == month_later(first, n)


def test_the_thirty_first_is_the_months_last_and_comes_back() -> None:
    first = date(2027, 1, 31)
    assert due_after(MONTH, first, first) == date(2027, 2, 28)
    assert due_after(MONTH, first, date(2027, 2, 28)) == date(2027, 3, 31)
    assert due_after(MONTH, first, date(2028, 1, 31)) == date(2028, 2, 29)


# -- payments


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def agree(
    app: App, first: date, every: str = MONTH, until: date | None = None, amount: int = 100_00
) -> None:
    args = {
        "payee": BARAKA.msisdn,
        "amount": amount,
        "first": first.isoformat(),
        "every": every,
        "until": (until or first + timedelta(days=300)).isoformat(),
        "pin": ASHA.pin,
    }
    app.bank.serve("set_standing_order", ASHA.msisdn, args, app.ids.token())


def go_to(clock: FrozenClock, moment: datetime) -> None:
    clock.advance(seconds=(moment - clock.now()).total_seconds())


def outcomes(app: App) -> dict[date, str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT day, outcome FROM standing_days ORDER BY day")
        return {row.day: row.outcome for row in rows}


def paid(app: App) -> int:
    """How many payments the ledger has."""
    with app.engine.connect() as connection:
        return int(
            connection.exec_driver_sql(
                "SELECT count(*) FROM entries WHERE type = 'standing_order'"
            ).scalar_one()
        )


def told(app: App) -> Counter[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT template FROM outbox WHERE template LIKE 'standing%%'"
        )
        return Counter(rows.scalars())


def tomorrow(app: App) -> date:
    return business_day(app.clock.now()) + timedelta(days=1)


def test_two_workers_pay_each_day_once(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    for _ in range(4):
        agree(app, first, WEEK)
    go_to(clock, at_hour(first, 6))
    with ThreadPoolExecutor(4) as pool:
        made = sum(pool.map(lambda _: due.pay_due(app.bank.desk), range(8)))
    assert (made, paid(app)) == (4, 4)
    assert due.pay_due(app.bank.desk) == 0
    assert audit.run(app.engine) == []


def test_a_worker_that_dies_after_the_payment_does_not_pay_again(
    app: App, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tomorrow(app)
    agree(app, first, amount=1_400_00)  # so much that it could be paid only once
    go_to(clock, at_hour(first, 6))
    real = due._move_on

    def dies(*_: object) -> date | None:
        raise KeyboardInterrupt

    monkeypatch.setattr(due, "_move_on", dies)
    with pytest.raises(KeyboardInterrupt):
        due.pay_due(app.bank.desk)
    assert (paid(app), outcomes(app)) == (1, {})
    monkeypatch.setattr(due, "_move_on", real)
    assert due.pay_due(app.bank.desk) == 1
    assert (paid(app), outcomes(app)) == (1, {first: "paid"})
    assert told(app)["standing_paid"] == 1
    assert not told(app)["standing_short"]


def test_an_order_that_fails_leaves_the_others_to_their_turn(
    app: App, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tomorrow(app)
    agree(app, first)
    agree(app, first, amount=200_00)
    go_to(clock, at_hour(first, 6))
    real = transact.apply

    def stumbles(desk: Desk, kind: str, sides: Mapping[str, Side], amount: int, key: str) -> str:
        if amount == 100_00:
            raise ValueError("something that nobody foresaw")
        return real(desk, kind, sides, amount, key)

    monkeypatch.setattr(transact, "apply", stumbles)
    with pytest.raises(ValueError, match="nobody foresaw"):
        due.pay_due(app.bank.desk)
    assert paid(app) == 1
    monkeypatch.setattr(transact, "apply", real)
    assert due.pay_due(app.bank.desk) == 1


def test_it_is_not_tried_before_its_hour_in_nairobi(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first)
    go_to(clock, at_hour(first, 6) - timedelta(seconds=1))
    assert due.pay_due(app.bank.desk) == 0
    clock.advance(seconds=1)
    assert due.pay_due(app.bank.desk) == 1


def test_three_tries_in_a_day_then_the_next_date(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first, amount=5_000_00)
    for hour, expected in ((6, {}), (9, {}), (12, {}), (18, {first: "unpaid"})):
        go_to(clock, at_hour(first, hour))
        assert due.pay_due(app.bank.desk) == 0
        assert outcomes(app) == expected
    assert told(app) == {"standing_set_month": 1, "standing_short": 1, "standing_unpaid": 1}
    go_to(clock, at_hour(first, 24))
    assert due.pay_due(app.bank.desk) == 0
    assert outcomes(app) == {first: "unpaid"}


def test_a_worker_down_for_three_days_pays_late_and_once(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first, WEEK)
    go_to(clock, at_hour(first + timedelta(days=3), 23))
    assert due.pay_due(app.bank.desk) == 1
    assert outcomes(app) == {first: "paid"}


def test_a_worker_down_for_weeks_says_what_was_missed(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first, WEEK)
    go_to(clock, at_hour(first + timedelta(weeks=3, days=1), 8))
    assert due.pay_due(app.bank.desk) == 1
    weeks = [first + timedelta(weeks=n) for n in range(4)]
    assert outcomes(app) == dict(zip(weeks, ["missed"] * 3 + ["paid"], strict=True))
    assert told(app)["standing_missed"] == 1


def test_clocks_that_jump_back_and_forth_pay_nothing_twice(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first, WEEK)
    go_to(clock, at_hour(first, 7))
    due.pay_due(app.bank.desk)
    for jump in (-2, 1, -8, 9, -1):
        clock.advance(seconds=86_400 * jump)
        due.pay_due(app.bank.desk)
    assert paid(app) == 1


def test_the_last_day_ends_the_order(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first, WEEK, until=first + timedelta(days=6))
    go_to(clock, at_hour(first, 6))
    assert due.pay_due(app.bank.desk) == 1
    assert told(app)["standing_ended"] == 1
    assert app.bank.serve("standing_orders", ASHA.msisdn, {})["orders"] == []


def test_an_order_that_was_stopped_pays_nothing(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first)
    (row,) = _rows(app)
    args = {"order": row["key"], "pin": ASHA.pin}
    with pytest.raises(Refused) as refusal:
        app.bank.serve("stop_standing_order", BARAKA.msisdn, args | {"pin": BARAKA.pin}, "x:1")
    assert refusal.value.code is RefusalCode.NOT_YOURS
    app.bank.serve("stop_standing_order", ASHA.msisdn, args, "x:2")
    go_to(clock, at_hour(first, 6))
    assert due.pay_due(app.bank.desk) == 0


def _rows(app: App) -> list[dict[str, str]]:
    rows = app.bank.serve("standing_orders", ASHA.msisdn, {})["orders"]
    assert isinstance(rows, list)
    return rows


def test_a_frozen_payee_is_no_reason_to_try_again(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first)
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE parties SET status = 'frozen' WHERE msisdn = %s", (BARAKA.msisdn,)
        )
    go_to(clock, at_hour(first, 6))
    due.pay_due(app.bank.desk)
    assert outcomes(app) == {first: "unpaid"}


def test_the_days_limits_hold(app: App, clock: FrozenClock) -> None:
    first = tomorrow(app)
    agree(app, first)
    go_to(clock, at_hour(first, 6))
    object.__setattr__(app.catalogue.tiers[1], "daily_value_minor", 50_00)
    assert due.pay_due(app.bank.desk) == 0
    assert paid(app) == 0


# -- apply


def test_apply_gives_a_repeated_key_its_first_receipt(app: App) -> None:
    desk = app.bank.desk
    payer, payee = (parties.known(app.engine, each.msisdn) for each in (ASHA, BARAKA))
    sides = {"payer": roles.own(desk, WALLET, payer), "payee": roles.own(desk, WALLET, payee)}

    def pay(_: int) -> str:
        return transact.apply(desk, "standing_order", sides, 1_000_00, "standing:1:2026-12-01")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(pay, range(8)))) == 1
    assert paid(app) == 1
    with pytest.raises(Refused) as refusal:
        transact.apply(desk, "standing_order", sides, 1_000_00, "another")
    assert refusal.value.code is RefusalCode.INSUFFICIENT_FUNDS
