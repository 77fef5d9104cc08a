"""Terms: nothing is agreed that could not be read later, two agree, and what was is kept."""

from argparse import ArgumentParser
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.domain.trade import NJERI, TRADERS, accept, agreement, deposit, held, quote
from tests.people import ASHA, BARAKA, CAST, STAFF
from ussd_app.bootstrap import App
from ussd_app.domain import amendments, applications, terms
from ussd_app.domain.amendments import amend
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.domain.two_of_staff import SaidAlready, Undecided
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.running import agreements as terminal

MARY = Seed(
    *("+254766000006", "Mary Achieng", "en", "6666", "22000006", 0),
    (Planted("till", "520006", "Mary Shop"),),
    staff="mary",
)
MKUU = Seed(
    *("+254788000008", "Mkuu Mpya", "en", "8888", "22000008", 0),
    (Planted("agency", "41009", "Mkuu Mpya"),),
)
BILLER = Seed(
    *("+254777000007", "Nairobi Water", "en", "7777", "22000007", 0),
    (Planted("paybill", "600100", "Water"),),
)


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, (*CAST, *STAFF, *TRADERS, MARY, BILLER, MKUU))


def fee(app: App, number: str = "520001", kind: str = "pay_till") -> object:
    args = {"type": kind, "amount": 1_000_00, "number": number, "reference": "A1"}
    return app.bank.serve("quote", ASHA.msisdn, args)["fee"]


def agree(app: App, kind: str, number: str, **wanted: str) -> None:
    assert not amend(app.bank.desk, kind, number, "joyce", wanted)
    assert amend(app.bank.desk, kind, number, "peter", {})


@pytest.mark.parametrize(
    ("kind", "number", "wanted", "told"),
    [
        ("till", "520001", {"bearer": "mgao"}, "one of house, business, customer; not mgao"),
        ("till", "520001", {"bearer": "shared"}, "one of house, business, customer"),
        ("till", "520001", {"bearer": ""}, "cannot be taken away"),
        ("till", "520001", {"low_float": "9"}, "has no term low_float; it has bearer, category"),
        ("till", "520001", {"settle": "bank"}, "has no term settle"),
        ("till", "520001", {"under": "41001"}, "has no term under"),
        ("till", "520001", {"category": "weapons"}, "one of food, shop"),
        ("till", "520001", {"refund_days": "three"}, "a whole number from 0 to 90; not three"),
        ("till", "520001", {"refund_days": "91"}, "a whole number from 0 to 90"),
        ("paybill", "600100", {"check": "modulo"}, "one of digits, listed, luhn, prefix"),
        ("paybill", "600100", {"check": "digits"}, "the check digits needs the term digits too"),
        ("paybill", "600100", {"check": "prefix", "digits": "4"}, "needs the term prefix too"),
        ("agency", "41002", {"lat": "north"}, "degrees from -90 to 90"),
        ("agency", "41002", {"lat": "-91"}, "degrees from -90 to 90"),
        ("agency", "41002", {"town": "N" * 21}, "at most 20 characters"),
        ("agency", "41002", {"under": "49999"}, "There is no active agency 49999"),
        ("agency", "41002", {"under": "41002"}, "would stand under itself"),
        ("agency", "41001", {"under": "41002"}, "would stand under itself"),
        ("agency", "49999", {"store": "2"}, "There is no agency 49999"),
        ("agency", "41002", {}, "Nothing is proposed"),
    ],
)
def test_what_could_not_be_read_is_not_agreed(
    app: App, kind: str, number: str, wanted: dict[str, str], told: str
) -> None:
    with pytest.raises(Undecided, match=told):
        amend(app.bank.desk, kind, number, "joyce", wanted)


def test_the_first_to_approve_proposes_no_word_that_a_price_does_not_know(app: App) -> None:
    args = {"kind": "till", "name": "Duka", "category": "food", "town": "Ruiru", "pin": BARAKA.pin}
    app.bank.serve("apply", BARAKA.msisdn, args, "a:1")
    (waiting,) = applications.waiting(app.engine)
    desk = app.bank.desk
    with pytest.raises(Undecided, match="one of house, business, customer; not mgao"):
        applications.approve(desk, waiting.id, "joyce", terms={"bearer": "mgao"})
    assert applications.waiting(app.engine)[0].approved_by == []
    applications.approve(desk, waiting.id, "joyce", terms={"bearer": "business"})
    made = applications.approve(desk, waiting.id, "peter")
    assert made is not None
    assert made.terms["bearer"] == "business"
    assert fee(app, made.number) == 0


def test_every_word_of_a_choice_has_a_price(app: App) -> None:
    for kind in app.catalogue.agreements.values():
        for term, shape in kind.agrees.items():
            for word in terms.words(shape):
                assert terms.fits(app.catalogue, shape, word), (kind.kind, term, word)


def test_two_change_a_term_and_it_holds_from_then_on(app: App, clock: FrozenClock) -> None:
    desk = app.bank.desk
    assert fee(app) == 0
    before = quote(app, BARAKA, "pay_till", 10_00, number="520001")
    assert not amend(desk, "till", "520001", "joyce", {"bearer": "customer"})
    assert fee(app) == 0
    with pytest.raises(SaidAlready):
        amend(desk, "till", "520001", "Joyce ", {})
    clock.advance(seconds=60)
    assert amend(desk, "till", "520001", "peter", {"bearer": "customer"})
    assert fee(app) == 5_00
    accept(app, BARAKA, before)
    found, under, (change,) = amendments.of(desk, "till", "520001")
    assert (found.terms["bearer"], under) == ("customer", None)
    assert (change.state, change.approvals) == ("agreed", ["joyce", "peter"])
    assert (change.terms, change.was) == ({"bearer": "customer"}, {"bearer": "house"})
    assert change.ended_at == clock.now()
    with app.engine.connect() as connection:
        told = connection.exec_driver_sql(
            "SELECT count(*) FROM outbox WHERE template = 'terms_changed'"
        )
        assert told.scalar_one() == 1


def test_who_wants_something_else_begins_anew(app: App) -> None:
    desk = app.bank.desk
    assert not amend(desk, "till", "520001", "joyce", {"bearer": "customer"})
    assert not amend(desk, "till", "520001", "peter", {"bearer": "business"})
    assert amend(desk, "till", "520001", "joyce", {})
    found, _, changes = amendments.of(desk, "till", "520001")
    assert found.terms["bearer"] == "business"
    assert [change.state for change in changes] == ["dropped", "agreed"]


def test_four_of_the_staff_at_once_change_it_once(app: App) -> None:
    desk = app.bank.desk

    def say(name: str) -> bool | str:
        try:
            return amend(desk, "till", "520001", name, {"bearer": "customer"})
        except Undecided as undecided:
            return str(undecided)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(say, 2 * ("joyce", "peter", "wanjiru", "mary")))
    _, _, (change,) = amendments.of(desk, "till", "520001")
    assert said.count(True) == 1
    assert (change.state, change.was) == ("agreed", {"bearer": "house"})
    with pytest.raises(Undecided, match="That is agreed already"):
        amend(desk, "till", "520001", "joyce", {"bearer": "customer"})


def test_a_check_comes_with_what_it_needs_and_goes_without_it(app: App) -> None:
    agree(app, "paybill", "600100", check="digits", digits="4")
    with pytest.raises(Refused) as refusal:
        fee(app, "600100", "pay_bill")
    assert refusal.value.code is RefusalCode.UNKNOWN_BILL_ACCOUNT
    with pytest.raises(Undecided, match="needs the term digits"):
        amend(app.bank.desk, "paybill", "600100", "joyce", {"digits": ""})
    agree(app, "paybill", "600100", check="", digits="")
    assert not {"check", "digits"} & set(agreement(app, "paybill", "600100").terms)
    assert fee(app, "600100", "pay_bill") == 10_00


def test_an_agent_comes_under_another_from_then_on(app: App) -> None:
    agree(app, "agency", "41002", under="41009", low_float="100", lat="-1.28", lon="36.82")
    accept(app, NJERI, deposit(app, NJERI, BARAKA, 500_00))
    above = {n: agreement(app, "agency", n).owner for n in ("41001", "41009")}
    assert held(app, f"commission/{above['41009']}") == 1_60
    assert held(app, f"commission/{above['41001']}") == 0
    _, under, (change,) = amendments.of(app.bank.desk, "agency", "41002")
    assert under == "41009"
    assert change.was == {"under": "41001", "low_float": "5000", "lat": "", "lon": ""}
    agree(app, "agency", "41002", under="")
    assert amendments.of(app.bank.desk, "agency", "41002")[1] is None


def test_an_applicant_names_the_super_agent_whom_the_staff_may_change(app: App) -> None:
    args = {"kind": "agency", "name": "Duka", "town": "Nairobi", "ward": "Kibera", "pin": ASHA.pin}
    with pytest.raises(Refused) as refusal:
        app.bank.serve("apply", ASHA.msisdn, args | {"under": "49999"}, "a:1")
    assert refusal.value.code is RefusalCode.UNKNOWN_NUMBER
    app.bank.serve("apply", ASHA.msisdn, args | {"under": "41001"}, "a:2")
    (waiting,) = applications.waiting(app.engine)
    assert (waiting.under, waiting.terms) == ("41001", {"town": "Nairobi", "ward": "Kibera"})
    desk = app.bank.desk
    assert applications.approve(desk, waiting.id, "joyce") is None
    made = applications.approve(desk, waiting.id, "peter")
    assert made is not None
    assert made.parent_id == agreement(app, "agency", "41001").id


def test_the_staff_may_put_an_applicant_under_nobody(app: App) -> None:
    args = {"kind": "agency", "name": "Duka", "town": "Nairobi", "under": "41001", "pin": ASHA.pin}
    app.bank.serve("apply", ASHA.msisdn, args, "a:1")
    desk = app.bank.desk
    applications.approve(desk, 1, "joyce", terms={"under": ""})
    made = applications.approve(desk, 1, "peter")
    assert made is not None
    assert made.parent_id is None


# -- nobody about their own


def test_nobody_of_the_staff_decides_about_their_own(app: App) -> None:
    desk = app.bank.desk
    args = {"kind": "agency", "name": "Duka", "town": "Ruiru", "pin": MARY.pin}
    app.bank.serve("apply", MARY.msisdn, args, "a:1")
    (waiting,) = applications.waiting(app.engine)
    given = {"application": str(waiting.id), "pin": MARY.pin}
    with pytest.raises(Refused) as refusal:
        app.bank.serve("approve_application", MARY.msisdn, given, "d:1")
    assert refusal.value.code is RefusalCode.SAID_ALREADY
    for decide in (
        lambda: applications.approve(desk, waiting.id, " Mary"),
        lambda: applications.refuse(desk, waiting.id, "mary", "no"),
        lambda: applications.suspend(desk, "till", "520006", "mary", "no"),
        lambda: amend(desk, "till", "520006", "mary", {"bearer": "customer"}),
    ):
        with pytest.raises(SaidAlready, match="cannot decide about their own"):
            decide()
    assert applications.waiting(app.engine)[0].approved_by == []
    assert applications.approve(desk, waiting.id, "peter") is None
    assert applications.approve(desk, waiting.id, "joyce") is not None


# -- at a terminal


@pytest.mark.usefixtures("staff")
def test_staff_agree_terms_at_a_terminal(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    terminal.add_words(parser)

    def say(line: str) -> tuple[int, str]:
        status = terminal.agreements(app.settings, parser.parse_args(line.split()))
        return status, capsys.readouterr().out

    status, now = say("terms till 520001")
    assert (status, "bearer=house" in now) == (0, True)
    wanted = "terms till 520001 --term bearer=customer --term refund_days=7"
    assert say(wanted)[0] == 1
    assert say(f"{wanted} --staff joyce") == (0, f"{terminal.ONE_MORE}\n")
    assert "proposed by joyce: bearer=customer refund_days=7" in say("terms till 520001")[1]
    status, after = say("terms till 520001 --staff peter")
    assert status == 0
    assert "agreed by joyce, peter" in after
    assert "(was bearer=house refund_days=3)" in after
    assert after.endswith("That holds from now on.\n")
    assert say("terms till 520001 --staff joyce --term bearer=mgao")[0] == 1
    with pytest.raises(SystemExit):
        parser.parse_args(["terms", "till", "520001", "--staff", "joyce", "--term", "bearer"])
    capsys.readouterr()
    assert say("terms agency 41002")[1].startswith("Mama Njeri, agency 41002: under=41001 ")
