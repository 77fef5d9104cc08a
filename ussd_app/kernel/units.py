"""Amounts of any asset as integers of its smallest part, and their way in and out as text.

A scale is a fact of the world, like the number of cents in a shilling; the table `assets` has the
same (a test compares them). Knows no price.
"""

import re
from collections.abc import Mapping
from decimal import Decimal

SCALES: Mapping[str, int] = {"KES": 2, "BTC": 8, "ETH": 9, "USDT": 6}
"""One unit of an asset is 10^scale of its minor units: cents, satoshi, gwei, millionths."""

FINEST = max(SCALES.values())
WHOLE_DIGITS = 7
"""So many digits a typed amount may have before its point."""

_TYPED = re.compile(r"(?:\d{1,7}|\d{1,3}(?:,\d{3}){1,2}|(?=\.))(?:\.\d{1,9})?", re.ASCII)
_KEPT = re.compile(r"(?:0|[1-9]\d{0,6})(?:\.\d{0,8}[1-9])?", re.ASCII)


def parse_decimal(text: str) -> str | None:
    """Read an amount as typed (`0.001`, `.5`, `1,250.50`) into its one spelling: `0.001`.

    None when it is not positive, has more than `WHOLE_DIGITS` before the point or more than
    `FINEST` behind it.
    """
    typed = text.strip()
    if len(typed) > 32 or not typed or not _TYPED.fullmatch(typed):
        return None
    whole, _, part = typed.replace(",", "").partition(".")
    spelling = f"{int(whole or 0)}.{part}".rstrip("0").rstrip(".")
    return spelling if is_decimal(spelling) else None


def is_decimal(text: str) -> bool:
    """Whether a text is the one spelling of a positive amount."""
    return text != "0" and len(text.split(".")[0]) <= WHOLE_DIGITS and bool(_KEPT.fullmatch(text))


def to_minor(decimal: str, scale: int) -> int | None:
    """A decimal in minor units; None when it is finer than the scale."""
    minor = Decimal(decimal).scaleb(scale)
    return int(minor) if minor == int(minor) else None


def format_units(minor: int, asset: str) -> str:
    """Print minor units with their asset, without idle zeros: `0.00003412 BTC`, `1,250.5 USDT`."""
    scale = SCALES[asset]
    whole, part = divmod(minor, 10**scale)
    decimals = f"{part:0{scale}d}".rstrip("0")
    return f"{whole:,}{'.' + decimals if decimals else ''} {asset}"
