"""Amounts of any asset: what can be typed, exact conversion, and the scales that the ledger has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from ussd_app.kernel.units import SCALES, format_units, is_decimal, parse_decimal, to_minor

ASSETS = st.sampled_from(sorted(SCALES))


def test_the_ledger_divides_assets_as_finely(engine: Engine) -> None:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT code, scale FROM assets").all()
    assert {row.code: row.scale for row in rows} == dict(SCALES)


@pytest.mark.parametrize(
    ("decimal", "scale", "minor"),
    [
        ("0.001", 8, 100_000),
        ("0.00000001", 8, 1),
        ("0.000000001", 8, None),
        ("500", 2, 50_000),
        ("500.505", 2, None),
        ("9999999.999999999", 9, 9_999_999_999_999_999),
    ],
)
def test_nothing_is_rounded_on_the_way_in(decimal: str, scale: int, minor: int | None) -> None:
    assert to_minor(decimal, scale) == minor


@given(ASSETS, st.integers(1, 10**15))
def test_what_is_shown_can_be_typed_and_is_the_same(asset: str, minor: int) -> None:
    number, _, unit = format_units(minor, asset).partition(" ")
    assert unit == asset
    decimal = parse_decimal(number)
    if decimal is not None:
        assert is_decimal(decimal)
        assert to_minor(decimal, SCALES[asset]) == minor
    else:
        assert minor >= 10 ** (SCALES[asset] + 7)


@given(st.text(max_size=40) | st.from_regex(r"[0-9,.]{0,20}", fullmatch=True))
def test_a_spelling_is_read_back_as_itself(text: str) -> None:
    decimal = parse_decimal(text)
    if decimal is not None:
        assert parse_decimal(decimal) == decimal
