"""Agreements: a number is one agreement's, operators act in it, and suspended means suspended."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.domain.trade import (
    JUMA,
    NJERI,
    TRADERS,
    WAKUU,
    accept,
    agreement,
    deposit,
    held,
    operate,
    party,
    put,
    quote,
)
from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import agreements
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.seeds import Seed, plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST + TRADERS)


def establish(app: App, kind: str, seed: Seed, number: str | None = None) -> Agreement:
    with app.engine.begin() as connection:
        return agreements.establish(
            app.bank.desk, connection, kind, party(app, seed), name="Duka", number=number
        )


def test_a_number_is_one_agreements(app: App) -> None:
    with pytest.raises(Refused) as refusal:
        establish(app, "till", ASHA, "520001")
    assert refusal.value.code is RefusalCode.NUMBER_TAKEN
    assert agreement(app, "till", "520001").party_id == party(app, JUMA).id
    assert establish(app, "till", ASHA, "520002").number == "520002"


def test_who_was_refused_a_number_can_go_on_in_the_same_transaction(app: App) -> None:
    with app.engine.begin() as connection:
        with pytest.raises(Refused):
            agreements.establish(
                *(app.bank.desk, connection, "till", party(app, ASHA)), name="A", number="520001"
            )
        made = agreements.establish(
            *(app.bank.desk, connection, "till", party(app, ASHA)), name="A", number="520009"
        )
    assert agreement(app, "till", "520009") == made


def test_a_number_is_drawn_that_nobody_has(app: App) -> None:
    drawn = [establish(app, "agency", ASHA).number for _ in range(3)]
    assert drawn == ["41003", "41004", "41005"]


def test_numbers_drawn_at_once_differ(app: App) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: establish(app, "agency", ASHA), range(16)))
    assert len({each.number for each in made}) == 16
    assert len({each.account_id for each in made}) == 16


def test_a_drawn_number_never_grows_a_digit(app: App) -> None:
    establish(app, "agency", ASHA, "99999")
    drawn = [establish(app, "agency", ASHA).number for _ in range(2)]
    assert [len(number) for number in drawn] == [5, 5]
    assert len(set(drawn)) == 2


def test_a_pochi_goes_by_its_owners_own_number(app: App) -> None:
    assert establish(app, "pochi", ASHA).number == ASHA.msisdn
    with pytest.raises(Refused) as refusal:
        establish(app, "pochi", ASHA)
    assert refusal.value.code is RefusalCode.NUMBER_TAKEN


def test_only_who_acts_in_an_agreement_pays_from_it(app: App) -> None:
    with pytest.raises(Refused) as refusal:
        quote(app, ASHA, "cash_in", 500_00, payee=BARAKA.msisdn)
    assert refusal.value.code is RefusalCode.NOT_YOURS


def test_an_operator_acts_with_their_own_pin(app: App) -> None:
    operate(app, "41002", ASHA)
    accept(app, ASHA, deposit(app, ASHA, BARAKA, 500_00))
    assert held(app, f"wallet/{party(app, BARAKA).owner}") == 520_00
    assert held(app, f"wallet/{party(app, ASHA).owner}") == ASHA.balance_minor
    assert held(app, f"float/{agreement(app, 'agency', '41002').owner}") == 19_500_00
    assert audit.run(app.engine) == []


def test_ones_own_agreement_comes_before_one_that_is_operated(app: App) -> None:
    operate(app, "41001", NJERI)
    reads, njeri = app.bank.desk.reads, party(app, NJERI).id
    assert agreements.of_party(reads, njeri, ("agency",), "").number == "41002"
    chosen = str(agreement(app, "agency", "41001").id)
    assert agreements.of_party(reads, njeri, ("agency",), chosen).number == "41001"


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_nobody_acts_in_an_agreement_that_is_not_in_force(app: App, state: str) -> None:
    operate(app, "41002", ASHA)
    put(app, "41002", state)
    for seed in (NJERI, ASHA):
        with pytest.raises(Refused) as refusal:
            quote(app, seed, "cash_in", 500_00, payee=BARAKA.msisdn)
        assert refusal.value.code is RefusalCode.NOT_YOURS


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_a_suspended_payee_is_refused_when_quoted_and_when_accepted(app: App, state: str) -> None:
    before = quote(app, ASHA, "pay_till", 100_00, number="520001")
    put(app, "520001", state)
    for ask in (
        lambda: quote(app, ASHA, "pay_till", 100_00, number="520001"),
        lambda: accept(app, ASHA, before),
    ):
        with pytest.raises(Refused) as refusal:
            ask()
        assert refusal.value.code is RefusalCode.PAYEE_FROZEN
    assert held(app, f"till/{agreement(app, 'till', '520001').owner}") == 0
    put(app, "520001", "active")
    accept(app, ASHA, quote(app, ASHA, "pay_till", 100_00, number="520001"), "s:pay:2")


def test_who_lost_their_agreement_after_the_offer_does_not_pay_from_it(app: App) -> None:
    before = deposit(app, NJERI, BARAKA, 500_00)
    put(app, "41002", "suspended")
    with pytest.raises(Refused):
        accept(app, NJERI, before)
    assert held(app, f"float/{agreement(app, 'agency', '41002').owner}") == 20_000_00


def test_a_shop_whose_owner_is_frozen_is_paid_nothing(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE parties SET status = 'frozen' WHERE msisdn = %s", (JUMA.msisdn,)
        )
    with pytest.raises(Refused) as refusal:
        quote(app, ASHA, "pay_till", 100_00, number="520001")
    assert refusal.value.code is RefusalCode.PAYEE_FROZEN


def test_nobody_pays_themselves_by_way_of_their_shop(app: App) -> None:
    with pytest.raises(Refused) as refusal:
        quote(app, JUMA, "pay_till", 10_00, number="520001")
    assert refusal.value.code is RefusalCode.PAYEE_IS_PAYER
    with pytest.raises(Refused) as refusal:
        quote(app, WAKUU, "cash_out", 50_00, number="41001")
    assert refusal.value.code is RefusalCode.PAYEE_IS_PAYER


def test_an_account_beside_the_main_one_is_opened_once_however_many_ask(app: App) -> None:
    agency = agreement(app, "agency", "41002")
    with ThreadPoolExecutor(8) as pool:
        ids = Counter(
            pool.map(lambda _: agreements.account(app.bank.desk, agency, "commission"), range(16))
        )
    assert len(ids) == 1
    assert agreements.account(app.bank.desk, agency, "float") == agency.account_id
