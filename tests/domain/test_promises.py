"""Promises: what is held becomes the payment or is free again, once and never both."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from tests.domain.trade import accept, held, party, quote
from tests.people import ASHA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import promises
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.ledger import audit
from ussd_app.ledger.refusals import HoldNotOpen

AMOUNT = 100_00


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def promise(app: App, amount: int = AMOUNT, key: str = "s:buy:1") -> int:
    """Asha buys airtime; the id of the hold."""
    receipt = accept(app, ASHA, quote(app, ASHA, "buy_airtime", amount), key)["receipt"]
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id FROM entries WHERE receipt = %s", (receipt,))
        return int(found.scalar_one())


def wallet(app: App) -> tuple[int, int]:
    """What asha has, and what of it she can spend."""
    name = f"wallet/{party(app, ASHA).owner}"
    account = app.book.accounts([name])[name]
    found = app.book.balances([account])[account]
    return found.total, found.available


def used(app: App, clock: FrozenClock) -> tuple[int, int]:
    return app.book.usage(party(app, ASHA).owner, "sent", business_day(clock.now()))


def said(app: App) -> Counter[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT template FROM outbox WHERE kind = 'sms'")
        return Counter(rows.scalars())


def test_what_is_promised_is_held_and_not_gone(app: App) -> None:
    promise(app)
    assert wallet(app) == (1_500_00, 1_400_00)
    assert held(app, "airtime/house") == 0
    assert said(app)["airtime_bought"] == 0
    assert audit.run(app.engine) == []


def test_what_is_settled_is_paid_and_said_once(app: App) -> None:
    hold = promise(app)
    first = promises.settle(app.bank.desk, hold, "a")
    assert [promises.settle(app.bank.desk, hold, "a") for _ in range(3)] == [first] * 3
    assert wallet(app) == (1_400_00, 1_400_00)
    assert held(app, "airtime/house") == 96_00
    assert said(app)["airtime_bought"] == 1
    assert audit.run(app.engine) == []


def test_what_is_voided_is_free_and_said_once(app: App, clock: FrozenClock) -> None:
    hold = promise(app)
    assert used(app, clock) == (AMOUNT, 1)
    first = promises.void(app.bank.desk, hold, "a")
    assert [promises.void(app.bank.desk, hold, "a") for _ in range(3)] == [first] * 3
    assert wallet(app) == (1_500_00, 1_500_00)
    assert used(app, clock) == (0, 0)
    assert said(app)["airtime_failed"] == 1
    assert audit.run(app.engine) == []


@pytest.mark.parametrize("first", [promises.settle, promises.void])
@pytest.mark.parametrize("second", [promises.settle, promises.void])
def test_what_has_ended_cannot_end_again(
    app: App, clock: FrozenClock, first: Callable[..., str], second: Callable[..., str]
) -> None:
    hold = promise(app)
    first(app.bank.desk, hold, "a")
    before = (wallet(app), used(app, clock), said(app))
    with pytest.raises(HoldNotOpen):
        second(app.bank.desk, hold, "b")
    assert (wallet(app), used(app, clock), said(app)) == before
    assert audit.run(app.engine) == []


@pytest.mark.parametrize("number", range(4))
def test_of_yes_and_no_at_once_one_holds(app: App, clock: FrozenClock, number: int) -> None:
    hold, together = promise(app), Barrier(8)

    def end(place: int) -> str:
        how = promises.settle if place % 2 else promises.void
        together.wait()
        try:
            how(app.bank.desk, hold, f"end:{number}:{place}")
        except HoldNotOpen:
            return "late"
        return how.__name__

    with ThreadPoolExecutor(8) as pool:
        ends = Counter(pool.map(end, range(8)))
    assert ends.pop("late") == 7
    assert sum(said(app).values()) == 1
    left = {"settle": 1_400_00, "void": 1_500_00}[next(iter(ends))]
    assert wallet(app) == (left, left)
    assert audit.run(app.engine) == []


def test_a_limit_is_given_back_on_the_day_of_the_promise(app: App, clock: FrozenClock) -> None:
    hold, day = promise(app), business_day(clock.now())
    clock.advance(seconds=86_400)
    promise(app, 50_00, "s:buy:2")
    promises.void(app.bank.desk, hold, "a")
    owner = party(app, ASHA).owner
    assert app.book.usage(owner, "sent", day) == (0, 0)
    assert used(app, clock) == (50_00, 1)


@pytest.mark.parametrize(
    ("limit", "most"), [("daily_value_minor", 1_00), ("daily_count", 1), ("monthly_count", 1)]
)
def test_a_limit_that_was_lowered_does_not_keep_a_promise_open(
    app: App, limit: str, most: int
) -> None:
    """Two more were made meanwhile: what is left after giving back is still above the new limit."""
    hold = promise(app)
    promise(app, 200_00, "s:buy:2")
    promise(app, 300_00, "s:buy:3")
    tier: Any = app.catalogue.tiers[1]
    before = getattr(tier, limit)
    object.__setattr__(tier, limit, most)
    try:
        promises.void(app.bank.desk, hold, "a")
    finally:
        object.__setattr__(tier, limit, before)
    assert wallet(app) == (1_500_00, 1_000_00)


def test_what_was_settled_can_be_undone_once(app: App, clock: FrozenClock) -> None:
    hold = promise(app)
    promises.settle(app.bank.desk, hold, "a")
    first = promises.undo(app.bank.desk, hold, "b")
    assert promises.undo(app.bank.desk, hold, "b") == first
    assert wallet(app) == (1_500_00, 1_500_00)
    assert used(app, clock) == (0, 0)
    assert held(app, "airtime/house") == 0
    assert audit.run(app.engine) == []
