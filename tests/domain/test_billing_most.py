"""The most that may be paid for a biller's customer in a day holds, whoever pays at one moment."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.domain import billed
from tests.domain.billed import BILLED, credit, customer, mpesa, take_back, wallet
from tests.domain.street import CROWD, entries
from tests.domain.street import wallet as held
from tests.domain.trade import accept, quote
from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.seeds import Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused

MOST = 400_00
Ended = str | tuple[RefusalCode, object]
PASSED = (RefusalCode.DAILY_LIMIT, 0)


@pytest.fixture
def whom(app: App, monkeypatch: pytest.MonkeyPatch) -> Customer:
    """A customer of the biller's for whom at most 400 may be paid in a day."""
    plant(app.bank.desk, (*BILLED, *CROWD))
    rules = dict(app.catalogue.rules["billing"]) | {"most_a_day_minor": MOST}
    monkeypatch.setitem(app.catalogue.rules, "billing", rules)
    return customer(app)


def asked(app: App, payer: Seed, minor: int = 100_00, typed: str = "ACC12") -> str:
    return quote(app, payer, "pay_bill", minor, number=billed.NUMBER, reference=typed)


def ended(app: App, payer: Seed, quoted: str, key: str) -> Ended:
    """The receipt's number, or what was refused with how much was left."""
    try:
        return str(accept(app, payer, quoted, key)["receipt"])
    except Refused as refused:
        return refused.code, refused.facts.get("left")


def test_of_sixteen_who_pay_at_once_those_are_taken_who_fit(app: App, whom: Customer) -> None:
    offers = [asked(app, payer) for payer in CROWD]
    together = Barrier(16)

    def pay(nth: int) -> Ended:
        together.wait()
        return ended(app, CROWD[nth], offers[nth], f"s:{nth}")

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(pay, range(16)))
    taken = [isinstance(outcome, str) for outcome in outcomes]
    assert sum(taken) == 4
    assert [outcome for outcome in outcomes if not isinstance(outcome, str)] == [PASSED] * 12
    assert (credit(app, whom), entries(app, "pay_bill")) == (MOST, 4)
    assert [held(app, payer) < 5_000_00 for payer in CROWD] == taken
    with pytest.raises(Refused) as refused:
        asked(app, ASHA)
    assert (refused.value.code, refused.value.facts["left"]) == PASSED, "as when it is priced"
    billed.must_be_in_order(app)


def test_who_repeats_a_payment_at_the_most_is_told_of_it_again(app: App, whom: Customer) -> None:
    offer = asked(app, ASHA, MOST)
    together = Barrier(16)

    def pay(nth: int) -> Ended:
        together.wait()
        return ended(app, ASHA, offer, f"s:{nth % 4}")

    with ThreadPoolExecutor(16) as pool:
        outcomes = Counter(pool.map(pay, range(16)))
    assert list(outcomes.values()) == [16]
    assert (credit(app, whom), entries(app, "pay_bill")) == (MOST, 1)


def test_another_customer_of_the_biller_has_a_day_of_their_own(app: App, whom: Customer) -> None:
    other = customer(app, "ACC13", None)
    mine, theirs = asked(app, ASHA, MOST), asked(app, CROWD[0], MOST, "ACC13")
    assert isinstance(ended(app, ASHA, mine, "s:1"), str)
    assert isinstance(ended(app, CROWD[0], theirs, "s:2"), str)
    assert (credit(app, whom), credit(app, other)) == (MOST, MOST)


def test_what_came_by_mpesa_since_the_price_counts_and_is_never_refused(
    app: App, whom: Customer
) -> None:
    offer = asked(app, ASHA)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda nth: mpesa(app, "ACC12", 100_00, f"M{nth}"), range(8)))
    assert credit(app, whom) == 2 * MOST
    assert ended(app, ASHA, offer, "s:1") == PASSED
    billed.must_be_in_order(app)


def test_what_was_taken_back_counts_no_more(app: App, whom: Customer) -> None:
    receipt = str(wallet(app, ASHA, "ACC12", MOST)["receipt"])
    take_back(app, receipt)
    offer = asked(app, ASHA, MOST)
    assert isinstance(ended(app, ASHA, offer, "s:2"), str)
    assert credit(app, whom) == MOST
