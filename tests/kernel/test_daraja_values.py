"""Amounts, times, numbers and names in the forms in which Safaricom writes them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel.said import utc
from ussd_app.kernel import daraja
from ussd_app.kernel.daraja import NotUnderstood

AMOUNTS = [
    ('"10"', 1_000),
    ('"5.00"', 500),
    ("500.00", 50_000),
    ("500", 50_000),
    ('"0.01"', 1),
    ("1E+3", 100_000),
    ('"1.0E7"', 1_000_000_000),
    ("0.1", 10),
    ("19.99", 1_999),
    ("1.1000", 110),
]


@pytest.mark.parametrize(("text", "minor"), AMOUNTS)
def test_amounts_are_exact(text: str, minor: int) -> None:
    assert daraja.minor(daraja.read_json(f'{{"a": {text}}}')["a"]) == minor


NO_AMOUNTS: list[Any] = [
    None, True, False, "", " ", "five", "5,",
    "1,500", "0x10", "٥", "1e400", "9" * 13, "-", "--1", "1.", ".5",
    "NaN", "Infinity", "0.001", Decimal("NaN"), Decimal("Infinity"), Decimal("1E+99999"),
    Decimal("1E-99999"), 10**20, [], {}, "1E99", "5.00 KES",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_AMOUNTS)
def test_what_is_no_amount_is_none(value: Any) -> None:
    with pytest.raises(NotUnderstood):
        daraja.minor(value)


@given(st.integers(1, 10**11))
def test_cents_come_back_as_they_went(minor: int) -> None:
    text = f"{minor // 100}.{minor % 100:02d}"
    assert daraja.minor(text) == minor
    assert daraja.minor(daraja.read_json(f'{{"a": {text}}}')["a"]) == minor


# times


TIMES = [
    (20261120084531, "2026-11-20 05:45:31"),
    ("20261120084531", "2026-11-20 05:45:31"),
    ("20261120010203", "2026-11-19 22:02:03"),
    ("20.11.2026 22:48:52", "2026-11-20 19:48:52"),
    ("20-11-2026 10:30", "2026-11-20 07:30:00"),
    ("2026-11-20T09:13:25Z", "2026-11-20 09:13:25"),
]


@pytest.mark.parametrize(("said", "meant"), TIMES)
def test_times_are_east_african_unless_they_say_so(said: str | int, meant: str) -> None:
    assert daraja.moment(said) == utc(meant)


NO_TIMES: list[Any] = [
    None, True, "", 0, "2026112008453", "20261320084531", "20261120246060", "00010101000000",
    "20.13.2026 22:48:52", "٢٠٢٦١١٢٠٠٨٤٥٣١", [], {}, "2026-11-20",
]  # fmt: skip


@pytest.mark.parametrize("said", NO_TIMES)
def test_what_is_no_time_is_none(said: Any) -> None:
    with pytest.raises(NotUnderstood):
        daraja.moment(said)


def test_requests_are_stamped_in_east_africa() -> None:
    assert daraja.stamp(utc("2026-11-20 22:45:12")) == "20261121014512"
    assert daraja.moment(daraja.stamp(utc("2026-11-20 22:45:12"))) == utc("2026-11-20 22:45:12")


# what a payer types as an account number


PHONES = [
    "0712000001", "712000001", "254712000001", "+254712000001", "+254 712 000 001",
    "0712-000-001", " 0712 000001 ", "#0712000001", "*0712000001#", "254 0712000001",
    "０７１２０００００１",
]  # fmt: skip


@pytest.mark.parametrize("typed", PHONES)
def test_a_phone_number_is_one_however_it_is_typed(typed: str) -> None:
    assert daraja.account_meant(typed).msisdn == "+254712000001"


BILLS = [
    ("880011 ACC12", "880011", "ACC12"),
    ("880011-INV17", "880011", "INV17"),
    ("880011#inv-17", "880011", "INV17"),
    ("880011*inv 17", "880011", "INV17"),
    ("8 8 0 0 1 1 inv17", "880011", "INV17"),
    ("123456", "123456", ""),
    ("12-34-56", "123456", ""),
    ("712000001", "712000", "001"),
    ("12345", None, ""),
    ("", None, ""),
    ("KBM0001", None, ""),
    ("Mama Njeri", None, ""),
]


@pytest.mark.parametrize(("typed", "number", "rest"), BILLS)
def test_a_number_of_ours_comes_first_and_the_rest_behind_it(
    typed: str, number: str | None, rest: str
) -> None:
    meant = daraja.account_meant(typed)
    assert (meant.number, meant.rest) == (number, rest)
    assert meant.text == daraja.account_number(typed) == daraja.account_number(typed.lower())


@given(st.text(max_size=200))
def test_no_account_number_harms(typed: str) -> None:
    meant = daraja.account_meant(typed)
    assert meant.text.isascii()
    assert len(meant.text) <= 400
    assert daraja.account_meant(meant.text) == meant


PARTIES = [
    ("254700000001 - JANE WANJIKU", "254700000001", "JANE WANJIKU"),
    ("0700000001 - JANE", "0700000001", "JANE"),
    ("600992 - Kabambe - Test", "600992", "Kabambe - Test"),
    ("254700000001", "254700000001", ""),
    ("JANE", "", "JANE"),
    ("", "", ""),
    (None, "", ""),
]


@pytest.mark.parametrize(("said", "number", "name"), PARTIES)
def test_parties_are_a_number_and_a_name(said: str | None, number: str, name: str) -> None:
    assert daraja.party(said) == daraja.Party(number, name)
