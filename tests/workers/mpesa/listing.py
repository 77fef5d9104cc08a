"""A Safaricom that lists payments a page at a time, and says what it holds; nothing else of it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ussd_app.kernel.daraja import TOO_LONG, Accepted, Pulled
from workers.gateways.errands import Open


def paid(receipt: str, at: datetime, minor: int, account: str = "0712000001") -> Pulled:
    """A payment in the list."""
    return Pulled(receipt, at, "2547 ***** 001", "c2b-pay-bill-debit", account, minor)


class Listing:
    """Newest first, as many as fit a page; a page that is asked for in vain says so."""

    def __init__(self, rows: Iterable[Pulled] = (), page: int = 100) -> None:
        self.rows = list(rows)
        self.page = page
        self.most = 10**9
        self.failure: Any = None
        self.pulls: list[timedelta] = []
        self.asked = 0
        self.took: Any = None

    def pull(self, since: datetime, until: datetime, offset: int = 0) -> Any:
        self.pulls.append(until - since)
        if self.failure is not None:
            return self.failure
        rows = [row for row in self.rows if since <= row.at <= until]
        if len(rows[: self.page]) > self.most:
            return Open(TOO_LONG)
        newest = sorted(rows, key=lambda row: row.at, reverse=True)
        return tuple(newest[offset : offset + self.page])

    def balance(self) -> Any:
        self.asked += 1
        return self.took or Accepted("0", "", f"AG_{self.asked}", "")
