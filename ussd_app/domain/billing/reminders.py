"""Customers are reminded of what they owe: some days before it is due and after, and when the
biller asks for it, once a day.
"""

from datetime import date, timedelta

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.billing import customers, receipts
from ussd_app.domain.billing.invoices import Invoice
from ussd_app.domain.desk import Desk
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

BEFORE, AFTER, ASKED = "before", "after", "asked"
MISSED = timedelta(days=7)
"""A reminder that should have gone out is sent for so long; then nobody wants it any more."""
MOST = 10_000

_DUE = """
SELECT i.id, i.customer_id, i.number, i.due_day, a.balance_minor, g.name, g.number
FROM invoices i JOIN accounts a ON a.id = i.account_id
JOIN agreements g ON g.id = i.agreement_id
WHERE i.due_day BETWEEN %s AND %s AND a.balance_minor > 0 AND g.state = 'active'
  AND NOT EXISTS (SELECT FROM reminders r WHERE r.invoice_id = i.id AND r.why = %s)
ORDER BY i.id LIMIT %s
"""
_ONE = """
SELECT i.id, i.customer_id, i.number, i.due_day, a.balance_minor, g.name, g.number
FROM invoices i JOIN accounts a ON a.id = i.account_id
JOIN agreements g ON g.id = i.agreement_id WHERE i.id = %s
"""
_SENT = """
INSERT INTO reminders (invoice_id, why, day) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""


def send_all(desk: Desk) -> int:
    """Remind of everything that is due soon, or was. Returns how many were reminded."""
    rules = desk.catalogue.rules["billing"]
    today = business_day(desk.clock.now())
    soon = today + timedelta(days=rules["before_days"])
    late = today - timedelta(days=rules["after_days"])
    return _send(desk, BEFORE, today, soon) + _send(desk, AFTER, late - MISSED, late)


def _send(desk: Desk, why: str, first: date, last: date) -> int:
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(_DUE, (first, last, why, MOST)).all()
    sent = 0
    for row in rows:
        with desk.engine.begin() as connection:
            sent += _remind(desk, connection, why, tuple(row))
    return sent


def ask(desk: Desk, connection: Connection, invoice: Invoice) -> None:
    """Remind of one invoice because its biller wants so.

    Raises Refused(nothing_open | already_asked).
    """
    if not invoice.open_minor:
        raise Refused(RefusalCode.NOTHING_OPEN)
    row = connection.exec_driver_sql(_ONE, (invoice.id,)).one()
    if not _remind(desk, connection, ASKED, tuple(row)):
        raise Refused(RefusalCode.ALREADY_ASKED)


def _remind(desk: Desk, connection: Connection, why: str, row: tuple[object, ...]) -> bool:
    invoice_id, customer_id, number, due_day, open_minor, biller, paybill = row
    assert isinstance(due_day, date)
    today = business_day(desk.clock.now())
    if not connection.exec_driver_sql(_SENT, (invoice_id, why, today)).rowcount:
        return False
    whom = customers.by_id(connection, int(str(customer_id)))
    if whom.msisdn is not None:
        template = "bill_overdue" if due_day < today else "bill_due_soon"
        way = receipts.how_to_pay(desk, str(paybill), str(number))
        parties.say(
            *(desk, connection, whom.msisdn, whom.language, template),
            name=biller,
            open=open_minor,
            due=due_day.isoformat(),
            way=way["way"],
            paybill=way["paybill"],
            account=way["account"],
        )
    return True
