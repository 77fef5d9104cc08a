"""What customers of billers are told of payments: by SMS, in the language that we know of them."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from ussd_app.domain.billing.books import Books
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.billing.lookup import Found
from ussd_app.domain.billing.references import Meant
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import OutboxRow

_UNDONE = """
SELECT c.msisdn, coalesce(p.language, o.language) AS language, g.name, l.amount_minor, i.number,
       i.account_id
FROM legs l JOIN invoices i ON i.account_id = l.to_id
JOIN billing_customers c ON c.id = i.customer_id
LEFT JOIN parties p ON p.msisdn = c.msisdn AND p.status <> 'closed'
JOIN agreements g ON g.id = c.agreement_id JOIN parties o ON o.id = g.party_id
WHERE l.entry_id = %s AND c.msisdn IS NOT NULL ORDER BY l.leg
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


def of_undoing(desk: Desk, entry_id: int) -> Iterator[OutboxRow]:
    """The word that an entry which paid invoices is taken back, so that they are open again."""
    with desk.reads.connect() as connection:
        opened = connection.exec_driver_sql(_UNDONE, (entry_id,)).fetchall()
    if not opened:
        return
    last = opened[-1]
    facts = {"name": last.name, "invoice": last.number, "count": len(opened)}
    facts["amount"] = sum(each.amount_minor for each in opened)
    template = "bill_reopened" if len(opened) == 1 else "bill_reopened_many"
    yield OutboxRow("sms", last.msisdn, template, last.language, facts, last.account_id)


def of_sale(found: Found, sale: Meant, amount_minor: int) -> Iterator[OutboxRow]:
    """The word that a sale is paid, to the seller who stands at the counter."""
    facts = {"amount": amount_minor, "name": found.books.name, "sale": sale.number}
    told = (found.owner_msisdn, "bill_sale_paid", found.owner_language)
    yield OutboxRow("sms", *told, facts, sale.account_id)


def of_rest(found: Found, sale: Meant, rest_minor: int) -> Iterator[OutboxRow]:
    """The word, to the seller, that money came for a sale that wants it no more."""
    facts = {"amount": rest_minor, "name": found.books.name, "sale": sale.number}
    yield OutboxRow("sms", found.owner_msisdn, "bill_sale_late", found.owner_language, facts)


def how_to_pay(desk: Desk, paybill: str, number: str) -> dict[str, str]:
    """What an SMS says of how an invoice or a sale is paid: our menu, and M-PESA where we are
    there, else our own pay bill."""
    there = desk.mpesa_shortcode
    if there is None:
        way = {"way": "pay bill", "paybill": paybill, "account": number}
    else:
        way = {"way": "M-PESA", "paybill": there, "account": f"{paybill} {number}"}
    return {**way, "service": desk.service_code}
