"""Safaricom's books kept in a file from one run of the simulator to the next, since an application
keeps its own."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from simulator.safaricom.books import Payment
from simulator.safaricom.model import Safaricom

MOST_KEPT: Final = 2_000
"""Payments; older ones are forgotten, what they left in the accounts is not."""
_MOMENTS: Final = ("at", "finished")


@dataclass
class Memory:
    """The file of one Safaricom."""

    safaricom: Safaricom
    file: Path
    _mark: tuple[int, int] = (-1, -1)

    def keep(self) -> None:
        """Write the books down, where something has happened since the last time."""
        safaricom = self.safaricom
        with safaricom.lock:
            mark = (safaricom.names.count, safaricom.turn)
            if mark == self._mark:
                return
            self._mark = mark
            payments = [*safaricom.books.payments.values()][-MOST_KEPT:]
            said = {
                "balances": dict(safaricom.books.balances),
                "payments": [_plain(payment) for payment in payments],
            }
        draft = self.file.with_suffix(".new")
        with suppress(OSError):
            draft.write_text(json.dumps(said), encoding="utf-8")
            draft.replace(self.file)

    def recall(self) -> None:
        """Read what was kept; nothing when there is nothing that can be read."""
        try:
            said = json.loads(self.file.read_text(encoding="utf-8"))
            payments = [_payment(row) for row in said["payments"]]
            balances = {str(account): int(minor) for account, minor in said["balances"].items()}
        except (OSError, ValueError, TypeError, LookupError):
            return
        books = self.safaricom.books
        books.balances.update(balances)
        for payment in payments:
            books.payments[payment.receipt] = payment
            books.remember(payment)


def _plain(payment: Payment) -> dict[str, Any]:
    row = asdict(payment)
    return row | {name: row[name].isoformat() for name in _MOMENTS if row[name]}


def _payment(row: dict[str, Any]) -> Payment:
    moments = {name: datetime.fromisoformat(row[name]) for name in _MOMENTS if row[name]}
    return Payment(**(row | moments))
