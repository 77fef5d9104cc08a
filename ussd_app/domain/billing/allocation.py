"""What a payment to a biller pays: the invoice that was named first, then the oldest, the rest is
credit. Worked out in the payer's own entry, whoever writes it.

What is worked out here may be true no more when it is written; the floors of the receivables say
so, and then it is worked out anew.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.also import Also
from ussd_app.domain.billing import customers, receipts, references
from ussd_app.domain.billing.books import (
    CASH,
    CHARGES,
    PENDING,
    REVENUE,
    UNPLACED,
    Books,
)
from ussd_app.domain.billing.references import INVOICE, SALE, Meant
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import Leg

MOST_AT_ONCE = 20
"""So many invoices one payment pays by itself; what is left is credit, which pays the others."""

_OPEN = """
SELECT i.account_id, i.number, a.balance_minor
FROM invoices i JOIN accounts a ON a.id = i.account_id
WHERE i.customer_id = %s AND a.balance_minor > 0
ORDER BY i.account_id <> %s, i.due_day, i.id LIMIT %s
"""
_LEFT = "SELECT balance_minor FROM accounts WHERE id = %s"


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


def owed(connection: Connection, customer_id: int, first_id: int = 0) -> list[Open]:
    """A customer's open invoices: the one with that account first, then by the day they are due."""
    rows = connection.exec_driver_sql(_OPEN, (customer_id, first_id, MOST_AT_ONCE))
    return [Open(*row) for row in rows]


def of_payment(desk: Desk, books: Books, typed: str, amount_minor: int, charge_minor: int) -> Also:
    """Legs and receipts of a payment to a biller, by the account number that was typed."""
    with desk.reads.connect() as connection:
        meant = references.find(connection, books.biller_id, typed)
        charge = [Leg(books[CHARGES], books[CASH], charge_minor)] if charge_minor else []
        if meant is not None and meant.kind == SALE:
            also = _of_sale(connection, books, meant, amount_minor)
        elif meant is not None and meant.customer_id is not None:
            also = _of_customer(connection, books, meant, meant.customer_id, amount_minor)
        else:
            also = Also((Leg(books[CASH], books[UNPLACED], amount_minor),))
    return also._replace(legs=(*also.legs, *charge))


def _of_sale(connection: Connection, books: Books, sale: Meant, amount_minor: int) -> Also:
    """A sale is paid, and revenue from now on; more than its price belongs to nobody yet."""
    (left,) = connection.exec_driver_sql(_LEFT, (sale.account_id,)).one()
    paid, rest = divide(amount_minor, [Open(sale.account_id, sale.number, left)])
    legs = []
    for each in paid:
        legs += [Leg(books[CASH], each.account_id, each.minor)]
        legs += [Leg(books[PENDING], books[REVENUE], each.minor)]
    if rest:
        legs.append(Leg(books[CASH], books[UNPLACED], rest))
    told = receipts.of_sale(connection, books, sale, amount_minor) if paid else ()
    return Also(tuple(legs), tuple(told))


def _of_customer(
    connection: Connection, books: Books, meant: Meant, customer_id: int, amount_minor: int
) -> Also:
    first = meant.account_id if meant.kind == INVOICE else 0
    paid, rest = divide(amount_minor, owed(connection, customer_id, first))
    customer = customers.by_id(connection, customer_id)
    legs = [Leg(books[CASH], each.account_id, each.minor) for each in paid]
    if rest:
        legs.append(Leg(books[CASH], customer.account_id, rest))
    told = receipts.of_payment(books, customer, amount_minor, paid, rest)
    return Also(tuple(legs), tuple(told))
