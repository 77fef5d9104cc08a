"""Limits of a day and of a month: counted with the entry, given back with it, and never leaked."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import guards, parties
from ussd_app.domain.bank import Bank
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def quote(app: App, amount: int) -> str:
    args = {"type": "send_money", "payee": BARAKA.msisdn, "amount": amount}
    return str(app.bank.serve("quote", ASHA.msisdn, args)["quote_id"])


def accept(app: App, quote_id: str, key: str) -> RefusalCode | None:
    try:
        app.bank.serve("accept_quote", ASHA.msisdn, {"quote": quote_id, "pin": ASHA.pin}, key)
    except Refused as refused:
        return refused.code
    return None


def send(app: App, amount: int, key: str) -> RefusalCode | None:
    try:
        return accept(app, quote(app, amount), key)
    except Refused as refused:
        return refused.code


@pytest.fixture
def tier(app: App) -> Iterator[Any]:
    """Asha's tier, to be changed for a test by object.__setattr__."""
    found = app.catalogue.tiers[1]
    before = dict(vars(found))
    yield found
    for name, value in before.items():
        object.__setattr__(found, name, value)


def used(app: App, counter: str, day: datetime) -> tuple[int, int]:
    party = parties.known(app.bank.desk.reads, ASHA.msisdn)
    return app.book.usage(party.owner, counter, day.date())


@pytest.mark.parametrize(
    ("limit", "most", "refusal"),
    [
        ("daily_value_minor", 200_00, RefusalCode.DAILY_LIMIT),
        ("daily_count", 4, RefusalCode.DAILY_COUNT),
        ("monthly_value_minor", 200_00, RefusalCode.MONTHLY_LIMIT),
        ("monthly_count", 4, RefusalCode.MONTHLY_COUNT),
    ],
)
def test_sixteen_racing_for_a_limit_do_not_leak_it(
    app: App, tier: Any, clock: FrozenClock, limit: str, most: int, refusal: RefusalCode
) -> None:
    quotes = [quote(app, 50_00) for _ in range(16)]
    object.__setattr__(tier, limit, most)
    with ThreadPoolExecutor(16) as pool:
        codes = Counter(pool.map(lambda n: accept(app, quotes[n], f"s:send:{n}"), range(16)))
    assert codes == {None: 4, refusal: 12}
    assert used(app, "sent", clock.now()) == (200_00, 4)
    assert used(app, "sent_monthly", clock.now().replace(day=1)) == (200_00, 4)


def test_a_month_is_the_calendars_in_nairobi(app: App, tier: Any, clock: FrozenClock) -> None:
    object.__setattr__(tier, "monthly_value_minor", 100_00)
    assert send(app, 100_00, "a") is None
    assert send(app, 1_00, "b") is RefusalCode.MONTHLY_LIMIT
    last = datetime(2026, 11, 30, 20, 59, 59, tzinfo=UTC)
    clock.advance(seconds=(last - clock.now()).total_seconds())
    assert send(app, 1_00, "c") is RefusalCode.MONTHLY_LIMIT
    clock.advance(seconds=1)
    assert send(app, 100_00, "d") is None


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("daily_count", RefusalCode.DAILY_COUNT),
        ("monthly_count", RefusalCode.MONTHLY_COUNT),
    ],
)
def test_a_count_is_used_up_at_its_limit(
    app: App, tier: Any, limit: str, code: RefusalCode
) -> None:
    object.__setattr__(tier, limit, 2)
    assert [send(app, 1_00, key) for key in "abc"] == [None, None, code]
    assert app.bank.serve("balance", ASHA.msisdn, {"pin": ASHA.pin}, "e")["spendable_today"] == 0


def test_what_may_still_be_sent_today_is_the_tighter_of_the_two(app: App, tier: Any) -> None:
    object.__setattr__(tier, "monthly_value_minor", 300_00)
    assert send(app, 100_00, "a") is None
    facts = app.bank.serve("balance", ASHA.msisdn, {"pin": ASHA.pin}, "b")
    assert facts["spendable_today"] == 200_00


def test_the_day_is_refused_before_the_month(app: App, tier: Any) -> None:
    object.__setattr__(tier, "daily_value_minor", 50_00)
    object.__setattr__(tier, "monthly_value_minor", 50_00)
    assert send(app, 51_00, "a") is RefusalCode.DAILY_LIMIT


def test_a_customer_of_the_lowest_tier_may_do_less(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE parties SET tier = 0")
    with pytest.raises(Refused) as refusal:
        quote(app, 10_001_00)
    assert refusal.value.code is RefusalCode.AMOUNT_TOO_LARGE
    assert refusal.value.facts == {"most": 10_000_00}


# guards


def refused(app: App, amount: int = 1_00) -> RefusalCode | None:
    try:
        quote(app, amount)
    except Refused as refusal:
        return refusal.code
    return None


def test_a_window_closes_its_own_types_until_it_ends_or_is_called_off(
    app: App, clock: FrozenClock
) -> None:
    desk, now = app.bank.desk, clock.now()
    hour = timedelta(hours=1)
    guards.close_for(desk, now, now + hour, ["pay_till"], "tills", "joyce")
    later = guards.close_for(desk, now + hour, now + 2 * hour, [], "all", "joyce")
    assert refused(app) is None
    clock.advance(seconds=3600)
    assert refused(app) is RefusalCode.MAINTENANCE
    assert [window.id for window in guards.windows(desk)] == [later]
    assert guards.call_off(desk, later)
    clock.advance(seconds=1)
    assert refused(app) is None
    assert not guards.call_off(desk, later)


def test_a_window_names_types_that_there_are_and_ends_after_it_begins(
    app: App, clock: FrozenClock
) -> None:
    now = clock.now()
    with pytest.raises(ValueError, match="no such types: sendmoney"):
        guards.close_for(app.bank.desk, now, now + timedelta(1), ["sendmoney"], "x", "joyce")
    with pytest.raises(ValueError, match="ends before it begins"):
        guards.close_for(app.bank.desk, now, now, [], "x", "joyce")


def test_too_many_in_a_minute_are_too_fast_until_the_minute_is_over(
    app: App, clock: FrozenClock
) -> None:
    most = app.bank.desk.payments_per_minute
    assert [send(app, 1_00, str(n)) for n in range(most)] == [None] * most
    assert refused(app) is RefusalCode.TOO_FAST
    clock.advance(seconds=60)
    assert refused(app) is None


def test_what_is_only_promised_counts_among_the_payments_of_a_minute(
    app: App, clock: FrozenClock
) -> None:
    def buy(n: int) -> None:
        args = {"receiver": ASHA.msisdn, "amount": 10_00}
        quoted = app.bank.serve("airtime_quote", ASHA.msisdn, args)["quote_id"]
        app.bank.serve("accept_quote", ASHA.msisdn, {"quote": quoted, "pin": ASHA.pin}, f"air{n}")

    most = app.bank.desk.payments_per_minute
    assert [send(app, 1_00, str(n)) for n in range(most - 5)] == [None] * (most - 5)
    for n in range(5):
        buy(n)
    assert refused(app) is RefusalCode.TOO_FAST
    clock.advance(seconds=60)
    buy(most)


def test_where_any_number_may_be_paid_in_a_minute_promises_do_not_count(app: App) -> None:
    desk = replace(app.bank.desk, payments_per_minute=0)
    bank = Bank(desk)
    for n in range(3):
        quoted = bank.serve("airtime_quote", ASHA.msisdn, {"amount": 10_00})["quote_id"]
        bank.serve("accept_quote", ASHA.msisdn, {"quote": quoted, "pin": ASHA.pin}, f"any{n}")


def test_an_amount_is_unusual_above_both_marks_and_with_a_habit(
    app: App, clock: FrozenClock
) -> None:
    desk = app.bank.desk
    wallet = parties.known(desk.reads, ASHA.msisdn).wallet_id

    def unusual(amount: int) -> bool:
        return guards.is_unusual(desk, wallet, amount, amount)

    send(app, 50_00, "a")
    send(app, 100_00, "b")
    assert not unusual(400_000_00)
    send(app, 20_00, "c")
    assert not unusual(10_000_00)
    assert unusual(10_000_01)
    clock.advance(seconds=30 * 86_400 + 1)
    assert not unusual(400_000_00)


def test_a_party_that_was_closed_is_unknown(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE parties SET status = 'closed' WHERE msisdn = %s", (BARAKA.msisdn,)
        )
    assert refused(app) is RefusalCode.UNKNOWN_PAYEE
    with pytest.raises(Refused) as refusal:
        app.bank.serve("caller", BARAKA.msisdn, {})
    assert refusal.value.code is RefusalCode.NOT_REGISTERED


def test_whoever_is_on_the_list_is_frozen_once_and_stays_so(app: App) -> None:
    desk = app.bank.desk
    guards.block(desk, BARAKA.national_id, "court", "joyce")
    guards.block(desk, BARAKA.national_id, "fraud", "daudi")
    assert [guards.freeze_blocked(desk) for _ in range(2)] == [1, 0]
    assert refused(app) is RefusalCode.PAYEE_FROZEN
    assert [guards.unblock(desk, BARAKA.national_id) for _ in range(2)] == [True, False]
    assert guards.freeze_blocked(desk) == 0
    assert refused(app) is RefusalCode.PAYEE_FROZEN
    with pytest.raises(ValueError, match="the reasons are"):
        guards.block(desk, BARAKA.national_id, "because", "joyce")
