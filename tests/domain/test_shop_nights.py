"""Takings to the wallet by the clock, and the day that its owner is told of."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.domain.street import (
    JUMA,
    at_once,
    crowd,
    entries,
    held,
    open_street,
    pay,
    shop,
    sound,
    wallet,
)
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain import settlements
from ussd_app.kernel.clock import FrozenClock


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    open_street(app)


def at_night(app: App, where: str = "wallet") -> None:
    args = {"shop": str(shop(app).id), "settle": where, "pin": JUMA.pin}
    app.bank.serve("set_settlement", JUMA.msisdn, args, "n:set")


def test_a_night_settles_once_however_many_are_at_it(app: App) -> None:
    at_night(app)
    pay(app, ASHA, 500_00)
    pay(app, BARAKA, 20_00, "pay_bill")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: settlements.settle_all(app.bank.desk), range(8)))
    pay(app, ASHA, 100_00)
    assert settlements.settle_all(app.bank.desk) == 0 or entries(app, "settle_till") == 1
    assert entries(app, "settle_till") == 1
    assert (wallet(app, JUMA), held(app, shop(app).account_id)) == (500_00, 100_00)
    assert held(app, shop(app, "paybill").account_id) == 20_00
    sound(app)


def test_a_night_moves_what_the_wallet_can_hold(app: App) -> None:
    at_night(app)
    tier = app.catalogue.tiers[1]
    pay(app, ASHA, 500_00)
    object.__setattr__(tier, "balance_minor", 300_00)
    assert settlements.settle_all(app.bank.desk) == 1
    assert (wallet(app, JUMA), held(app, shop(app).account_id)) == (300_00, 200_00)


def test_a_night_and_sixteen_payers_lose_nothing(app: App) -> None:
    payers = crowd(app)
    at_night(app)
    calls: list[Callable[[], object]] = [
        lambda who=who: pay(app, who, 50_00)  # type: ignore[misc]
        for who in payers[:12]
    ]
    calls[6:6] = [lambda: settlements.settle_all(app.bank.desk)] * 4
    assert at_once(calls) == {"done": 16}
    assert wallet(app, JUMA) + held(app, shop(app).account_id) == 600_00
    sound(app)


def test_the_day_is_summed_up_once(app: App, clock: FrozenClock) -> None:
    pay(app, ASHA, 500_00)
    clock.advance(seconds=86_400)
    assert [settlements.tell_all(app.bank.desk) for _ in range(3)] == [1, 0, 0]
    with app.engine.connect() as connection:
        told = connection.execute(text("SELECT facts FROM outbox WHERE template = 'shop_day'"))
        (facts,) = told.scalars().all()
    assert (facts["sales"], facts["sold"], facts["balance"]) == (1, 500_00, 500_00)
