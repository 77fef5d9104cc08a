"""Whether a payment to a biller would be taken: does the biller know the account number, and is it
within what one payment and one customer's day may be.

Asked before money moves: by whoever prices a payment from a wallet, and by M-PESA before it lets
one through. What has been paid is never refused.
"""

from datetime import datetime, time

from sqlalchemy import Connection

from ussd_app.domain.billing import books, references
from ussd_app.domain.billing.books import Books
from ussd_app.domain.desk import Desk
from ussd_app.kernel.clock import NAIROBI, business_day
from ussd_app.kernel.errors import RefusalCode, Refused

_PAID_TODAY = """
SELECT coalesce(sum(l.amount_minor), 0)::bigint
FROM legs l JOIN entries e ON e.id = l.entry_id
LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE l.from_id = %(cash)s AND e.happened_at >= %(since)s AND r.reversed_id IS NULL
  AND l.to_id IN (SELECT account_id FROM invoices WHERE customer_id = %(customer)s
                  UNION ALL SELECT account_id FROM billing_customers WHERE id = %(customer)s)
"""


def must_be_taken(desk: Desk, takings_id: int, typed: str, amount_minor: int) -> None:
    """Judge a payment to whoever's takings lie on an account; nothing where no books are kept.

    Raises Refused(unknown_bill_account | amount_too_large | daily_limit).
    """
    own = books.at(desk.reads, takings_id)
    if own is None:
        return
    with desk.reads.connect() as connection:
        meant = references.find(connection, own.biller_id, typed)
        if meant is None:
            raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)
        rules = desk.catalogue.rules["billing"]
        if amount_minor > rules["most_minor"]:
            raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=rules["most_minor"])
        if meant.customer_id is None:
            return
        paid = _paid_today(desk, connection, own, meant.customer_id)
    left = max(0, rules["most_a_day_minor"] - paid)
    if amount_minor > left:
        raise Refused(RefusalCode.DAILY_LIMIT, left=left)


def _paid_today(desk: Desk, connection: Connection, own: Books, customer_id: int) -> int:
    since = datetime.combine(business_day(desk.clock.now()), time(), NAIROBI)
    given = {"cash": own[books.CASH], "since": since, "customer": customer_id}
    return int(connection.exec_driver_sql(_PAID_TODAY, given).scalar_one())
