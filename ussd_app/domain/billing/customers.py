"""Whom a biller bills: an account number, a name, and a phone that is told of invoices.

Their money is in the ledger; whether they are customers of ours matters only for the language.
"""

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ussd_app.domain.billing import references
from ussd_app.domain.billing.books import CREDIT, Books
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import open_account
from ussd_app.kernel.errors import RefusalCode, Refused

MOST_DIGITS = 20

_SELECT = """
SELECT c.id, c.agreement_id, c.number, c.name, c.msisdn, c.account_id,
       coalesce(p.language, o.language)
FROM billing_customers c
LEFT JOIN parties p ON p.msisdn = c.msisdn AND p.status <> 'closed'
JOIN agreements g ON g.id = c.agreement_id JOIN parties o ON o.id = g.party_id
"""
_NEXT = "UPDATE billers SET customers = customers + 1 WHERE agreement_id = %s RETURNING customers"
_ADD = """
INSERT INTO billing_customers (agreement_id, number, name, msisdn, account_id, made_at)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""


@dataclass(frozen=True)
class Customer:
    """Somebody whom a biller bills. `account_id` is that of their credit; `language` is their own
    where we know them, else that of the biller's owner."""

    id: int
    biller_id: int
    number: str
    name: str
    msisdn: str | None
    account_id: int
    language: str


def by_id(connection: Connection, customer_id: int) -> Customer:
    """The customer with that id, who must be there."""
    row = connection.exec_driver_sql(f"{_SELECT} WHERE c.id = %s", (customer_id,)).one()
    return Customer(*row)


def find(connection: Connection, biller_id: int, typed: str) -> Customer:
    """The customer of a biller behind an account number as typed.

    Raises Refused(unknown_bill_account).
    """
    meant = references.find(connection, biller_id, typed)
    if meant is None or meant.kind != references.CUSTOMER:
        raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)
    return by_id(connection, meant.id)


def add(
    desk: Desk,
    connection: Connection,
    books: Books,
    *,
    name: str,
    number: str | None = None,
    msisdn: str | None = None,
) -> Customer:
    """Write a customer down, under the biller's own account number or one of ours.

    Raises Refused(number_taken).
    """
    wanted = references.plain(number or "") or _free(connection, books)
    if references.is_taken_by_form(wanted) or len(wanted) > MOST_DIGITS:
        raise Refused(RefusalCode.NUMBER_TAKEN)
    account_id = open_account(
        desk.catalogue, desk.book, f"{CREDIT}/{books.owner(wanted)}", connection
    )
    given = (books.biller_id, wanted, name, msisdn, account_id, desk.clock.now())
    try:
        with connection.begin_nested():
            (customer_id,) = connection.exec_driver_sql(_ADD, given).one()
    except IntegrityError:
        raise Refused(RefusalCode.NUMBER_TAKEN) from None
    return by_id(connection, customer_id)


def _free(connection: Connection, books: Books) -> str:
    """The next number of ours that nobody has: ACC1, ACC2, …"""
    while True:
        (nth,) = connection.exec_driver_sql(_NEXT, (books.biller_id,)).one()
        number = f"{references.OURS}{nth}"
        if references.find(connection, books.biller_id, number) is None:
            return number
