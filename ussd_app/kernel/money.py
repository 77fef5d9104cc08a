"""Money as integers of minor units, and its way in and out as text.

A binary float never stands for money here. Knows neither accounts nor tariffs.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

KES_SCALE = 2
LARGEST_TYPED_MINOR = 99_999_999_99
"""The largest amount a customer can type: KES 99,999,999.99."""

_TYPED = re.compile(r"(?:\d{1,8}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{1,2}))?", re.ASCII)


def format_minor(minor: int, scale: int = KES_SCALE) -> str:
    """Print minor units with thousands separators: 150000 at scale 2 is '1,500.00'."""
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**scale)
    return f"{sign}{whole:,}.{part:0{scale}d}" if scale else f"{sign}{whole:,}"


def parse_minor(text: str) -> int | None:
    """Read an amount of shillings as typed ('500', '1,500', '500.50') into minor units.

    Spaces around and a leading 'KES' or 'Ksh' are forgiven. None when it is not a positive amount
    of at most `LARGEST_TYPED_MINOR`.
    """
    if len(text) > 32:
        return None
    typed = text.strip().lower()
    for currency in ("kes", "ksh"):
        typed = typed.removeprefix(currency).strip()
    if not _TYPED.fullmatch(typed):
        return None
    minor = int(Decimal(typed.replace(",", "")).scaleb(KES_SCALE))
    return minor if 0 < minor <= LARGEST_TYPED_MINOR else None


def share_of(minor: int, rate: Decimal) -> int:
    """A rate of an amount, in minor units, halves rounded up (0.15 of 700 is 105)."""
    return int((Decimal(minor) * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def apportion(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Split a total by weights so that the shares sum to it exactly (largest remainder).

    Equal remainders go to the heavier weight first and then to the earlier place, so that the
    multiset of shares does not depend on the order of the weights. Raises ValueError for negative
    input or when all weights are zero.
    """
    if total_minor < 0 or any(weight < 0 for weight in weights):
        raise ValueError("neither the total nor a weight may be negative")
    heft = sum(weights)
    if not heft:
        raise ValueError("at least one weight must be positive")
    shares = [total_minor * weight // heft for weight in weights]
    remainders = [total_minor * weight % heft for weight in weights]
    by_claim = sorted(range(len(weights)), key=lambda i: (-remainders[i], -weights[i], i))
    for place in by_claim[: total_minor - sum(shares)]:
        shares[place] += 1
    return shares
