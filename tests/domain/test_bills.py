"""What a payment to a business costs and whom, which account numbers a biller knows. No ledger."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.checks import CHECKS, must_be_known
from ussd_app.domain.pricing import Price, price
from ussd_app.kernel.errors import Broken
from ussd_app.products.read import read_catalogue

CATALOGUE: Catalogue = read_catalogue()
TODAY = date(2026, 11, 20)

# prices


def bill(amount: int, bearer: str) -> Price:
    return price(CATALOGUE, CATALOGUE.types["pay_bill"], amount, TODAY, {"bearer": bearer})


@given(st.integers(1_00, 250_000_00))
def test_the_shares_of_mgao_add_up_to_the_full_charge(amount: int) -> None:
    full, borne, shared = (bill(amount, who) for who in ("customer", "business", "shared"))
    assert (full["charge"], borne["fee"]) == (0, 0)
    assert full["fee"] == borne["charge"] == shared["fee"] + shared["charge"]
    assert full["excise"] == borne["excise"] == shared["excise"]


def test_mgao_adds_up_at_both_edges_of_every_band() -> None:
    bands = CATALOGUE.tariff_books[-1].tariffs["paybill"]
    for band in bands:
        for amount in (band.up_to_minor, min(band.up_to_minor + 1, 250_000_00)):
            shared = bill(amount, "shared")
            assert shared["fee"] + shared["charge"] == bill(amount, "customer")["fee"]


def test_a_customer_pays_nothing_at_a_till_unless_it_was_agreed() -> None:
    kind = CATALOGUE.types["pay_till"]
    for terms in ({}, {"bearer": "house"}, {"bearer": "business"}):
        assert price(CATALOGUE, kind, 9_000_00, TODAY, terms)["fee"] == 0
    assert price(CATALOGUE, kind, 9_000_00, TODAY, {"bearer": "customer"})["fee"] == 55_00


# a biller's own check


@pytest.mark.parametrize(
    ("check", "terms", "known", "unknown"),
    [
        ("digits", {"digits": "4"}, ["0000", "1234"], ["", "123", "12345", "12A4", "١٢٣٤"]),
        ("prefix", {"prefix": "std"}, ["STD1", "STD00012"], ["", "STD", "1STD", "STD1A", "ST1"]),
        ("prefix", {"prefix": "A", "digits": "2"}, ["A12"], ["A1", "A123", "B12"]),
        ("luhn", {}, ["79927398713", "00"], ["", "0", "79927398710", "7992739871X"]),
        ("listed", {"accounts": "a1, B2"}, ["A1", "B2"], ["", "A", "A2", "A1,B2", ","]),
    ],
)
def test_checks(check: str, terms: dict[str, str], known: list[str], unknown: list[str]) -> None:
    assert [CHECKS[check](reference, terms) for reference in known] == [True] * len(known)
    assert [CHECKS[check](reference, terms) for reference in unknown] == [False] * len(unknown)


@given(st.text("0123456789", min_size=1, max_size=19), st.data())
def test_luhn_notices_any_one_digit(number: str, data: st.DataObject) -> None:
    right = next(number + last for last in "0123456789" if CHECKS["luhn"](number + last, {}))
    place = data.draw(st.integers(0, len(right) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != right[place]]))
    assert not CHECKS["luhn"](right[:place] + other + right[place + 1 :], {})


def test_without_a_check_any_account_will_do_and_an_unknown_check_is_our_fault() -> None:
    must_be_known({}, "ANY THING")
    with pytest.raises(Broken):
        must_be_known({"check": "horoscope"}, "A1")
