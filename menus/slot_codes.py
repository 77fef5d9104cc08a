"""Slot types that a customer reads off a till, a bill, an exchange or a calendar.

They forgive how it was typed and keep one spelling.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from menus.slot_base import KEYS, Patterned, SlotType
from ussd_app.kernel import units

_DAY = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})(?:\2([0-9]{4}))?", re.ASCII)
_LEAP_MOST = 8
"""The most years from one 29 February to the next."""


class Shortcode(Patterned):
    """The number of a till, an agent, a store or a business."""

    kind = "shortcode"
    askable = True
    shape = re.compile(r"[0-9]{4,7}", re.ASCII)

    def parse(self, typed: str) -> str | None:
        return super().parse(typed.replace(" ", "").replace("-", ""))


class Reference(Patterned):
    """The account number at a biller, in capitals without blanks."""

    kind = "reference"
    askable = True
    shape = re.compile(r"[A-Z0-9/.-]{1,20}", re.ASCII)

    def parse(self, typed: str) -> str | None:
        squeezed = "".join(typed.split())
        if squeezed in KEYS or not squeezed.isascii():
            return None
        return super().parse(squeezed.upper())


class Units(Patterned):
    """An amount of something other than shillings with its unit, such as '0.00003412 BTC'.

    Written by the bank, which knows how finely it divides; never cut.
    """

    kind = "units"
    shape = re.compile(r"(?=.{3,24}\Z)[0-9][0-9,]*(?:\.[0-9]+)? [A-Za-z]{1,10}", re.ASCII)


class Coins(SlotType):
    """An amount in decimals, as of a coin: kept in its one spelling, '0.001'. What it counts and
    how finely that divides, the bank knows."""

    kind = "coins"
    askable = True

    def parse(self, typed: str) -> str | None:
        return units.parse_decimal(typed)

    def take(self, given: object) -> str:
        if not self.holds(given):
            raise self.refuse()
        return str(given)

    def holds(self, value: object) -> bool:
        return isinstance(value, str) and units.is_decimal(value)


class Date(SlotType):
    """A Kenyan calendar day, kept as '2026-11-21' and printed as '21/11/2026'.

    Typed as 21/11/2026, or 21/11 for the next such day, today included; also with `-` or `.`.
    """

    kind = "date"
    askable = True

    def parse(self, typed: str) -> str | None:
        match = _DAY.fullmatch(typed)
        return _iso(match[4], match[3], match[1]) if match and match[4] else None

    def parse_on(self, typed: str, today: Callable[[], date]) -> str | None:
        match = _DAY.fullmatch(typed)
        if match is None or match[4]:
            return self.parse(typed)
        now = today()
        days = (_iso(now.year + more, match[3], match[1]) for more in range(_LEAP_MOST + 1))
        return next((day for day in days if day and day >= now.isoformat()), None)

    def take(self, given: object) -> str:
        if isinstance(given, date):
            given = given.isoformat()[:10]
        if not isinstance(given, str) or not self.holds(given):
            raise self.refuse()
        return given

    def holds(self, value: object) -> bool:
        try:
            return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
        except ValueError:
            return False

    def show(self, value: Any) -> str:
        year, month, day = str(value).split("-")
        return f"{day}/{month}/{year}"


def _iso(year: str | int, month: str, day: str) -> str | None:
    """The day, None when no calendar has it."""
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None
