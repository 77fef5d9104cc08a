"""Savings pots: nobody else's, never below nothing, free from their day on and not before."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import savings
from ussd_app.domain.rounds import turn
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def open_pot(app: App, days: int = 30, key: str = "o:1", goal: str = "School") -> str:
    """Asha's new pot, by its number."""
    until = (business_day(app.clock.now()) + timedelta(days=days)).isoformat()
    args = {"goal": goal, "target": 10_000_00, "until": until, "pin": ASHA.pin}
    app.bank.serve("open_pot", ASHA.msisdn, args, key)
    return pots(app)[-1]


def pots(app: App, msisdn: str = ASHA.msisdn) -> list[str]:
    rows = app.bank.serve("pots", msisdn, {})["pots"]
    assert isinstance(rows, list)
    return [row["key"] for row in rows]


def quote(app: App, command: str, pot: str, amount: int, msisdn: str = ASHA.msisdn) -> str:
    return str(app.bank.serve(command, msisdn, {"pot": pot, "amount": amount})["quote_id"])


def move(app: App, command: str, pot: str, amount: int, key: str) -> None:
    args = {"quote": quote(app, command, pot, amount), "pin": ASHA.pin}
    app.bank.serve("accept_quote", ASHA.msisdn, args, key)


def held(app: App, pot: str) -> int:
    return int(str(app.bank.serve("pot", ASHA.msisdn, {"pot": pot})["held"]))


def wallet(app: App) -> int:
    answer = app.bank.serve("balance", ASHA.msisdn, {"pin": ASHA.pin}, app.ids.token())
    return int(str(answer["balance"]))


def outcome(call: Callable[[], object]) -> RefusalCode | None:
    """Why a call was refused; None when it was not."""
    try:
        call()
    except Refused as refusal:
        return refusal.code
    return None


def test_a_pot_is_its_owners_alone(app: App) -> None:
    pot = open_pot(app)
    move(app, "price_saving", pot, 500_00, "s:1")
    for command in ("price_saving", "price_taking"):
        call = lambda name=command: quote(app, name, pot, 1_00, BARAKA.msisdn)  # noqa: E731
        assert outcome(call) is RefusalCode.NOT_YOURS
    look = lambda: app.bank.serve("pot", BARAKA.msisdn, {"pot": pot})  # noqa: E731
    assert outcome(look) is RefusalCode.NOT_YOURS
    assert pots(app, BARAKA.msisdn) == []


def test_own_savings_are_not_sent(app: App) -> None:
    pot = open_pot(app)
    move(app, "price_saving", pot, 500_00, "s:1")
    (owner,) = _owner(app)
    assert app.book.usage(owner, "sent", business_day(app.clock.now())) == (0, 0)


def _owner(app: App) -> list[str]:
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT id FROM parties WHERE msisdn = %s", (ASHA.msisdn,)
        )
        return [str(id_) for id_ in found.scalars()]


def test_it_is_free_from_midnight_of_its_day_in_nairobi(app: App, clock: FrozenClock) -> None:
    pot = open_pot(app, days=1)
    move(app, "price_saving", pot, 500_00, "s:1")
    args = {"pot": pot, "amount": 100_00}
    clock.advance(seconds=timedelta(hours=11, minutes=29).total_seconds())  # 23:59
    early = app.bank.serve("price_taking", ASHA.msisdn, args)
    assert (early["when"], early["cost"]) == ("early", 1_00)
    clock.advance(seconds=60)
    free = app.bank.serve("price_taking", ASHA.msisdn, args)
    assert (free["when"], free["cost"]) == ("free", 0)


def test_whoever_races_for_a_pot_gets_what_is_in_it_and_no_more(app: App) -> None:
    pot = open_pot(app)
    move(app, "price_saving", pot, 500_00, "s:1")
    quotes = [quote(app, "price_taking", pot, 200_00) for _ in range(8)]

    def take(numbered: tuple[int, str]) -> RefusalCode | None:
        args = {"quote": numbered[1], "pin": ASHA.pin}
        key = f"t:{numbered[0]}"
        return outcome(lambda: app.bank.serve("accept_quote", ASHA.msisdn, args, key))

    with ThreadPoolExecutor(8) as pool:
        ends = Counter(pool.map(take, enumerate(quotes)))
    assert ends == {None: 2, RefusalCode.INSUFFICIENT_FUNDS: 6}
    assert held(app, pot) == 100_00
    assert audit.run(app.engine) == []


def test_who_opens_at_once_has_at_most_five(app: App) -> None:
    def attempt(number: int) -> RefusalCode | None:
        return outcome(lambda: open_pot(app, key=f"o:{number}"))

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(attempt, range(8))) == {None: 5, RefusalCode.TOO_MANY: 3}
    assert len(set(pots(app))) == 5


def test_an_emptied_pot_is_closed_once_and_told_once(app: App) -> None:
    pot, kept = open_pot(app, goal="Empty"), open_pot(app, key="o:2", goal="Kept")
    move(app, "price_saving", pot, 500_00, "s:1")
    move(app, "price_taking", pot, 500_00, "s:2")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: turn(app.bank.desk), range(4)))
    assert pots(app) == [kept]
    with app.engine.connect() as connection:
        told = connection.exec_driver_sql(
            "SELECT count(*) FROM outbox WHERE template = 'pot_closed'"
        ).scalar_one()
    assert told == 1


def test_a_pot_that_money_reached_while_it_was_closed_is_opened_again(app: App) -> None:
    pot = open_pot(app)
    move(app, "price_saving", pot, 500_00, "s:1")
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE agreements SET state = 'closed' WHERE kind = 'saving'")
    assert pots(app) == []
    assert savings.tidy(app.bank.desk) == 1
    assert held(app, pot) == 500_00


steps = st.lists(
    st.tuples(
        st.sampled_from(["price_saving", "price_taking"]),
        st.integers(0, 1),
        st.integers(1_00, 900_00),
    ),
    max_size=12,
)


@given(steps=steps)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_done_no_pot_is_below_nothing_and_nothing_is_lost(
    app: App, steps: list[tuple[str, int, int]]
) -> None:
    mine = pots(app) or [open_pot(app), open_pot(app, key="o:2", goal="House")]
    while len(mine) < 2:
        mine.append(open_pot(app, key=app.ids.token()))
    for command, which, amount in steps:
        before = wallet(app) + sum(held(app, pot) for pot in mine)
        took: list[int] = []

        def step(command: str = command, pot: str = mine[which], amount: int = amount) -> None:
            offered = app.bank.serve(command, ASHA.msisdn, {"pot": pot, "amount": amount})
            args = {"quote": offered["quote_id"], "pin": ASHA.pin}
            app.bank.serve("accept_quote", ASHA.msisdn, args, app.ids.token())
            took.append(int(str(offered.get("cost", 0))))  # noqa: B023

        assert outcome(step) in (None, RefusalCode.INSUFFICIENT_FUNDS)
        cost = sum(took)
        after = [held(app, pot) for pot in mine]
        assert min(after) >= 0
        assert wallet(app) + sum(after) == before - cost
    assert audit.run(app.engine) == []


def test_a_pot_that_is_never_used_is_closed(app: App, clock: FrozenClock) -> None:
    open_pot(app)
    clock.advance(seconds=timedelta(days=30, seconds=-1).total_seconds())
    assert savings.tidy(app.bank.desk) == 0
    clock.advance(seconds=2)
    assert savings.tidy(app.bank.desk) == 1
    assert pots(app) == []
