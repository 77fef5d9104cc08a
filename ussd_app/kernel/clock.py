"""What time it is. Handed to whoever needs it, so that a test can hold it still.

UTC inside, Nairobi on the phone; Kenya keeps UTC+3 all year.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

NAIROBI = ZoneInfo("Africa/Nairobi")


class Clock(Protocol):
    """Anything that knows the time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FrozenClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware time")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, *, seconds: float) -> None:
        """Let time pass; a negative number is a clock that jumps back."""
        self._now += timedelta(seconds=seconds)


def nairobi(moment: datetime) -> datetime:
    """The same moment on a Kenyan wall clock."""
    return moment.astimezone(NAIROBI)


def business_day(moment: datetime) -> date:
    """The Kenyan calendar day to which daily limits count a moment."""
    return nairobi(moment).date()
