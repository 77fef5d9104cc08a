"""Safaricom's list of payments that came: all of a period, however many there are; and how such a
row lies in the inbox: paid, and never confirmed to us.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from ussd_app.domain.inbox import Inbox
from ussd_app.domain.mpesa.arrival import Payment
from ussd_app.kernel.daraja import TOO_LONG, Pulled
from workers.gateways.daraja_line import Failed

PULLED = "mpesa_pulled"

WINDOW = timedelta(minutes=15)
"""So much of a period is asked for first. On a pay day 10,000 payments come in a minute."""
SHORTEST = timedelta(seconds=10)
MOST_PAGES = 20
"""A window with more pages is asked for in parts: far into a list, every page is slow to find."""
PARTS = 4
"""Into so many a window is parted; and so much longer is the next one where one was whole."""
OVERLAP = timedelta(seconds=1)
"""Whether a period's last second belongs to it is not documented."""


class Lists(Protocol):
    """Whoever lists payments, a page at a time."""

    def pull(
        self, since: datetime, until: datetime, offset: int = 0
    ) -> tuple[Pulled, ...] | Failed:
        """Payments of a period from the `offset`-th on."""


class NotListed(Exception):
    """Safaricom did not list payments; says why."""


class _TooMany(Exception):
    """More than one window should hold."""


def windows(
    safaricom: Lists, since: datetime, until: datetime
) -> Iterator[tuple[datetime, list[Pulled]]]:
    """All payments of a period, a window after the other, each with its end; windows are longer or
    shorter as there is less or more in them. Raises NotListed."""
    begin, width = since, WINDOW
    while True:
        end = min(begin + width, until)
        parts = 0
        for part in _parted(safaricom, begin, end):
            parts += 1
            yield part
        if end >= until:
            return
        begin = end - OVERLAP
        width = width * PARTS if parts == 1 else WINDOW


def _parted(
    safaricom: Lists, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, list[Pulled]]]:
    """A window, or the parts of it that hold no more than one should."""
    whole = end - begin <= SHORTEST
    try:
        yield end, _window(safaricom, begin, end, whole=whole)
        return
    except _TooMany:
        step = (end - begin) / PARTS
    for number in range(PARTS):
        since = begin + step * number - (OVERLAP if number else timedelta())
        until = end if number == PARTS - 1 else begin + step * (number + 1)
        yield from _parted(safaricom, since, until)


def listed(safaricom: Lists, since: datetime, until: datetime) -> Iterator[Pulled]:
    """All payments of a period; one at the edge of a window may come twice. Raises NotListed."""
    for _, rows in windows(safaricom, since, until):
        yield from rows


def _window(safaricom: Lists, since: datetime, until: datetime, *, whole: bool) -> list[Pulled]:
    """All pages of a period, until one has nothing new. Raises NotListed; and _TooMany, unless it
    is to be had whole."""
    rows: dict[str, Pulled] = {}
    pages = 0
    while whole or pages < MOST_PAGES:
        page = safaricom.pull(since, until, len(rows))
        if not isinstance(page, tuple):
            if page.reason == TOO_LONG and not whole:
                raise _TooMany
            raise NotListed(page.reason)
        new = {row.receipt: row for row in page if row.receipt not in rows}
        if not new:
            return list(rows.values())
        rows |= new
        pages += 1
    raise _TooMany


def hear(inbox: Inbox, row: Pulled, due_at: datetime | None = None) -> None:
    """Keep a row of the list for the inbox, once."""
    inbox.hear(PULLED, f"{row.receipt}:{row.amount_minor}", _told(row), due_at)


def _told(row: Pulled) -> dict[str, str]:
    return {
        "mpesa": row.receipt,
        "amount_minor": str(row.amount_minor),
        "account": row.account,
        "payer": row.payer,
        "paid_at": row.at.isoformat(),
    }


def read(body: Mapping[str, str]) -> Payment:
    """The payment of such a row."""
    return Payment(
        body["mpesa"],
        int(body["amount_minor"]),
        body["account"],
        body["payer"],
        "",
        datetime.fromisoformat(body["paid_at"]),
    )
