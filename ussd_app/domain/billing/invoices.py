"""Invoices: made once, sent with an SMS, taken back by credit note only.

What an invoice is worth and what of it is open is on its own account in the ledger; its state
follows from that alone (the view invoice_states).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from ussd_app.domain.billing import books as books_of
from ussd_app.domain.billing import credit, customers, entries, receipts
from ussd_app.domain.billing.books import RECEIVABLE, REVENUE, TAX, Books
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER, ShareOf
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import open_account
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import share_of
from ussd_app.ledger.drafts import Draft, OutboxRow
from ussd_app.ledger.refusals import AlreadyReversed, BelowFloor

BILLED, CREDITED = "bill_invoice", "bill_credit_note"
QUANTITY = "tax"
CREDIT_TRIES = 10

_NEXT = "UPDATE billers SET invoices = invoices + 1 WHERE agreement_id = %s RETURNING invoices"
_ADD = """
INSERT INTO invoices (agreement_id, customer_id, number, due_day, account_id, made_at)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""
_LINE = """
INSERT INTO invoice_lines (invoice_id, nth, what, quantity, unit_minor) VALUES (%s, %s, %s, %s, %s)
"""
_DRAFTED = """
SELECT i.agreement_id, i.customer_id, i.number, i.due_day, i.account_id, g.terms->>'vat',
       sum(l.quantity * l.unit_minor)::bigint, min(l.what)
FROM invoices i JOIN agreements g ON g.id = i.agreement_id
JOIN invoice_lines l ON l.invoice_id = i.id WHERE i.id = %s
GROUP BY i.id, g.terms
"""
_STATE = """
SELECT s.id, s.agreement_id, s.customer_id, s.number, s.due_day, s.account_id, s.billed_minor,
       s.credited_minor, s.open_minor, s.paid_minor, s.state FROM invoice_states s
"""
_ENTRY = "SELECT id, facts->'price' FROM entries WHERE scope = 'system' AND key = %s"
_UNSENT = """
SELECT i.id FROM invoices i JOIN accounts a ON a.id = i.account_id
WHERE a.version = 0 AND i.made_at < %s ORDER BY i.id LIMIT 100
"""


@dataclass(frozen=True)
class Line:
    """One line of an invoice; the price of one in minor units, before tax."""

    what: str
    unit_minor: int
    quantity: int = 1


@dataclass(frozen=True)
class Invoice:
    """An invoice as it stands, in minor units."""

    id: int
    biller_id: int
    customer_id: int
    number: str
    due_day: date
    account_id: int
    billed_minor: int
    credited_minor: int
    open_minor: int
    paid_minor: int
    state: str


def draft(
    desk: Desk,
    connection: Connection,
    books: Books,
    customer: Customer,
    lines: Sequence[Line],
    due_day: date,
) -> int:
    """Write an invoice down under the biller's next number. It counts when it is sent.

    Raises Refused(amount_too_large | too_many).
    """
    rules = desk.catalogue.rules["billing"]
    if len(lines) > rules["lines"]:
        raise Refused(RefusalCode.TOO_MANY, most=rules["lines"])
    if sum(line.quantity * line.unit_minor for line in lines) > desk.catalogue.fat_finger_minor:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=desk.catalogue.fat_finger_minor)
    (nth,) = connection.exec_driver_sql(_NEXT, (books.biller_id,)).one()
    number = f"INV{nth}"
    account_id = open_account(
        desk.catalogue, desk.book, f"{RECEIVABLE}/{books.owner(number)}", connection
    )
    given = (books.biller_id, customer.id, number, due_day, account_id, desk.clock.now())
    (invoice_id,) = connection.exec_driver_sql(_ADD, given).one()
    for place, line in enumerate(lines, 1):
        connection.exec_driver_sql(
            _LINE, (invoice_id, place, line.what, line.quantity, line.unit_minor)
        )
    return int(invoice_id)


def send(desk: Desk, invoice_id: int) -> Invoice:
    """Enter a drafted invoice and tell its customer, once; what they paid ahead pays it."""
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(_DRAFTED, (invoice_id,)).one()
        biller_id, customer_id, number, due_day, account_id, vat, net, what = row
        books = books_of.by_id(connection, biller_id)
        customer = customers.by_id(connection, customer_id)
    price = {AMOUNT: net, QUANTITY: tax(desk, net) if vat else 0}
    facts = {
        "name": books.name,
        "number": books.number,
        "invoice": number,
        "what": what,
        AMOUNT: sum(price.values()),
        "due": due_day.isoformat(),
    }

    def tell(_draft: Draft) -> list[OutboxRow]:
        if customer.msisdn is None:
            return []
        given = facts | receipts.how_to_pay(desk, books.number, number)
        return [OutboxRow("sms", customer.msisdn, "bill_new", customer.language, given)]

    roles = {PAYER: account_id, PAYEE: books[REVENUE], QUANTITY: books[TAX]}
    entries.post(desk, BILLED, roles, price, f"{BILLED}:{invoice_id}", facts, tell)
    credit.use(desk, customer_id)
    return by_id(desk, invoice_id)


def send_forgotten(desk: Desk) -> int:
    """Send what was drafted and never sent, since somebody died in between. Returns how many."""
    with desk.reads.connect() as connection:
        before = desk.clock.now() - timedelta(minutes=1)
        found = connection.exec_driver_sql(_UNSENT, (before,)).scalars().all()
    for invoice_id in found:
        send(desk, invoice_id)
    return len(found)


def tax(desk: Desk, net_minor: int) -> int:
    """What comes on top of a net amount, where a biller's terms say so."""
    rule = desk.catalogue.types[BILLED].prices[QUANTITY]
    assert isinstance(rule, ShareOf)
    return share_of(net_minor, rule.share)


def by_id(desk: Desk, invoice_id: int) -> Invoice:
    """An invoice as it stands now."""
    with desk.reads.connect() as connection:
        return Invoice(
            *connection.exec_driver_sql(f"{_STATE} WHERE s.id = %s", (invoice_id,)).one()
        )


def take_back(desk: Desk, invoice_id: int) -> Invoice:
    """A credit note over all that is not paid of an invoice: the whole entry undone, or a part.

    Raises Refused(nothing_open) when nothing is open.
    """
    for _ in range(CREDIT_TRIES):
        invoice = by_id(desk, invoice_id)
        if not invoice.open_minor:
            raise Refused(RefusalCode.NOTHING_OPEN)
        try:
            _credit(desk, invoice)
        except (BelowFloor, AlreadyReversed):
            continue  # somebody paid, or took it back, meanwhile
        return by_id(desk, invoice_id)
    raise Refused(RefusalCode.NOTHING_OPEN)


def _credit(desk: Desk, invoice: Invoice) -> None:
    with desk.reads.connect() as connection:
        books = books_of.by_id(connection, invoice.biller_id)
        customer = customers.by_id(connection, invoice.customer_id)
        key = f"{BILLED}:{invoice.id}"
        entry_id, billed = connection.exec_driver_sql(_ENTRY, (key,)).one()
    taxed = invoice.open_minor * billed[QUANTITY] // invoice.billed_minor
    price = {AMOUNT: invoice.open_minor - taxed, QUANTITY: taxed}
    facts = {"name": books.name, "invoice": invoice.number, "back": invoice.open_minor}

    def tell(_draft: Draft) -> list[OutboxRow]:
        if customer.msisdn is None:
            return []
        return [OutboxRow("sms", customer.msisdn, "bill_taken_back", customer.language, facts)]

    entries.post(
        *(desk, CREDITED),
        {PAYER: books[REVENUE], PAYEE: invoice.account_id, QUANTITY: books[TAX]},
        price,
        f"{CREDITED}:{invoice.id}:{invoice.credited_minor}:{invoice.open_minor}",
        facts,
        tell,
        reverses=entry_id if invoice.open_minor == invoice.billed_minor else None,
    )
