"""Payments of Safaricom's list, as they lie in the inbox: paid, and never confirmed to us."""

from collections.abc import Mapping
from datetime import datetime

from ussd_app.domain.mpesa.arrival import Payment
from ussd_app.kernel.daraja import Pulled

PULLED = "mpesa_pulled"


def told(row: Pulled) -> dict[str, str]:
    """A row of the list for the inbox."""
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
