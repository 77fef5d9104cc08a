"""Names behind numbers: so many a day may be looked at and not paid, whoever races; whom somebody
pays, has paid or agreed to pay never counts."""

from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from tests.domain.street import CROWD, JUMA, at_once, crowd, must_refuse, open_street, pay
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain import name_checks, sightings
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.housekeeping import sweep
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused

TWO_DAYS_S = 172_800
NJERI = Seed(
    *("+254733000003", "Mama Njeri", "sw", "3333", "22000003", 500_00),
    (Planted("agency", "41002", "Mama Njeri", 20_000_00, terms={"town": "Kawangware"}),),
)


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    open_street(app)
    crowd(app)


def look(app: App, of: Seed, by: Seed = ASHA, kind: str = "send_money") -> str:
    args = {"type": kind, "payee": of.msisdn, "amount": 50_00}
    return str(app.bank.serve("quote", by.msisdn, args)["quote_id"])


def send(app: App, to: Seed, by: Seed = ASHA) -> None:
    quote = look(app, to, by)
    app.bank.serve("accept_quote", by.msisdn, {"quote": quote, "pin": by.pin}, f"send:{quote}")


def test_five_names_and_then_none_for_two_days(app: App, clock: FrozenClock) -> None:
    for each in CROWD[:5]:
        look(app, each)
    with pytest.raises(Refused) as refusal:
        look(app, CROWD[5])
    assert refusal.value.code is RefusalCode.TOO_MANY_NAMES
    assert refusal.value.facts == {"until": "22/11/26 12:30 PM"}
    clock.advance(seconds=TWO_DAYS_S - 1)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[6]))
    clock.advance(seconds=1)
    look(app, CROWD[6])


def test_five_a_day_are_five_tomorrow(app: App, clock: FrozenClock) -> None:
    for each in CROWD[:5]:
        look(app, each)
    clock.advance(seconds=12 * 3600)  # half past midnight in Nairobi
    for each in CROWD[5:10]:
        look(app, each)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[10]))


def test_sixteen_at_once_see_five(app: App) -> None:
    found = at_once([partial(look, app, each) for each in CROWD])
    assert found == {"done": 5, "too_many_names": 11}


def test_the_same_name_and_whom_one_pays_do_not_count(app: App) -> None:
    for _ in range(8):
        look(app, CROWD[0])
    for each in CROWD[1:9]:
        send(app, each)
    for each in CROWD[9:13]:
        look(app, each)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[13]))
    send(app, CROWD[0])
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[13]))
    send(app, CROWD[1])


def test_whom_one_has_dealt_with_can_be_paid_while_new_names_are_closed(
    app: App, clock: FrozenClock
) -> None:
    send(app, BARAKA)
    send(app, ASHA, CROWD[15])
    clock.advance(seconds=10 * TWO_DAYS_S)
    sweep(app.bank.desk)
    for each in CROWD[:5]:
        look(app, each)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[5]))
    assert look(app, BARAKA)
    assert look(app, CROWD[15])
    assert pay(app, ASHA, 100_00)  # a till's number is in no phone
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, JUMA, ASHA, "pay_pochi"))


def test_an_order_that_was_agreed_to_counts_as_paid(app: App) -> None:
    other = CROWD[15]
    order = {
        "amount": 100_00,
        "every": "month",
        "first": date(2026, 12, 1).isoformat(),
        "until": date(2027, 12, 1).isoformat(),
    }
    for each in CROWD[:5]:
        given = {"payee": each.msisdn, "amount": 100_00}
        app.bank.serve("standing_price", ASHA.msisdn, given)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[5]))
    agreed = order | {"payee": CROWD[0].msisdn, "pin": other.pin}
    for each in CROWD[:5]:
        given = {"payee": each.msisdn, "amount": 100_00}
        app.bank.serve("standing_price", other.msisdn, given)
    app.bank.serve("set_standing_order", other.msisdn, agreed, "o:1")
    look(app, CROWD[5], other)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[6], other))


def strict(desk: Desk, agency: int) -> Desk:
    """The same bank, where agents may look at so many names."""
    rules = {**desk.catalogue.rules[name_checks.RULES], "agency": agency}
    catalogue = replace(desk.catalogue, rules={**desk.catalogue.rules, name_checks.RULES: rules})
    return replace(desk, catalogue=catalogue)


def test_an_agent_has_a_number_of_their_own(app: App) -> None:
    plant(app.bank.desk, [NJERI])
    desk = strict(app.bank.desk, agency=7)

    def customer(of: Seed) -> object:
        return sightings.customer(desk, Ask(NJERI.msisdn, "", {"customer": of.msisdn}))

    assert customer(CROWD[0]) == {"customer_name": "PAYER0 STREET"}
    for each in CROWD[1:7]:
        customer(each)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(customer, CROWD[7]))
    assert look(app, CROWD[8], NJERI)  # with her own wallet she is a customer
    assert app.bank.desk.catalogue.rules[name_checks.RULES]["agency"] > 5


def test_customers_who_were_served_do_not_count(app: App) -> None:
    plant(app.bank.desk, [NJERI])
    desk = strict(app.bank.desk, agency=1)
    for each in CROWD[:3]:
        args = {"customer": each.msisdn}
        sightings.customer(desk, Ask(NJERI.msisdn, "", args))
        tail = {"id_tail": each.national_id[-4:]}
        key = f"see:{each.msisdn}"
        seen = app.bank.serve("see_id", NJERI.msisdn, args | tail, key)["seen"]
        asked = {"type": "cash_in", "payee": each.msisdn, "seen": seen, "amount": 100_00}
        quote = app.bank.serve("quote", NJERI.msisdn, asked)["quote_id"]
        consent = {"quote": quote, "pin": NJERI.pin}
        app.bank.serve("accept_quote", NJERI.msisdn, consent, f"give:{each.msisdn}")


def test_what_was_looked_at_is_forgotten(app: App, clock: FrozenClock) -> None:
    for each in CROWD[:5]:
        look(app, each)
    must_refuse(RefusalCode.TOO_MANY_NAMES, partial(look, app, CROWD[5]))
    clock.advance(seconds=86_400 * 2)
    assert sweep(app.bank.desk)["name_checks"] == 5
    clock.advance(seconds=86_401)
    assert sweep(app.bank.desk)["name_checks"] == 1
