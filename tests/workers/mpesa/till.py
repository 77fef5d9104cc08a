"""Where Safaricom's payments go, and what a confirmation of one looks like."""

import json
from typing import Any

from sqlalchemy import Row

from tests.workers import looks
from tests.workers.conftest import Boxes
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import Planted, Seed
from ussd_app.metrics import Metrics
from workers import callbacks
from workers.shop import open_shop

JUMA = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 100_00),
    (
        Planted("till", "520001", "Duka la Juma"),
        Planted("paybill", "880011", "Maji Safi"),
    ),
)


def confirmation(mpesa: str, account: str, shillings: str, **changes: Any) -> str:
    """What Safaricom says of a payment into our pay bill."""
    body = {
        "TransactionType": "Pay Bill",
        "TransID": mpesa,
        "TransTime": "20261121120000",
        "TransAmount": shillings,
        "BusinessShortCode": "174379",
        "BillRefNumber": account,
        "OrgAccountBalance": "25.00",
        "MSISDN": "2547 ***** 126",
        "FirstName": "JANE",
    }
    return json.dumps(body | changes)


def alarms(metrics: Metrics) -> dict[str, float]:
    """What people must look at, by what it is, and how often that was said."""
    lines = metrics.exposition().decode().splitlines()
    start = 'kabambe_alarms_total{what="'
    found = (line[len(start) :].split('"} ') for line in lines if line.startswith(start))
    return {name: float(count) for name, count in found}


class Till:
    """Where Safaricom's money goes, and what of it there is."""

    def __init__(self, app: App, boxes: Boxes) -> None:
        self.app, self.boxes = app, boxes

    def pay(self, mpesa: str, account: str, shillings: str = "500.00", **changes: Any) -> int:
        """A confirmation comes in; returns its row of the inbox."""
        body = confirmation(mpesa, account, shillings, **changes)
        return self.boxes.hear("mpesa_c2b", f"{mpesa}:{shillings}", raw=body)

    def rows(self, statement: str, *given: object) -> list[Row[Any]]:
        return looks.rows(self.app, statement, *given)

    def held(self, account: str) -> int:
        kind, _, owner = account.partition("/")
        found = self.rows(
            "SELECT ledger_balance(id) FROM accounts WHERE kind = %s AND owner = %s", kind, owner
        )
        return int(found[0][0]) if found else 0

    def wallet(self, msisdn: str) -> int:
        return looks.wallet(self.app, msisdn)

    def shop(self, number: str) -> int:
        (row,) = self.rows(
            "SELECT ledger_balance(account_id) AS minor FROM agreements WHERE number = %s", number
        )
        return int(row.minor)

    def aside(self) -> dict[str, str]:
        """What waits for staff, and why."""
        rows = self.rows("SELECT reference, because FROM unplaced WHERE source = 'mpesa'")
        return {row.reference: row.because for row in rows}

    def said(self, msisdn: str) -> list[str]:
        """The templates of what somebody was told, oldest first."""
        rows = self.rows("SELECT template FROM outbox WHERE address = %s ORDER BY id", msisdn)
        return [row.template for row in rows if row.template != "opening"]

    def receipts(self) -> dict[str, int]:
        rows = self.rows("SELECT mpesa, amount_minor FROM mpesa_receipts")
        return {row.mpesa: row.amount_minor for row in rows}

    def alarms(self) -> dict[str, float]:
        return alarms(self.app.metrics)

    def work(self) -> None:
        shop = open_shop(self.app, lines=1)
        callbacks.hear(shop)
        shop.close()
