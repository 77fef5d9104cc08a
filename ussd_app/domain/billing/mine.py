"""What a customer of ours sees of their own bills: invoices and sales under their phone's number,
at any biller; to be paid from the wallet like any pay bill number.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import format_minor

MOST_ROWS, MOST_LINES, LABEL = 20, 5, 28

_OPEN = """
SELECT 'i' || i.id AS key, i.number, g.name, g.number AS paybill, a.balance_minor AS open_minor,
       i.due_day
FROM billing_customers c JOIN invoices i ON i.customer_id = c.id
JOIN accounts a ON a.id = i.account_id JOIN agreements g ON g.id = c.agreement_id
WHERE c.msisdn = %(msisdn)s AND a.balance_minor > 0 AND g.state = 'active'
UNION ALL
SELECT 's' || s.id, s.number, g.name, g.number, a.balance_minor, %(today)s::date
FROM sales s JOIN accounts a ON a.id = s.account_id JOIN agreements g ON g.id = s.agreement_id
WHERE s.msisdn = %(msisdn)s AND NOT s.ended AND s.expires_at > %(now)s AND a.balance_minor > 0
  AND g.state = 'active'
ORDER BY due_day, key LIMIT %(most)s
"""


def bills(desk: Desk, ask: Ask) -> Facts:
    """What the caller has to pay, the most urgent first: `1,200.00 MAJI SAFI INV1`."""
    party = parties.known(desk.reads, ask.msisdn)
    with desk.reads.connect() as connection:
        found = _open(desk, connection, party.msisdn, MOST_ROWS)
    return {"bills": [{"key": row.key, "label": _label(row)} for row in found]}


def bill(desk: Desk, ask: Ask) -> Facts:
    """One of them, and under which numbers it is paid. Raises Refused(nothing_open)."""
    party = parties.known(desk.reads, ask.msisdn)
    with desk.reads.connect() as connection:
        found = _open(desk, connection, party.msisdn, MOST_ROWS)
    for row in found:
        if row.key == ask.text("bill"):
            return {
                "biller_name": row.name.upper()[:25],
                "business": row.paybill,
                "invoice": row.number,
                "open": row.open_minor,
                "due": row.due_day.isoformat(),
            }
    raise Refused(RefusalCode.NOTHING_OPEN)


def tell(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """The same by SMS."""
    found = _open(desk, connection, heard.party.msisdn, MOST_LINES)
    if not found:
        return Said("no_bills", {})
    return Said("bills", {"lines": "\n".join(map(_label, found)), "service": desk.service_code})


def _open(desk: Desk, connection: Connection, msisdn: str, most: int) -> Sequence[Any]:
    now = desk.clock.now()
    given = {"msisdn": msisdn, "now": now, "today": business_day(now), "most": most}
    return connection.exec_driver_sql(_OPEN, given).all()


def _label(row: Any) -> str:
    money, number = format_minor(row.open_minor), row.number
    room = LABEL - len(money) - len(number) - 2
    return f"{money} {row.name.upper()[:room].rstrip()} {number}"
