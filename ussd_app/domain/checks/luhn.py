"""Digits of which the last one checks the others (ISO/IEC 7812-1), as on cards and many meters."""

from collections.abc import Mapping

LEAST = 2


def is_known(reference: str, terms: Mapping[str, object]) -> bool:
    """Whether the check digit is right: any one digit mistyped is noticed."""
    if not (reference.isascii() and reference.isdigit()) or len(reference) < LEAST:
        return False
    digits = [int(digit) for digit in reversed(reference)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
