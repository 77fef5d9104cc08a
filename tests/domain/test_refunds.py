"""Payments that a shop gives back: whole, once, and to whoever has room for them."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.domain.street import (
    JUMA,
    at_once,
    entries,
    give_back,
    held,
    must_refuse,
    open_street,
    pay,
    settle,
    shop,
    sound,
    wallet,
)
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.kernel.errors import RefusalCode


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    open_street(app)


def test_a_payment_is_given_back_once_whoever_asks_at_once(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    pay(app, BARAKA, 20_00)
    calls = [lambda n=n: give_back(app, receipt, f"s:{n}") for n in range(16)]
    assert at_once(calls) == {"done": 1, "already_reversed": 15}
    assert (wallet(app, ASHA), held(app, shop(app).account_id)) == (1_500_00, 20_00)
    assert entries(app, "refund") == 1
    sound(app)


def test_the_same_key_gets_the_same_refund(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: give_back(app, receipt, "s:1"), range(32)))
    assert answers == [answers[0]] * 32
    assert entries(app, "refund") == 1


def test_a_refund_and_a_settlement_race_for_the_same_money(app: App) -> None:
    for turn in range(6):
        receipt = pay(app, ASHA, 100_00)
        done = at_once(
            [
                lambda: give_back(app, receipt, f"r:{turn}"),  # noqa: B023
                lambda: settle(app, f"s:{turn}"),  # noqa: B023
            ]
        )
        assert done == {"done": 1, "takings_short": 1}
        assert held(app, shop(app).account_id) == 0
    assert wallet(app, ASHA) + wallet(app, JUMA) == 1_500_00
    sound(app)


def test_a_refund_brings_back_fee_charge_and_duty(app: App) -> None:
    receipt = pay(app, ASHA, 1_200_00, "pay_bill")
    assert wallet(app, ASHA) == 290_00
    before = app.bank.serve("balance", ASHA.msisdn, {"pin": ASHA.pin}, "b:1")["spendable_today"]
    give_back(app, receipt, "s:1", "paybill")
    after = app.bank.serve("balance", ASHA.msisdn, {"pin": ASHA.pin}, "b:2")["spendable_today"]
    assert wallet(app, ASHA) == 1_500_00
    assert held(app, shop(app, "paybill").account_id) == 0
    assert int(str(after)) - int(str(before)) == 1_200_00
    sound(app)


def test_a_refund_is_of_this_shop_and_of_a_payment(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    settled = str(settle(app, "s:0", 100_00)["receipt"])
    for wrong, kind in ((receipt, "paybill"), (settled, "till"), ("KB99999", "till")):
        must_refuse(
            RefusalCode.UNKNOWN_PAYMENT,
            lambda wrong=wrong, kind=kind: give_back(app, wrong, f"s:{wrong}:{kind}", kind),  # type: ignore[misc]
        )
    given = str(give_back_later(app, receipt))
    must_refuse(RefusalCode.UNKNOWN_PAYMENT, lambda: give_back(app, given, "s:again"))
    sound(app)


def give_back_later(app: App, receipt: str) -> object:
    pay(app, BARAKA, 20_00)
    pay(app, ASHA, 200_00)
    return give_back(app, receipt, "s:later")["receipt"]


def test_no_two_refunds_at_one_moment_pass_what_a_wallet_may_hold(app: App) -> None:
    receipts = [pay(app, ASHA, 50_00) for _ in range(16)]
    object.__setattr__(app.catalogue.tiers[1], "balance_minor", 900_00)
    calls = [lambda it=it: give_back(app, it, f"s:{it}") for it in receipts]
    assert at_once(calls) == {"done": 4, "payee_balance_limit": 12}
    assert (wallet(app, ASHA), held(app, shop(app).account_id)) == (900_00, 600_00)
    assert entries(app, "refund") == 4
    sound(app)


def test_a_refund_without_room_is_refused_before_the_pin(app: App) -> None:
    receipt = pay(app, ASHA, 50_00)
    object.__setattr__(app.catalogue.tiers[1], "balance_minor", 1_499_99)
    asked = {"shop": str(shop(app).id), "payment": receipt}
    must_refuse(
        RefusalCode.PAYEE_BALANCE_LIMIT, lambda: app.bank.serve("payment", JUMA.msisdn, asked)
    )
