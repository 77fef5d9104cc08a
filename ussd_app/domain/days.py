"""Days and months of the Kenyan calendar, as pure functions. Knows neither money nor people."""

import calendar
from datetime import date, datetime, time, timedelta

from ussd_app.kernel.clock import NAIROBI
from ussd_app.kernel.errors import RefusalCode, Refused

WEEK, MONTH = "week", "month"
YEAR_DAYS = 365


def due_after(every: str, first: date, day: date) -> date:
    """The first due day after a given one, of those that begin at `first` and come every week or
    month. The 31st is a month's last day where it has none."""
    if every == WEEK:
        weeks = max(0, (day - first).days // 7 + 1)
        return first + timedelta(weeks=weeks)
    months = max(0, (day.year - first.year) * 12 + day.month - first.month)
    due = month_later(first, months)
    return due if due > day else month_later(first, months + 1)


def month_later(day: date, months: int) -> date:
    """The same day so many months later (or earlier), at most that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def at_hour(day: date, hour: int) -> datetime:
    """That full hour of a Nairobi day; 24 is the next midnight."""
    return datetime.combine(day, time(), NAIROBI) + timedelta(hours=hour)


def must_be_within(day: date, first: date, last: date) -> None:
    """Raises Refused(date_out_of_range) for a day that is not from `first` to `last`."""
    if not first <= day <= last:
        raise Refused(RefusalCode.DATE_OUT_OF_RANGE, first=first.isoformat(), last=last.isoformat())
