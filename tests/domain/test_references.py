"""Account numbers at a biller as a phone shows them: whole, and read again as what they are."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ussd_app.domain.billing import references
from ussd_app.domain.mpesa import accounts, pushes
from ussd_app.domain.mpesa.accounts import PAYBILL, Meaning
from ussd_app.kernel.errors import RefusalCode, Refused

PAYBILLS = st.integers(100_000, 999_999).map(str)
KINDS = st.sampled_from(["INV", "POS"])
MOST = 99_999


@given(PAYBILLS, KINDS, st.integers(1, MOST))
@example("880011", "INV", MOST)
@example("254712", "POS", 1)
def test_what_a_phone_shows_is_read_as_what_was_meant(paybill: str, kind: str, nth: int) -> None:
    number = f"{kind}{nth}"
    shown = references.asked_by_phone(paybill, number, pushes.LONGEST_ACCOUNT)
    assert len(shown) <= pushes.LONGEST_ACCOUNT
    (meant, *_) = accounts.meanings(shown)
    assert (meant.kind, meant.number) == (PAYBILL, paybill)
    read = references.forms(meant.reference)
    assert (read.invoice, read.sale) == ((number, "") if kind == "INV" else ("", number))


@given(PAYBILLS, KINDS, st.integers(MOST + 1, 10**9 - 1))
@example("880011", "INV", MOST + 1)
def test_what_has_no_room_is_not_shown(paybill: str, kind: str, nth: int) -> None:
    with pytest.raises(Refused) as refused:
        references.asked_by_phone(paybill, f"{kind}{nth}", pushes.LONGEST_ACCOUNT)
    assert refused.value.code is RefusalCode.ACCOUNT_TOO_LONG


@pytest.mark.parametrize("shown", ["880011I10000", "880011P99999"])
def test_a_pay_bill_number_of_six_digits_is_the_only_reading(shown: str) -> None:
    assert accounts.meanings(shown) == (Meaning(PAYBILL, shown[:6], shown[6:]),)
