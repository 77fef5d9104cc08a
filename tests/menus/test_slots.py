"""Slot types: what can be typed, what the bank may give, how it is printed and how wide."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.plain import fit, fold
from menus.slots import ASKABLE, slot_type
from ussd_app.kernel.gsm7 import is_gsm7, septets

PLAIN = [
    *("msisdn", "money", "pin", "national_id", "id_tail", "code"),
    *("name", "receipt", "ref", "text"),
]
PLAIN += [
    "word",
    "shortcode",
    "reference",
    "units",
    "coins",
    "count",
    "date",
    "lang",
    "rows",
    "text(8)",
    "choice(a, b)",
    "rows(5, 28)",
]


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("msisdn", "0712000001", "+254712000001"),
        ("msisdn", "0112000001", "+254112000001"),
        ("msisdn", "712000001", "+254712000001"),
        ("msisdn", "254712000001", "+254712000001"),
        ("msisdn", "+254 712 000 001", "+254712000001"),
        ("msisdn", "12345", None),
        ("msisdn", "+255712000001", None),
        ("msisdn", "07120000011", None),
        ("money", "500", 50_000),
        ("money", "1,500", 150_000),
        ("money", "500.50", 50_050),
        ("money", "99999999.99", 9_999_999_999),
        ("money", "100000000", None),
        ("money", "0", None),
        ("money", "-5", None),
        ("money", "1e3", None),
        ("money", "1,50", None),
        ("pin", "4826", "4826"),
        ("pin", "482", None),
        ("pin", "48260", None),
        ("pin", "٤٨٢٦", None),
        ("national_id", "12345678", "12345678"),
        ("national_id", "12345", None),
        ("national_id", "1234567890", None),
        ("code", "012345", "012345"),
        ("code", "12345", None),
        ("name", "Asha  Wanjirũ", "Asha Wanjiru"),
        ("name", "Ng\u2019ang\u2019a", "Ng'ang'a"),
        ("name", "O. Achieng-Otieno", "O. Achieng-Otieno"),
        ("name", "A", None),
        ("name", "R2D2", None),
        ("name", "x" * 31, None),
        ("name", "x" * 30, "x" * 30),
        ("name", "阿莎", None),
        ("count", "12", 12),
        ("count", "9999", 9_999),
        ("count", "10000", None),
        ("word", "Thika  Town 2", "Thika Town 2"),
        ("word", "Kisiiũ", "Kisiiu"),
        ("word", "7", "7"),
        ("word", "000", "000"),
        ("word", "", None),
        ("word", " ", None),
        ("word", "a,b", None),
        ("word", "x" * 20, "x" * 20),
        ("word", "x" * 21, None),
        ("word", "阿莎", None),
        ("shortcode", "5001", "5001"),
        ("shortcode", "247 247", "247247"),
        ("shortcode", "400-200-1", "4002001"),
        ("shortcode", "500", None),
        ("shortcode", "12345678", None),
        ("shortcode", "5O01", None),
        ("shortcode", "٥٠٠١", None),
        ("reference", "inv-7/2026.a", "INV-7/2026.A"),
        ("reference", " 0712 000 001 ", "0712000001"),
        ("reference", "000", "000"),
        ("reference", "a_b", None),
        ("reference", "", None),
        ("reference", "x" * 20, "X" * 20),
        ("reference", "x" * 21, None),
        ("reference", "straße", None),
        ("coins", "0.001", "0.001"),
        ("coins", ".5", "0.5"),
        ("coins", "0.00003412", "0.00003412"),
        ("coins", "0.000000001", "0.000000001"),
        ("coins", "0.0000000001", None),
        ("coins", "1,250.50", "1250.5"),
        ("coins", "500", "500"),
        ("coins", "007", "7"),
        ("coins", "9999999.999999999", "9999999.999999999"),
        ("coins", "10000000", None),
        ("coins", "0.000", None),
        ("coins", "1.", None),
        ("coins", ".", None),
        ("coins", "-1", None),
        ("coins", "1e3", None),
        ("coins", "1,25.5", None),
        ("coins", "0,5", None),
        ("coins", "1 BTC", None),
        ("coins", "\u0661.\u0665", None),
        ("date", "21/11/2026", "2026-11-21"),
        ("date", "1-2-2027", "2027-02-01"),
        ("date", "1.2.2027", "2027-02-01"),
        ("date", "29/2/2028", "2028-02-29"),
        ("date", "29/2/2027", None),
        ("date", "31/12/0000", None),
        ("date", "1/2-2027", None),
        ("date", "1/2/27", None),
        ("date", "1/13/2027", None),
        ("date", "1/2", None),
        ("lang", "sw", "sw"),
        ("lang", "fr", None),
        ("choice(a, b)", "a", "a"),
        ("choice(a, b)", "c", None),
        ("text(8)", "send", "send"),
        ("text(3)", "send", None),
        ("receipt", "KB00001", "KB00001"),
        ("rows", "1", None),
    ],
)
def test_what_can_be_typed(kind: str, typed: str, value: object) -> None:
    assert slot_type(kind).parse(typed) == value


@pytest.mark.parametrize(
    ("kind", "given_", "shown"),
    [
        ("msisdn", "+254712000001", "0712000001"),
        ("money", 150_000, "1,500.00"),
        ("money", 0, "0.00"),
        ("money", 99_999_999_999, "999,999,999.99"),
        ("name", "BARAKA\nOTIENO", "BARAKA OTIENO"),
        ("name", "x" * 40, "x" * 30),
        ("text(8)", "a [b] c d", "a [b]"),
        ("count", 3, "3"),
        ("date", date(2026, 11, 21), "21/11/2026"),
        ("date", "2026-01-02", "02/01/2026"),
        ("units", "0.00003412 BTC", "0.00003412 BTC"),
        ("units", "1,250.5 USDT", "1,250.5 USDT"),
        ("units", "123456789.1234567890 ABC", "123456789.1234567890 ABC"),
        ("coins", "0.001", "0.001"),
        ("shortcode", "600100", "600100"),
        ("reference", "INV-7", "INV-7"),
        ("word", "Nyumba", "Nyumba"),
        ("lang", "sw", "Kiswahili"),
        ("receipt", "KB00001", "KB00001"),
        ("rows(2, 5)", [{"key": 1, "label": "one"}, {"key": 2, "label": "two six"}], "one\ntwo s"),
        ("rows(1, 5)", [{"key": 1, "label": "one"}, {"key": 2, "label": "two"}], "one"),
        ("rows", [], ""),
    ],
)
def test_what_the_bank_gives_is_printed_by_its_type(kind: str, given_: object, shown: str) -> None:
    type_ = slot_type(kind)
    value = type_.take(given_)
    assert type_.holds(value)
    assert type_.show(value) == shown


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        ("msisdn", "0712000001"),
        ("msisdn", 712),
        ("money", 1.5),
        ("money", True),
        ("money", -1),
        ("money", "500"),
        ("money", 100_000_000_000),
        ("count", 10_000),
        ("count", False),
        ("name", None),
        ("ref", "two words"),
        ("ref", "x" * 65),
        ("receipt", "kb"),
        ("date", "2026-02-30"),
        ("date", 5),
        ("units", "0.5"),
        ("units", "BTC 0.5"),
        ("units", "-0.5 BTC"),
        ("units", 5),
        ("units", "1234567890.1234567890 ABC"),
        ("shortcode", "247 247"),
        ("shortcode", 247247),
        ("reference", "inv-7"),
        ("word", None),
        ("lang", "fr"),
        ("choice(a, b)", "c"),
        ("rows", "text"),
        ("rows", [{"label": "no key"}]),
        ("rows", ["bare"]),
    ],
)
def test_what_is_not_of_the_type_is_not_taken_and_not_quoted(kind: str, given_: object) -> None:
    with pytest.raises(ValueError, match=r"^not a value of type") as caught:
        slot_type(kind).take(given_)
    assert str(given_) not in str(caught.value).removesuffix(kind)


@pytest.mark.parametrize(
    "declared",
    [
        *("moneyy", "", "Money", "text(0)", "text(161)", "text(x)", "text()", "text(1,2)"),
        *("rows(5)", "rows(98, 10)", "rows(5, 0)", "choice", "choice()", "choice(a,,b)"),
        *("choice(a, a)", "money(5)", "pin secret"),
    ],
)
def test_what_is_no_slot_type(declared: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        slot_type(declared)


@pytest.mark.parametrize(
    ("wide", "narrow", "fits"),
    [
        ("text(12)", "text(8)", True),
        ("text(8)", "text(12)", False),
        ("text", "choice(a, b)", True),
        ("text(8)", "ref", False),
        ("rows(5, 28)", "rows(5, 20)", True),
        ("rows(5, 20)", "rows(5, 28)", False),
        ("choice(a, b)", "choice(a)", True),
        ("choice(a)", "choice(a, b)", False),
        ("money", "money", True),
        ("money", "count", False),
        ("lang", "choice(en, sw)", False),
        ("name", "text(30)", False),
    ],
)
def test_whether_one_type_fits_into_another(wide: str, narrow: str, fits: bool) -> None:
    assert slot_type(wide).accepts(slot_type(narrow)) is fits


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("21/11", "2026-11-21"),
        ("22/11", "2026-11-22"),
        ("20/11", "2027-11-20"),
        ("1.2", "2027-02-01"),
        ("01-02", "2027-02-01"),
        ("29/2", "2028-02-29"),
        ("1/2/2020", "2020-02-01"),
        ("30/2", None),
        ("32/1", None),
        ("1/2/", None),
        ("0", None),
        ("١/٢", None),
    ],
)
def test_a_day_without_its_year_is_the_next_such_day(typed: str, value: str | None) -> None:
    assert slot_type("date").parse_on(typed, lambda: date(2026, 11, 21)) == value


def test_only_a_date_asks_what_day_it_is() -> None:
    def nobody_knows() -> date:
        raise AssertionError

    for kind in ASKABLE:
        type_ = slot_type(kind)
        for typed in ("1234", "Asha", "1/2/2027"):
            assert type_.parse_on(typed, nobody_knows) == type_.parse(typed)


def test_the_29th_of_february_may_be_eight_years_away() -> None:
    day = slot_type("date").parse_on("29/2", lambda: date(2096, 3, 1))
    assert day == "2104-02-29"
    assert slot_type("date").parse_on("29/2", lambda: date(9997, 1, 1)) is None


def test_secrets_are_never_printable() -> None:
    for kind in PLAIN:
        type_ = slot_type(kind)
        assert not (type_.secret and type_.printable)
    assert {kind for kind in PLAIN if slot_type(kind).secret} == {
        "pin",
        "national_id",
        "id_tail",
        "code",
    }


def test_the_keys_for_back_and_home_are_no_answers() -> None:
    for kind in ASKABLE:
        assert slot_type(kind).parse("0") is None
        assert slot_type(kind).parse("00") is None


@given(st.sampled_from(PLAIN), st.text(max_size=80) | st.from_regex(r"[0-9+,./ -]{0,20}"))
def test_whatever_is_typed_fits_the_width_once_printed(kind: str, typed: str) -> None:
    type_ = slot_type(kind)
    value = type_.parse(typed)
    if value is not None:
        assert type_.holds(value)
        if type_.printable:
            assert septets(type_.show(value)) <= type_.widest


@given(st.sampled_from(["name", "text(8)", "text(1)", "text"]), st.text(max_size=200))
def test_whatever_the_bank_calls_somebody_fits_and_stays_as_it_is(kind: str, text: str) -> None:
    type_ = slot_type(kind)
    value = type_.take(text)
    assert septets(type_.show(value)) <= type_.widest
    assert "\n" not in value
    assert type_.holds(value)
    assert type_.take(value) == value


@given(
    st.lists(st.fixed_dictionaries({"key": st.text(), "label": st.text(max_size=60)}), max_size=9)
)
def test_whatever_rows_come_they_fit(rows: list[dict[str, str]]) -> None:
    type_ = slot_type("rows(5, 28)")
    value = type_.take(rows)
    assert type_.holds(value)
    assert septets(type_.show(value)) <= type_.widest
    assert len(value) == min(5, len(rows))


@given(st.sampled_from(PLAIN), st.none() | st.integers() | st.text() | st.lists(st.text()))
def test_anything_at_all_is_taken_or_refused(kind: str, given_: object) -> None:
    type_ = slot_type(kind)
    try:
        value = type_.take(given_)
    except ValueError:
        return
    assert type_.holds(value)


@given(st.text())
def test_folding_leaves_the_gsm_alphabet_on_one_line(text: str) -> None:
    folded = fold(text)
    assert is_gsm7(folded)
    assert not set("\n\r\f") & set(folded)


@given(st.text(max_size=100), st.integers(1, 60))
def test_fitting_is_done_once(text: str, width: int) -> None:
    fitted = fit(text, width)
    assert septets(fitted) <= width
    assert fit(fitted, width) == fitted
