"""Takings to the wallet by the clock, and the day that its owner is told of."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

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
from ussd_app.domain import guards, orders, settlements
from ussd_app.domain.commands import NotYet
from ussd_app.domain.desk import Desk
from ussd_app.domain.orders import Order
from ussd_app.kernel.clock import FrozenClock
from ussd_app.ledger.book import Written


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


def told(app: App, template: str) -> int:
    with app.engine.connect() as connection:
        counted = "SELECT count(*) FROM outbox WHERE template = :template"
        return int(connection.execute(text(counted), {"template": template}).scalar_one())


def test_what_a_closed_window_kept_is_moved_in_the_same_night(app: App, clock: FrozenClock) -> None:
    at_night(app)
    pay(app, ASHA, 500_00)
    now = clock.now()
    guards.close_for(app.bank.desk, now, now + timedelta(hours=1), [], "bank moves", "ann")
    with pytest.raises(NotYet):
        settlements.settle_all(app.bank.desk)
    assert held(app, shop(app).account_id) == 500_00
    clock.advance(seconds=3_601)
    assert settlements.settle_all(app.bank.desk) == 1
    assert (wallet(app, JUMA), told(app, "shop_unsettled")) == (500_00, 0)


def test_an_owner_is_told_once_of_takings_that_stay(app: App) -> None:
    at_night(app)
    pay(app, ASHA, 500_00)
    object.__setattr__(app.catalogue.tiers[1], "balance_minor", 0)
    assert [settlements.settle_all(app.bank.desk) for _ in range(2)] == [0, 0]
    assert (held(app, shop(app).account_id), told(app, "shop_unsettled")) == (500_00, 1)


def test_a_night_without_takings_is_no_news(app: App) -> None:
    at_night(app)
    assert settlements.settle_all(app.bank.desk) == 0
    assert told(app, "shop_unsettled") == 0


def test_a_shop_that_fails_leaves_the_others_to_their_turn(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_night(app)
    paybill = shop(app, "paybill")
    args = {"shop": str(paybill.id), "settle": "wallet", "pin": JUMA.pin}
    app.bank.serve("set_settlement", JUMA.msisdn, args, "n:paybill")
    pay(app, ASHA, 500_00)
    pay(app, BARAKA, 20_00, "pay_bill")
    settle = orders.carry_out

    def carry_out(desk: Desk, order: Order, scope: str, key: str, digest: bytes) -> Written:
        if order.kind.name == "settle_till":
            raise RuntimeError("the till's row is damaged")
        return settle(desk, order, scope, key, digest)

    monkeypatch.setattr(orders, "carry_out", carry_out)
    with pytest.raises(RuntimeError, match="damaged"):
        settlements.settle_all(app.bank.desk)
    assert (held(app, shop(app).account_id), held(app, paybill.account_id)) == (500_00, 0)
    monkeypatch.undo()
    settlements.settle_all(app.bank.desk)
    assert wallet(app, JUMA) == 520_00
    sound(app)


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
