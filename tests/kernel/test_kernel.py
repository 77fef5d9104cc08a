"""The words and numbers that every part shares: tables of cases, and the laws behind them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_app.kernel import gsm7, money, msisdn
from ussd_app.kernel.clock import FrozenClock, business_day, nairobi
from ussd_app.kernel.errors import PRECEDENCE, RefusalCode
from ussd_app.kernel.ids import ALPHABET, RECEIPT_LENGTH, SystemIds, readings


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("500", 500_00),
        ("1,500", 1_500_00),
        (" 500.5 ", 500_50),
        ("500.05", 500_05),
        ("KES 20", 20_00),
        ("Ksh20", 20_00),
        ("99,999,999.99", money.LARGEST_TYPED_MINOR),
        ("0", None),
        ("0.00", None),
        ("-5", None),
        ("5e3", None),
        ("1,50", None),
        ("500.555", None),
        ("100000000", None),
        ("٥٠٠", None),
        ("", None),
        ("9" * 10_000, None),
    ],
)
def test_amounts_are_read_as_typed(typed: str, minor: int | None) -> None:
    assert money.parse_minor(typed) == minor


@given(st.integers(1, money.LARGEST_TYPED_MINOR))
def test_what_is_printed_can_be_typed(minor: int) -> None:
    assert money.parse_minor(money.format_minor(minor)) == minor


def test_a_share_is_rounded_half_up() -> None:
    assert money.share_of(7_00, Decimal("0.15")) == 1_05
    assert money.share_of(3, Decimal("0.5")) == 2


@given(
    st.integers(0, 10**12),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=40).filter(any),
)
def test_shares_sum_to_the_whole_whatever_the_order(total: int, weights: list[int]) -> None:
    shares = money.apportion(total, weights)
    assert sum(shares) == total
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if not weight)
    backwards = money.apportion(total, weights[::-1])
    assert sorted(shares) == sorted(backwards)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1]])
def test_nothing_is_split_by_nothing(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"weight|negative"):
        money.apportion(100, weights)


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("0712000001", "+254712000001"),
        ("712000001", "+254712000001"),
        ("254712000001", "+254712000001"),
        ("+254 712 000 001", "+254712000001"),
        ("0110123456", "+254110123456"),
        ("0202000000", None),
        ("07120000", None),
        ("+255712000001", None),
        ("", None),
        ("0" * 5_000, None),
        ("٠٧١٢٠٠٠٠٠١", None),
    ],
)
def test_numbers_are_read_as_people_type_them(typed: str, known: str | None) -> None:
    assert msisdn.parse(typed) == known


def test_a_number_is_masked_on_other_peoples_receipts() -> None:
    assert msisdn.mask("+254712000155") == "0712***155"
    assert msisdn.local("+254712000155") == "0712000155"


def test_extension_characters_cost_two_septets() -> None:
    assert gsm7.septets("€[]{}|^~\\") == 18
    with pytest.raises(ValueError, match="GSM"):
        gsm7.septets("it’s")
    assert gsm7.unmappable("it’s “so”") == "’“”"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 159 + "€", 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("ы" * 70, 1),
        ("ы" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_the_network_bills_them(text: str, parts: int) -> None:
    assert gsm7.segments(text) == parts


def test_a_business_day_turns_at_midnight_in_nairobi() -> None:
    before = datetime(2026, 11, 20, 20, 59, 59, tzinfo=UTC)
    after = datetime(2026, 11, 20, 21, 0, 0, tzinfo=UTC)
    assert business_day(before).day == 20
    assert business_day(after).day == 21
    assert nairobi(after).hour == 0


def test_a_frozen_clock_moves_when_told_and_may_jump_back() -> None:
    clock = FrozenClock(datetime(2026, 11, 20, tzinfo=UTC))
    clock.advance(seconds=90)
    clock.advance(seconds=-30)
    assert clock.now() == datetime(2026, 11, 20, 0, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="aware"):
        FrozenClock(datetime(2026, 11, 20))  # noqa: DTZ001 - the point


def test_receipt_numbers_cannot_be_misread() -> None:
    assert not set("IOSZB") & set(ALPHABET)
    seen = {SystemIds().receipt(datetime(2026, 11, 21, tzinfo=UTC)) for _ in range(500)}
    assert all(len(one) == RECEIPT_LENGTH and one[0] == "K" for one in seen)
    assert all(set(one[1:]) <= set(ALPHABET) for one in seen)
    assert len(seen) == 500


@pytest.mark.parametrize("turn", range(20))
def test_letters_that_look_like_digits_are_forgiven(turn: int) -> None:
    receipt = SystemIds().receipt(datetime(2026, 1 + turn % 12, 1 + turn, tzinfo=UTC))
    typed = receipt.replace("0", "O").replace("1", "I").replace("8", "B")
    assert set(receipt) <= set(ALPHABET)
    assert receipt in readings(typed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("kgk4x7pq2m", "KGK4X7PQ2M"),
        ("k g k o i", "KGK01"),
        ("KBOOOOI", "KB00001"),
        ("KGKSZB", "KGK528"),
        ("KOK4", "K0K4"),
    ],
)
def test_a_receipt_number_is_read_as_it_was_meant(typed: str, meant: str) -> None:
    assert meant in readings(typed)


def test_refusals_have_an_order_of_precedence() -> None:
    order = [
        RefusalCode.ACCOUNT_FROZEN,
        RefusalCode.WRONG_PIN,
        RefusalCode.UNKNOWN_PAYEE,
        RefusalCode.AMOUNT_TOO_LARGE,
        RefusalCode.DAILY_LIMIT,
        RefusalCode.INSUFFICIENT_FUNDS,
    ]
    assert sorted(order, key=PRECEDENCE.__getitem__) == order
