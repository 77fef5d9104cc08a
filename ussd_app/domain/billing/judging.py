"""Whether a payment to a biller would be taken: does the biller know the account number, and is it
within what one payment and one customer's day may be.

Asked before money moves: by whoever prices a payment from a wallet, once more while it is written,
and by M-PESA before it lets one through. What has been paid counts, and is never refused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from ussd_app.domain.alone import alone
from ussd_app.domain.billing import books, lookup
from ussd_app.domain.billing.lookup import Found
from ussd_app.domain.billing.references import SALE
from ussd_app.domain.days import at_hour
from ussd_app.domain.desk import Desk
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.drafts import Draft

_PAID_TODAY = """
SELECT coalesce(sum(l.amount_minor), 0)::bigint
FROM legs l JOIN entries e ON e.id = l.entry_id
LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE l.from_id = %(cash)s AND e.happened_at >= %(since)s AND r.reversed_id IS NULL
  AND e.quote IS DISTINCT FROM %(quote)s
  AND l.to_id IN (SELECT account_id FROM invoices WHERE customer_id = %(customer)s
                  UNION ALL SELECT account_id FROM billing_customers WHERE id = %(customer)s)
"""
NO_QUOTE = ""
"""No entry has it."""


def must_be_taken(desk: Desk, takings_id: int, typed: str, amount_minor: int) -> None:
    """Judge a payment to whoever's takings lie on an account; nothing where no books are kept. A
    sale that is paid, over or not begun is as unknown as none.

    Raises Refused(unknown_bill_account | amount_too_large | daily_limit).
    """
    found = lookup.look(desk, takings_id, typed)
    if found is None:
        return
    wanted = found.meant is not None and (found.meant.kind != SALE or found.open_minor > 0)
    if not wanted:
        raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)
    most = desk.catalogue.rules["billing"]["most_minor"]
    if amount_minor > most:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=most)
    with desk.reads.connect() as connection:
        _must_fit(desk, connection, found, amount_minor, desk.clock.now(), NO_QUOTE)


@contextmanager
def while_paying(
    desk: Desk, draft: Draft, takings_id: int, typed: str, amount_minor: int
) -> Iterator[None]:
    """Judge the day once more while the draft of a payment is written, which of payments from
    wallets to one customer of a biller happens one at a time.

    What its own quote has paid before, and is only told again, does not count. Raises
    Refused(daily_limit), Unavailable.
    """
    found = lookup.look(desk, takings_id, typed)
    if found is None or found.customer is None:
        yield
        return
    with alone(desk, f"billed:{found.customer.id}") as connection:
        own = draft.quote or NO_QUOTE
        _must_fit(desk, connection, found, amount_minor, draft.happened_at, own)
        yield


def _must_fit(
    desk: Desk, connection: Connection, found: Found, minor: int, now: datetime, quote: str
) -> None:
    """Judge what a customer's day has left; a sale at the counter has no customer."""
    if found.customer is None:
        return
    since = at_hour(business_day(now), 0)
    given = {"cash": found.books[books.CASH], "since": since, "customer": found.customer.id}
    paid = connection.exec_driver_sql(_PAID_TODAY, {**given, "quote": quote}).scalar_one()
    left = max(0, desk.catalogue.rules["billing"]["most_a_day_minor"] - paid)
    if minor > left:
        raise Refused(RefusalCode.DAILY_LIMIT, left=left)
