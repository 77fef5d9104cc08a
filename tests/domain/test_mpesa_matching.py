"""Money from M-PESA that nobody could place: it goes where two different people say, once."""

from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.people import ASHA, BARAKA, CAST, STAFF
from ussd_app.bootstrap import App
from ussd_app.domain import deposits, parties
from ussd_app.domain.mpesa import arrival, matching
from ussd_app.domain.mpesa.arrival import Payment
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.domain.two_of_staff import Decided
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.running.outside import SAYINGS

pytestmark = pytest.mark.usefixtures("staff")

JUMA = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 100_00),
    (Planted("till", "520001", "Duka la Juma"), Planted("paybill", "880011", "Maji Safi")),
)


@pytest.fixture
def town(app: App) -> App:
    plant(app.bank.desk, [*CAST, JUMA])
    came(app, "UKA1", 500_00)
    return app


def came(app: App, mpesa: str, amount_minor: int) -> None:
    at = app.clock.now() - timedelta(seconds=5)
    payment = Payment(mpesa, amount_minor, "KBM0001", "2547*****126", "JANE", at)
    with app.engine.begin() as connection:
        arrival.only(arrival.place(app.bank.desk, connection, [payment]))


def says(app: App, by: str, account: str, mpesa: str = "UKA1") -> str | None:
    with app.engine.begin() as connection:
        return matching.give(app.bank.desk, connection, mpesa, account, by)


def refused(app: App, by: str, account: str) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        says(app, by, account)
    return caught.value.code


def held(app: App, msisdn: str) -> int:
    wallet = parties.known(app.bank.desk.reads, msisdn).wallet_id
    return app.book.balances([wallet])[wallet].total


def test_two_different_people_say_whose_it_is(town: App, engine: Engine) -> None:
    before = held(town, ASHA.msisdn)
    assert says(town, "joyce", "0712 000 001") is None
    assert refused(town, " Joyce ", "+254712000001") is RefusalCode.SAID_ALREADY
    assert held(town, ASHA.msisdn) == before
    assert says(town, "peter", "254712000001")
    assert held(town, ASHA.msisdn) == before + 500_00
    assert refused(town, "wanjiru", "0712000001") is RefusalCode.ALREADY_DECIDED
    assert matching.waiting(town.bank.desk) == []
    assert audit.run(engine) == []


def test_who_names_another_account_begins_anew(town: App) -> None:
    assert says(town, "joyce", "0712000001") is None
    assert says(town, "peter", "0722000002") is None
    assert says(town, "joyce", "520001") is None
    assert says(town, "peter", "520001 juma")
    assert held(town, BARAKA.msisdn) == 20_00


def test_to_a_biller_it_goes_with_its_account_number(town: App, engine: Engine) -> None:
    assert says(town, "joyce", "880011 ACC12") is None
    assert says(town, "peter", "880011 ACC13") is None, "that is another account"
    assert says(town, "wanjiru", "880011-acc13")
    with engine.connect() as connection:
        facts = connection.exec_driver_sql(
            "SELECT facts->'said' FROM entries WHERE type = 'mpesa_placed_bill'"
        ).scalar_one()
    assert (facts["reference"], facts["staff"], facts["mpesa"]) == (
        "ACC13",
        "peter, wanjiru",
        "UKA1",
    )


def test_where_it_cannot_go(town: App, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE parties SET status = 'frozen' WHERE msisdn = %s", (BARAKA.msisdn,)
        )
    assert refused(town, "joyce", "0722000002") is RefusalCode.PAYEE_FROZEN
    assert refused(town, "joyce", "0799000999") is RefusalCode.UNKNOWN_NUMBER
    assert refused(town, "joyce", "880011") is RefusalCode.UNKNOWN_BILL_ACCOUNT
    tier = parties.known(town.bank.desk.reads, ASHA.msisdn).tier
    came(town, "UKA2", town.catalogue.tiers[tier].balance_minor)
    says(town, "joyce", "0712000001", "UKA2")
    with pytest.raises(Refused) as full:
        says(town, "peter", "0712000001", "UKA2")
    assert full.value.code is RefusalCode.PAYEE_BALANCE_LIMIT
    assert len(matching.waiting(town.bank.desk)) == 2


def test_eight_people_at_once_place_it_once(town: App, engine: Engine) -> None:
    before = held(town, ASHA.msisdn)

    def speak(name: str) -> str | None:
        try:
            return says(town, name, "0712000001")
        except Refused:
            return None

    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(speak, [str(one.staff) for one in STAFF]))
    assert sum(receipt is not None for receipt in receipts) == 1
    assert held(town, ASHA.msisdn) == before + 500_00
    assert audit.run(engine) == []


def test_one_alone_cannot_give_it_as_money_from_a_bank(town: App) -> None:
    assert deposits.waiting(town.engine) == []
    with pytest.raises(Decided):
        deposits.release(town.bank.desk, "UKA1", ASHA.msisdn, "joyce")


def test_at_a_terminal(town: App) -> None:
    def say(by: str) -> str:
        words = Namespace(reference="uka1", account="0712000001", staff=by)
        return SAYINGS["place"](town, words)

    assert "KBM0001 from JANE" in SAYINGS["list"](town, Namespace())
    assert say("joyce") == "Noted. Somebody else must say so too."
    assert "(joyce: it is for 0712000001)" in SAYINGS["list"](town, Namespace())
    assert say("peter").startswith("K")
    assert "0 sums kept aside" in SAYINGS["list"](town, Namespace())
