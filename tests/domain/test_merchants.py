"""Shops on a real ledger: who pays there, and who may do what."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from tests.domain.street import (
    CROWD,
    JUMA,
    at_once,
    crowd,
    held,
    must_refuse,
    open_street,
    pay,
    shop,
    sound,
    wallet,
)
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused

OUTLET = Seed(
    *("+254744000004", "Wakuu Supplies", "en", "4444", "22000004", 0),
    (Planted("agency", "41001", "Wakuu", 50_000_00),),
)


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    open_street(app)


def test_sixteen_pay_one_till_at_once(app: App) -> None:
    payers = crowd(app)
    done = at_once([lambda who=who: pay(app, who, 100_00) for who in payers])  # type: ignore[misc]
    assert done == {"done": 16}
    assert held(app, shop(app).account_id) == 1_600_00
    sound(app)


def test_nobody_waits_for_a_billers_row(app: App, engine: Engine) -> None:
    """Whoever holds the row of the account that half of all payments go to stops none of them."""
    account = shop(app, "paybill").account_id
    with engine.begin() as other:
        other.execute(text("SELECT FROM accounts WHERE id = :id FOR UPDATE"), {"id": account})
        pay(app, ASHA, 1_200_00, "pay_bill")
    assert held(app, account) == 1_195_00
    sound(app)


def test_only_the_owner_moves_money_and_a_stranger_sees_nothing(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    till = str(shop(app).id)
    add = {"shop": till, "operator": BARAKA.msisdn, "pin": JUMA.pin}
    app.bank.serve("add_shop_operator", JUMA.msisdn, add, "o:1")
    look = {"shop": till, "pin": BARAKA.pin}
    assert app.bank.serve("shop_sales", BARAKA.msisdn, look, "o:2")["sold"] == 500_00
    asked = {**look, "payment": receipt, "operator": ASHA.msisdn, "settle": "wallet"}
    for command in ("refund", "settle_shop", "add_shop_operator", "set_settlement"):
        must_refuse(
            RefusalCode.OWNER_ONLY,
            lambda name=command: app.bank.serve(name, BARAKA.msisdn, asked, f"o:{name}"),  # type: ignore[misc]
        )
        must_refuse(
            RefusalCode.NOT_YOURS,
            lambda name=command: app.bank.serve(  # type: ignore[misc]
                name, ASHA.msisdn, asked | {"pin": ASHA.pin}, f"a:{name}"
            ),
        )
    must_refuse(
        RefusalCode.NOT_YOURS,
        lambda: app.bank.serve("shop_sales", ASHA.msisdn, look | {"pin": ASHA.pin}, "a:2"),
    )
    sound(app)


def test_a_wrong_pin_orders_nothing_and_is_counted_once_a_key(app: App) -> None:
    pay(app, ASHA, 500_00)
    args = {"shop": str(shop(app).id), "pin": "0000"}
    for _ in range(3):
        with pytest.raises(Refused) as refusal:
            app.bank.serve("settle_shop", JUMA.msisdn, args, "w:1")
        assert (refusal.value.code, refusal.value.facts) == (RefusalCode.WRONG_PIN, {"left": 2})
    assert wallet(app, JUMA) == 0


def test_a_number_has_one_pochi(app: App) -> None:
    args = {"name": "Asha Nails", "category": "services", "pin": ASHA.pin}
    opened = [lambda n=n: app.bank.serve("open_pochi", ASHA.msisdn, args, f"p:{n}") for n in "ab"]
    assert at_once(opened) == {"done": 1, "number_taken": 1}
    assert app.bank.serve("my_pochi", ASHA.msisdn, {}) == {"pochi": "open"}


def test_a_pochi_holds_no_more_than_its_owners_tier_lets_a_wallet(app: App) -> None:
    most = app.catalogue.tiers[1].balance_minor
    rich, other = (replace(who, balance_minor=most) for who in CROWD[:2])
    plant(app.bank.desk, (rich, other))
    for n, amount in enumerate((250_000_00, 240_000_00)):
        pay(app, rich, amount, "pay_pochi", f"k{n}")
    asked = {"type": "pay_pochi", "payee": JUMA.msisdn, "amount": 10_000_01}
    must_refuse(
        RefusalCode.PAYEE_BALANCE_LIMIT,
        lambda: app.bank.serve("quote", other.msisdn, asked),
    )
    pay(app, other, 10_000_00, "pay_pochi")
    assert held(app, shop(app, "pochi").account_id) == most
    sound(app)


def test_a_pochis_operator_takes_no_cash_out_of_it(app: App) -> None:
    pay(app, ASHA, 500_00, "pay_pochi")
    asked = {"shop": str(shop(app, "pochi").id), "operator": BARAKA.msisdn, "pin": JUMA.pin}
    app.bank.serve("add_shop_operator", JUMA.msisdn, asked, "o")
    cash = {"type": "pochi_cash_out", "amount": 100_00, "number": "41001", "store": 1}
    plant(app.bank.desk, (OUTLET,))
    for who, code in ((BARAKA, RefusalCode.OWNER_ONLY), (ASHA, RefusalCode.NOT_YOURS)):
        must_refuse(code, lambda who=who: app.bank.serve("quote", who.msisdn, cash))  # type: ignore[misc]
    assert app.bank.serve("quote", JUMA.msisdn, cash)["fee"] == 11_00
