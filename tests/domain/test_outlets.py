"""An agent's outlets: each is reached by itself, others serve there, the owner stays the owner."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.domain.trade import accept, agreement, held, party, quote
from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import operators
from ussd_app.domain.commands import Heard
from ussd_app.domain.commissions import reply
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit

WAKUU = Seed(
    *("+254744000004", "Wakuu Mwangi", "en", "4444", "22000004", 0),
    (
        Planted("agency", "41001", "Wakuu Town", 10_000_00),
        Planted("agency", "41002", "Wakuu Market", 70_000_00, "41001"),
        Planted("agency", "41003", "Wakuu Station", 500_00),
    ),
)
OTHER = Seed(
    *("+254733000003", "Njeri Kamau", "en", "3333", "22000003", 0),
    (Planted("agency", "41004", "Mama Njeri", 20_000_00),),
)


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, (*CAST, WAKUU, OTHER))


def outlet(app: App, number: str) -> str:
    return str(agreement(app, "agency", number).id)


def serve(app: App, command: str, seed: Seed, key: str = "", **args: object) -> dict[str, Any]:
    return app.bank.serve(command, seed.msisdn, args, key or f"{command}:{seed.msisdn}")


def give(app: App, by: Seed, number: str, amount: int, to: Seed = ASHA, key: str = "1") -> None:
    at = outlet(app, number)
    tail = to.national_id[-4:]
    shown = {"customer": to.msisdn, "id_tail": tail, "outlet": at}
    seen = serve(app, "see_id", by, f"see:{key}", **shown)["seen"]
    offer = quote(app, by, "cash_in", amount, payee=to.msisdn, seen=seen, outlet=at)
    accept(app, by, offer, f"give:{key}")


def float_of(app: App, number: str) -> int:
    return held(app, f"float/{agreement(app, 'agency', number).owner}")


def code_of(do: Callable[[], object]) -> RefusalCode | None:
    try:
        do()
    except Refused as refused:
        return refused.code
    return None


def name(app: App, number: str, to: Seed, by: Seed = WAKUU, key: str = "n:1") -> None:
    args = {"outlet": outlet(app, number), "operator": to.msisdn, "pin": by.pin}
    serve(app, "add_outlet_operator", by, key, **args)


# -- several outlets


def test_each_outlet_pays_from_its_own_float(app: App) -> None:
    found = serve(app, "outlets", WAKUU, right="operator")
    assert [row["label"] for row in found["outlets"]] == [
        *("41001 Wakuu Town", "41002 Wakuu Market", "41003 Wakuu Station"),
    ]
    assert found["how_many"] == "many"
    give(app, WAKUU, "41002", 20_000_00)
    assert (float_of(app, "41001"), float_of(app, "41002")) == (10_000_00, 50_000_00)
    for number, left in (("41001", 10_000_00), ("41002", 50_000_00)):
        args = {"outlet": outlet(app, number), "pin": WAKUU.pin}
        shown = serve(app, "float_balance", WAKUU, f"f:{number}", **args)
        assert (shown["number"], shown["balance"]) == (number, left)
    assert audit.run(app.engine) == []


def test_commission_is_that_of_the_outlet_that_earned_it(app: App) -> None:
    give(app, WAKUU, "41002", 500_00)
    for number, earned in (("41001", 1_60), ("41002", 8_00), ("41003", 0)):
        args = {"outlet": outlet(app, number), "pin": WAKUU.pin}
        assert serve(app, "commission_statement", WAKUU, f"c:{number}", **args)["today"] == earned


def test_commission_by_sms_wants_the_number_of_one(app: App) -> None:
    desk = app.bank.desk

    def says(seed: Seed, rest: str) -> tuple[str, object]:
        with app.engine.connect() as connection:
            said = reply(desk, connection, Heard(party(app, seed), None, rest))
        return said.template, said.facts.get("number")

    assert says(WAKUU, "") == ("commission_which", "41001")
    assert says(WAKUU, "41002") == ("commission_unpaid", "41002")
    assert says(WAKUU, "41004") == ("commission_which", "41001")
    assert says(OTHER, "") == ("commission_unpaid", "41004")
    assert says(ASHA, "") == ("agents_only", None)


def test_somebody_elses_outlet_is_not_chosen(app: App) -> None:
    at = outlet(app, "41004")
    for do in (
        lambda: serve(app, "float_balance", WAKUU, outlet=at, pin=WAKUU.pin),
        lambda: quote(app, WAKUU, "send_float", 100_00, number="41001", outlet=at),
        lambda: quote(app, WAKUU, "send_float", 100_00, number="41001", outlet="999"),
    ):
        assert code_of(do) is RefusalCode.NOT_YOURS


def test_float_goes_between_ones_own_outlets_along_the_line(app: App) -> None:
    down = quote(app, WAKUU, "send_float", 4_000_00, number="41002", outlet=outlet(app, "41001"))
    accept(app, WAKUU, down, "down")
    up = quote(app, WAKUU, "send_float", 1_000_00, number="41001", outlet=outlet(app, "41002"))
    accept(app, WAKUU, up, "up")
    assert (float_of(app, "41001"), float_of(app, "41002")) == (7_000_00, 73_000_00)
    assert audit.run(app.engine) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [("41003", RefusalCode.NOT_IN_LINE), ("41001", RefusalCode.PAYEE_IS_PAYER)],
)
def test_float_goes_nowhere_beside_the_line(app: App, number: str, code: RefusalCode) -> None:
    given = {"number": number, "outlet": outlet(app, "41001")}
    assert code_of(lambda: quote(app, WAKUU, "send_float", 100_00, **given)) is code


def test_a_deposit_is_not_split_over_two_outlets_of_one_owner(app: App) -> None:
    give(app, WAKUU, "41001", 400_00)
    assert code_of(lambda: give(app, WAKUU, "41002", 400_00, key="2")) is RefusalCode.SPLIT_DEPOSIT
    give(app, OTHER, "41004", 400_00, key="3")


# -- operators


def test_an_operator_serves_customers_and_takes_nothing_out(app: App) -> None:
    name(app, "41001", BARAKA)
    give(app, BARAKA, "41001", 500_00)
    at = outlet(app, "41001")
    shown = serve(app, "float_balance", BARAKA, outlet=at, pin=BARAKA.pin)
    assert shown["balance"] == 9_500_00
    for do in (
        lambda: quote(app, BARAKA, "send_float", 100_00, number="41002", outlet=at),
        lambda: serve(app, "commission_statement", BARAKA, outlet=at, pin=BARAKA.pin),
        lambda: serve(app, "outlet_operators", BARAKA, outlet=at),
        lambda: serve(app, "outlets", BARAKA, right="owner"),
        lambda: name(app, "41001", ASHA, BARAKA, "n:2"),
    ):
        assert code_of(do) is RefusalCode.OWNER_ONLY
    assert serve(app, "outlets", BARAKA, right="operator")["how_many"] == "one"
    assert audit.run(app.engine) == []


def test_who_serves_no_more_cannot_use_a_price_that_they_were_told(app: App) -> None:
    name(app, "41001", BARAKA)
    at = outlet(app, "41001")
    shown = {"customer": ASHA.msisdn, "id_tail": ASHA.national_id[-4:], "outlet": at}
    seen = serve(app, "see_id", BARAKA, "see:1", **shown)["seen"]
    offer = quote(app, BARAKA, "cash_in", 500_00, payee=ASHA.msisdn, seen=seen, outlet=at)
    rows = serve(app, "outlet_operators", WAKUU, outlet=at)["operators"]
    assert [row["label"] for row in rows] == ["BARAKA OTIENO"]
    gone = {"outlet": at, "operator": rows[0]["key"], "pin": WAKUU.pin}
    serve(app, "drop_outlet_operator", WAKUU, **gone)
    assert code_of(lambda: accept(app, BARAKA, offer)) is RefusalCode.QUOTE_EXPIRED
    assert code_of(lambda: give(app, BARAKA, "41001", 500_00)) is RefusalCode.NOT_YOURS
    assert float_of(app, "41001") == 10_000_00


def test_an_owner_names_no_stranger_not_themselves_and_not_too_many(app: App) -> None:
    stranger = Seed("+254799999999", "Nobody", "en", "1111", "1", 0)
    assert code_of(lambda: name(app, "41001", stranger)) is RefusalCode.UNKNOWN_PAYEE
    assert code_of(lambda: name(app, "41001", WAKUU, key="n:2")) is RefusalCode.PAYEE_IS_PAYER
    helpers = [
        Seed(f"+2547880000{n:02d}", f"Helper{n} One", "en", "4826", f"440000{n:02d}", 0)
        for n in range(operators.MOST + 1)
    ]
    plant(app.bank.desk, helpers)
    for one in helpers[1:]:
        name(app, "41001", one, key=f"n:{one.msisdn}")
    assert code_of(lambda: name(app, "41001", helpers[0], key="n:3")) is RefusalCode.TOO_MANY
