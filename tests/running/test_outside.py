"""What staff say at a terminal about errands, money kept aside and debts."""

from argparse import Namespace

import pytest

from tests.people import STAFF
from tests.workers.outside import buy
from ussd_app.bootstrap import App
from ussd_app.domain import deposits
from ussd_app.domain.deposits import Deposit
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.mpesa.arrival import Payment
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import SaidAlready, Undecided
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.running.outside import ONE_MORE, SAYINGS
from workers.errands import Errands
from workers.gateways.errands import Agreed, Errand, Open, Outcome

ASHA = "+254712000001"


class Reseller:
    """Takes what is bought, but for one amount of which it says nothing."""

    def ask(self, errand: Errand) -> Outcome:
        return Open("silence") if errand.amount == "60" else Agreed("ATQid_00000001")

    def look(self, errand: Errand) -> None:
        return None


def say(app: App, what: str, **words: str) -> str:
    return SAYINGS[what](app, Namespace(**{"staff": "joyce", **words}))


def run(app: App) -> None:
    Errands(app, {"airtime": Reseller()}, "test", 1).turn()


@pytest.fixture
def town(app: App) -> App:
    plant(app.bank.desk)
    plant(app.bank.desk, STAFF)
    return app


def test_an_errand_in_doubt_is_decided_once(town: App) -> None:
    receipt = buy(town, ASHA, "4826", 60)
    run(town)
    assert say(town, "not-done", reference=receipt) == ONE_MORE
    with pytest.raises(SaidAlready):
        say(town, "not-done", reference=receipt)
    assert say(town, "done", reference=receipt, staff="peter") == ONE_MORE
    assert f"errand {receipt}: it was done, says peter; another" in say(town, "list")
    run(town)
    assert receipt in say(town, "list")
    assert say(town, "not-done", reference=receipt) == ONE_MORE
    say(town, "not-done", reference=receipt, staff="peter")
    run(town)
    assert receipt not in say(town, "list")
    say(town, "done", reference=receipt)
    with pytest.raises(Undecided, match="not in doubt"):
        say(town, "done", reference=receipt, staff="peter")


def test_what_is_owed_is_paid_out_of_trust_once_by_two(town: App) -> None:
    buy(town, ASHA, "4826", 100)
    run(town)
    assert "owed to the reseller: KES 96.00" in say(town, "list")

    def paid(amount: str, reference: str) -> str:
        words = {"whom": "reseller", "amount": amount, "reference": reference}
        assert say(town, "paid", **words) == ONE_MORE
        with pytest.raises(SaidAlready):
            say(town, "paid", **words)
        return say(town, "paid", **words, staff="peter")

    first = paid("90", "RTGS1")
    assert paid("90", "RTGS1") == first
    assert "owed to the reseller: KES 6.00" in say(town, "list")
    with pytest.raises(Refused) as again:
        paid("91", "RTGS1")
    assert again.value.code is RefusalCode.KEY_CONFLICT
    with pytest.raises(Refused) as more:
        paid("90", "RTGS2")
    assert more.value.code is RefusalCode.INSUFFICIENT_FUNDS
    assert not audit.run(town.engine)


def test_money_kept_aside_is_given_to_whom_it_belongs(town: App) -> None:
    came = Deposit("FT1", "+254799000111", 700_00, "01", "Upendo")
    with town.engine.begin() as connection:
        deposits.receive(town.bank.desk, connection, came)
    assert "FT1" in say(town, "list")
    with pytest.raises(ValueError, match="no Kenyan"):
        say(town, "give", reference="FT1", phone="12")
    give = {"reference": "FT1", "phone": "0712000001"}
    assert say(town, "give", **give) == ONE_MORE
    with pytest.raises(SaidAlready):
        say(town, "give", **give)
    assert say(town, "send-back", reference="FT1", staff="peter") == ONE_MORE
    assert "(peter: it is for back)" in say(town, "list")
    assert say(town, "give", **give) == ONE_MORE
    assert say(town, "give", **give, staff="peter").startswith("K")
    with pytest.raises(Undecided):
        say(town, "send-back", reference="FT1")
    assert not audit.run(town.engine)


def test_a_payment_from_mpesa_is_taken_back_by_two(town: App) -> None:
    came = Payment("UKA1", 700_00, ASHA, "2547*****126", "JANE", town.clock.now())
    with town.engine.begin() as connection:
        arrival.only(arrival.place(town.bank.desk, connection, [came]))
    assert say(town, "reverse", reference="UKA1") == ONE_MORE
    seen = {"reference": "UKA1", "theirs": "UKB1"}
    assert say(town, "reversed", **seen) == ONE_MORE
    assert say(town, "reversed", **seen, staff="peter").endswith("UKA1 is undone.")
    with pytest.raises(Undecided, match="undone already"):
        say(town, "reverse", reference="UKA1")
    assert not audit.run(town.engine)
