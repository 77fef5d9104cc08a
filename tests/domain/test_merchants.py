"""Merchants on a real ledger: payers, refunds and takings that race, days that add up."""

from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, text

from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain import settlements, takings
from ussd_app.domain.agreements import Agreement, by_number
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.reports import merchants
from ussd_app.running.shop_days import merchant_day
from ussd_app.settings import Settings

TODAY = date(2026, 11, 20)
JUMA = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 0),
    (
        Planted("till", "520001", "Duka la Juma", terms={"category": "food"}),
        Planted("paybill", "600100", "Juma Rentals", terms={"bearer": "shared"}),
        Planted("pochi", None, "Juma Snacks"),
    ),
)
CROWD = tuple(
    Seed(f"+2547220001{n:02d}", f"Payer{n} Street", "en", "4826", f"330001{n:02d}", 5_000_00)
    for n in range(16)
)
OUTLET = Seed(
    *("+254744000004", "Wakuu Supplies", "en", "4444", "22000004", 0),
    (Planted("agency", "41001", "Wakuu", 50_000_00),),
)
BY_TYPE = {"pay_till": ("number", "520001"), "pay_bill": ("number", "600100")}


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    plant(app.bank.desk, (ASHA, BARAKA, JUMA))


@pytest.fixture
def crowd(app: App) -> tuple[Seed, ...]:
    """Sixteen with money."""
    plant(app.bank.desk, CROWD)
    return CROWD


def pay(app: App, payer: Seed, amount: int, kind: str = "pay_till", key: str = "") -> str:
    """Pay one of Juma's shops. Returns the receipt number."""
    how, whom = BY_TYPE.get(kind, ("payee", JUMA.msisdn))
    args = {"type": kind, "amount": amount, how: whom, "reference": "A1"}
    quoted = app.bank.serve("quote", payer.msisdn, args)["quote_id"]
    key = key or f"{payer.msisdn}:{quoted}"
    consent = {"quote": quoted, "pin": payer.pin}
    return str(app.bank.serve("accept_quote", payer.msisdn, consent, key)["receipt"])


def shop(app: App, kind: str = "till") -> Agreement:
    number = {"till": "520001", "paybill": "600100", "pochi": JUMA.msisdn}[kind]
    found = by_number(app.engine, kind, number)
    assert found is not None
    return found


def give_back(app: App, receipt: str, key: str, kind: str = "till") -> dict[str, object]:
    args = {"shop": str(shop(app, kind).id), "payment": receipt, "pin": JUMA.pin}
    return app.bank.serve("refund", JUMA.msisdn, args, key)


def settle(app: App, key: str, amount: int | None = None, kind: str = "till") -> dict[str, object]:
    args: dict[str, object] = {"shop": str(shop(app, kind).id), "pin": JUMA.pin}
    if amount is not None:
        args["amount"] = amount
    return app.bank.serve("settle_shop", JUMA.msisdn, args, key)


def held(app: App, account_id: int) -> int:
    return app.book.balances([account_id])[account_id].total


def wallet(app: App, who: Seed) -> int:
    with app.engine.connect() as connection:
        found = connection.execute(
            text("SELECT wallet_id FROM parties WHERE msisdn = :msisdn"), {"msisdn": who.msisdn}
        )
        return held(app, int(found.scalar_one()))


def entries(app: App, kind: str) -> int:
    with app.engine.connect() as connection:
        found = connection.execute(
            text("SELECT count(*) FROM entries WHERE type = :kind"), {"kind": kind}
        )
        return int(found.scalar_one())


def at_once(calls: list[Callable[[], object]]) -> Counter[str]:
    """Make calls at the same moment; how each ended, `done` or a refusal's code."""

    def one(call: Callable[[], object]) -> str:
        try:
            call()
        except Refused as refused:
            return refused.code.value
        return "done"

    with ThreadPoolExecutor(16) as pool:
        return Counter(pool.map(one, calls))


def must_refuse(code: RefusalCode, call: Callable[[], object]) -> None:
    with pytest.raises(Refused) as refusal:
        call()
    assert refusal.value.code is code


def sound(app: App) -> None:
    assert [str(finding) for finding in audit.run(app.engine)] == []
    for kind in ("till", "paybill", "pochi"):
        assert merchants.shop_day(app.engine, shop(app, kind), TODAY).faults == []


# many payers


def test_sixteen_pay_one_till_at_once(app: App, crowd: tuple[Seed, ...]) -> None:
    done = at_once([lambda who=who: pay(app, who, 100_00) for who in crowd])  # type: ignore[misc]
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


# refunds


def test_a_payment_is_given_back_once_whoever_asks_at_once(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    pay(app, BARAKA, 20_00)
    calls = [lambda n=n: give_back(app, receipt, f"s:{n}") for n in range(16)]
    assert at_once(calls) == {"done": 1, "already_reversed": 15}  # type: ignore[arg-type]
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


# who may


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
    assert at_once(opened) == {"done": 1, "number_taken": 1}  # type: ignore[arg-type]
    assert app.bank.serve("my_pochi", ASHA.msisdn, {}) == {"pochi": "open"}


# the night


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


def test_a_night_and_sixteen_payers_lose_nothing(app: App, crowd: tuple[Seed, ...]) -> None:
    at_night(app)
    calls: list[Callable[[], object]] = [
        lambda who=who: pay(app, who, 50_00)  # type: ignore[misc]
        for who in crowd[:12]
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


# the day for the bookkeeper


def test_days_follow_each_other_to_the_cent(
    app: App, crowd: tuple[Seed, ...], clock: FrozenClock
) -> None:
    bill_ = shop(app, "paybill")
    pay(app, ASHA, 1_200_00, "pay_bill")
    clock.advance(seconds=86_400)
    back = pay(app, crowd[0], 3_000_00, "pay_bill")
    pay(app, crowd[1], 450_00, "pay_bill")
    give_back(app, back, "s:1", "paybill")
    settle(app, "s:2", 600_00, "paybill")
    clock.advance(seconds=86_400)
    pay(app, crowd[2], 100_00, "pay_bill")
    days = [merchants.shop_day(app.engine, bill_, TODAY + timedelta(days=n)) for n in range(-1, 4)]
    assert [day.faults for day in days] == [[]] * 5
    assert [day.closing_minor for day in days] == [0, 1_195_00, 1_045_00, 1_145_00, 1_145_00]
    assert [day.opening_minor for day in days[1:]] == [day.closing_minor for day in days[:-1]]
    second = days[2].takings
    assert (second.payments, second.paid_minor, second.charges_minor) == (2, 3_450_00, 0)
    assert (second.refunds, second.refunded_minor) == (1, 3_000_00)
    assert (second.settlements, second.settled_minor) == (1, 600_00)
    page = "\n".join(merchants.lines(days[2]))
    assert "Closing              " in page
    assert "1,045.00" in page
    assert page.endswith("It adds up, to the ledger too.")


def test_a_day_is_found_behind_many_newer_payments(
    app: App, crowd: tuple[Seed, ...], clock: FrozenClock
) -> None:
    """The search from the newest entry back crosses its pages and stops where it may."""
    takings_page = takings.FIRST_PAGE
    takings.FIRST_PAGE = 2
    try:
        pay(app, ASHA, 300_00)
        clock.advance(seconds=86_400)
        for who in crowd[:7]:
            pay(app, who, 10_00)
        with app.engine.connect() as connection:
            days = [
                takings.of_day(connection, shop(app).account_id, TODAY + timedelta(days=n))
                for n in (0, 1, 2)
            ]
    finally:
        takings.FIRST_PAGE = takings_page
    assert [day.paid_minor for day in days] == [300_00, 70_00, 0]


def test_every_payment_has_a_category_by_its_agreement(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    with app.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT a.terms->>'category' FROM entries e JOIN agreements a"
                " ON a.account_id = (e.facts->'roles'->>'payee')::bigint WHERE e.receipt = :receipt"
            ),
            {"receipt": receipt},
        )
        assert found.scalar_one() == "food"
    assert business_day(app.bank.desk.clock.now()) == TODAY


def test_the_command_prints_the_day(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    pay(app, ASHA, 500_00)
    database = app.engine.url.render_as_string(hide_password=False)
    settings = Settings(env="test", database_url=database, redis_url="redis://127.0.0.1:1")
    asked = Namespace(number="520001", day=TODAY)
    assert merchant_day(settings, asked) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Duka la Juma, till 520001, Friday 20 November 2026"
    assert [line.split() for line in printed[1:3]] == [
        ["Opening", "0.00"],
        ["Payments", "1", "500.00"],
    ]
    assert merchant_day(settings, Namespace(number="520009", day=TODAY)) == 1
    assert capsys.readouterr().out == "No shop goes by 520009.\n"


# cash out of a pochi


def test_a_pochis_operator_takes_no_cash_out_of_it(app: App) -> None:
    pay(app, ASHA, 500_00, "pay_pochi")
    asked = {"shop": str(shop(app, "pochi").id), "operator": BARAKA.msisdn, "pin": JUMA.pin}
    app.bank.serve("add_shop_operator", JUMA.msisdn, asked, "o")
    cash = {"type": "pochi_cash_out", "amount": 100_00, "number": "41001", "store": 1}
    plant(app.bank.desk, (OUTLET,))
    for who, code in ((BARAKA, RefusalCode.OWNER_ONLY), (ASHA, RefusalCode.NOT_YOURS)):
        must_refuse(code, lambda who=who: app.bank.serve("quote", who.msisdn, cash))  # type: ignore[misc]
    assert app.bank.serve("quote", JUMA.msisdn, cash)["fee"] == 11_00
