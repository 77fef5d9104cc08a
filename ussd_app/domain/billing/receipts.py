"""What customers of billers are told of payments: by SMS, in the language that we know of them."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from sqlalchemy import Connection

from ussd_app.domain.billing.books import Books
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.billing.references import Meant
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import OutboxRow

_OWNER = """
SELECT p.msisdn, p.language FROM agreements g JOIN parties p ON p.id = g.party_id WHERE g.id = %s
"""


class PaidOf(Protocol):
    """Something that a payment paid."""

    @property
    def account_id(self) -> int: ...
    @property
    def number(self) -> str: ...


def of_payment(
    books: Books, customer: Customer, amount_minor: int, paid: Sequence[PaidOf], rest_minor: int
) -> Iterator[OutboxRow]:
    """The biller's own receipt: which invoices it paid, and what is left of one or in credit.

    Balances are those after the entry, told by the ledger itself.
    """
    if customer.msisdn is None:
        return
    facts = {"amount": amount_minor, "name": books.name, "reference": customer.number}
    if not paid:
        template, of = "bill_paid_ahead", customer.account_id
    elif rest_minor:
        template, of = "bill_paid_over", customer.account_id
    elif len(paid) == 1:
        template, of = "bill_paid_one", paid[0].account_id
    else:
        template, of = "bill_paid_many", paid[-1].account_id
    if paid:
        facts |= {"count": len(paid), "invoice": paid[-1].number}
    yield OutboxRow("sms", customer.msisdn, template, customer.language, facts, of)


def of_sale(
    connection: Connection, books: Books, sale: Meant, amount_minor: int
) -> Iterator[OutboxRow]:
    """The seller's word that a sale is paid, to its owner who stands at the counter."""
    msisdn, language = connection.exec_driver_sql(_OWNER, (books.biller_id,)).one()
    facts = {"amount": amount_minor, "name": books.name, "sale": sale.number}
    yield OutboxRow("sms", msisdn, "bill_sale_paid", language, facts, sale.account_id)


def how_to_pay(desk: Desk, paybill: str, number: str) -> dict[str, str]:
    """What an SMS says of how an invoice or a sale is paid: our menu, and M-PESA where we are
    there, else our own pay bill."""
    there = desk.mpesa_shortcode
    if there is None:
        way = {"way": "pay bill", "paybill": paybill, "account": number}
    else:
        way = {"way": "M-PESA", "paybill": there, "account": f"{paybill} {number}"}
    return {**way, "service": desk.service_code}
