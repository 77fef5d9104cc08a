"""What a payment to a biller pays: the invoice that was named first, then the oldest, the rest is
credit. Worked out in the payer's own entry, whoever writes it.

What is worked out here may be true no more when it is written; the floors of the receivables say
so, and then it is worked out anew.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.also import NOTHING, Also
from ussd_app.domain.billing import lookup, receipts
from ussd_app.domain.billing.books import CASH, CHARGES, PENDING, REVENUE, UNPLACED
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.billing.lookup import Found
from ussd_app.domain.billing.references import Meant
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import Leg

_OPEN = """
SELECT i.account_id, i.number, a.balance_minor
FROM invoices i JOIN accounts a ON a.id = i.account_id
WHERE i.customer_id = %s AND a.balance_minor > 0 ORDER BY i.due_day, i.id LIMIT 1
"""


class Open(NamedTuple):
    """What is still to be paid of something, in minor units."""

    account_id: int
    number: str
    open_minor: int


class Paid(NamedTuple):
    """What a payment pays of something, and what is then left of it."""

    account_id: int
    number: str
    minor: int
    left_minor: int


def divide(amount_minor: int, owed: Iterable[Open]) -> tuple[list[Paid], int]:
    """An amount over what is owed, in order, until it is exhausted; and what remains of it."""
    paid: list[Paid] = []
    for each in owed:
        minor = min(amount_minor, each.open_minor)
        if minor <= 0:
            break
        paid.append(Paid(each.account_id, each.number, minor, each.open_minor - minor))
        amount_minor -= minor
    return paid, amount_minor


def oldest(connection: Connection, customer_id: int) -> list[Open]:
    """The open invoice of a customer that is due first; none when nothing is open."""
    return [Open(*row) for row in connection.exec_driver_sql(_OPEN, (customer_id,))]


def of_payment(
    desk: Desk, takings_id: int, typed: str, amount_minor: int, charge_minor: int
) -> Also:
    """Legs and receipts of a payment to a biller, by the account number that was typed; nothing
    where no books are kept."""
    found = lookup.look(desk, takings_id, typed)
    if found is None:
        return NOTHING
    books = found.books
    if found.customer is not None:
        also = _of_customer(found, found.customer, amount_minor)
    elif found.meant is not None:
        also = _of_sale(found, found.meant, amount_minor)
    else:
        also = Also((Leg(books[CASH], books[UNPLACED], amount_minor),))
    charge = [Leg(books[CHARGES], books[CASH], charge_minor)] if charge_minor else []
    return also._replace(legs=(*also.legs, *charge))


def _of_sale(found: Found, sale: Meant, amount_minor: int) -> Also:
    """A sale is paid, and revenue from now on; more than is open of it belongs to nobody yet, and
    the seller is told so."""
    books = found.books
    paid, rest = divide(amount_minor, [Open(sale.account_id, sale.number, found.open_minor)])
    legs = []
    for each in paid:
        legs += [Leg(books[CASH], each.account_id, each.minor)]
        legs += [Leg(books[PENDING], books[REVENUE], each.minor)]
    told = list(receipts.of_sale(found, sale, amount_minor - rest)) if paid else []
    if rest:
        legs.append(Leg(books[CASH], books[UNPLACED], rest))
        told += receipts.of_rest(found, sale, rest)
    return Also(tuple(legs), tuple(told))


def _of_customer(found: Found, customer: Customer, amount_minor: int) -> Also:
    books = found.books
    paid, rest = divide(amount_minor, [Open(*each) for each in found.owed])
    legs = [Leg(books[CASH], each.account_id, each.minor) for each in paid]
    if rest:
        legs.append(Leg(books[CASH], customer.account_id, rest))
    told = receipts.of_payment(books, customer, amount_minor, paid, rest)
    return Also(tuple(legs), tuple(told))
