"""Whom an account number at a biller means: an invoice, a sale at the counter, or a customer.

People type on small keys: case, blanks, dashes and marks are forgiven, noughts before an invoice's
number too, and a word before or missing from a customer's.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.kernel.errors import RefusalCode, Refused

INVOICE, SALE, CUSTOMER = "invoice", "sale", "customer"

_INVOICE = re.compile(r"(?:INVOICE|INV|I)0*([1-9][0-9]{0,8})", re.ASCII)
_SALE = re.compile(r"(?:SALE|POS|P)0*([1-9][0-9]{0,8})", re.ASCII)
_WORDED = re.compile(r"([A-Z]{1,8})([0-9]+)", re.ASCII)
_NO_SIGNS = re.compile(r"[^A-Z0-9]", re.ASCII)
_SHORT = {"INV": "I", "POS": "P"}
OURS = "ACC"
"""What we put before the number that we give a customer."""

_MEANT = """
SELECT 'invoice' AS kind, i.id, i.account_id, i.customer_id, i.number, 0 AS place
FROM invoices i WHERE i.agreement_id = %(biller)s AND i.number = %(invoice)s
UNION ALL
SELECT 'sale', s.id, s.account_id, NULL, s.number, 0
FROM sales s WHERE s.agreement_id = %(biller)s AND s.number = %(sale)s
UNION ALL
SELECT 'customer', c.id, c.account_id, c.id, c.number, array_position(%(numbers)s, c.number)
FROM billing_customers c WHERE c.agreement_id = %(biller)s AND c.number = ANY (%(numbers)s)
ORDER BY place LIMIT 1
"""


class Meant(NamedTuple):
    """What an account number means: which row, its account in the book, whose it is, its number."""

    kind: str
    id: int
    account_id: int
    customer_id: int | None
    number: str


def plain(typed: str) -> str:
    """Capitals and digits, and nothing between."""
    return _NO_SIGNS.sub("", typed.upper())


def asked_by_phone(paybill: str, number: str, longest: int) -> str:
    """How an invoice or a sale is named on a phone that M-PESA asks: with its pay bill number, in
    as many characters as there are. Never a part of the number: that is another one's.

    Raises Refused(account_too_long): then it is paid in any other way.
    """
    short = _SHORT[number[:3]] + number[3:]
    for form in (f"{paybill} {number}", f"{paybill}{number}", f"{paybill}{short}"):
        if len(form) <= longest:
            return form
    raise Refused(RefusalCode.ACCOUNT_TOO_LONG, most=longest)


def is_taken_by_form(number: str) -> bool:
    """Whether it reads as the number of an invoice or a sale, which no customer may have."""
    return bool(_INVOICE.fullmatch(number) or _SALE.fullmatch(number))


class Forms(NamedTuple):
    """As what a typed number is looked for: an invoice, a sale (empty: neither), customers."""

    invoice: str
    sale: str
    numbers: list[str]


def forms(typed: str) -> Forms:
    """Everything that a typed number may be."""
    text = plain(typed)
    invoice, sale = _INVOICE.fullmatch(text), _SALE.fullmatch(text)
    return Forms(
        f"INV{invoice[1]}" if invoice else "",
        f"POS{sale[1]}" if sale else "",
        list(_numbers(text)),
    )


def find(connection: Connection, biller_id: int, typed: str) -> Meant | None:
    """What somebody meant at a biller; None when the biller has nothing of the kind."""
    given = {"biller": biller_id, **forms(typed)._asdict()}
    row = connection.exec_driver_sql(_MEANT, given).fetchone()
    return Meant(*row[:5]) if row else None


def _numbers(text: str) -> Iterator[str]:
    """The customer's numbers that were perhaps meant, likeliest first."""
    yield text
    worded = _WORDED.fullmatch(text)
    if text.isdigit():
        yield f"{OURS}{int(text)}"
    elif worded:
        yield worded[2]
        if worded[1] == OURS:
            yield f"{OURS}{int(worded[2])}"
