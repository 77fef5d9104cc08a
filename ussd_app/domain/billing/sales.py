"""Sales at a counter: a price and perhaps a phone; paid within minutes or no sale at all.

What is to be paid stands on the sale's own account, and is revenue only once it is paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app.domain.alone import alone
from ussd_app.domain.billing import books as books_of
from ussd_app.domain.billing import entries, receipts
from ussd_app.domain.billing.books import PENDING, RECEIVABLE, REVENUE, UNPLACED, Books
from ussd_app.domain.billing.credit import SALE_MATCHED
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import open_account
from ussd_app.domain.mpesa import pushes
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.drafts import Draft, OutboxRow
from ussd_app.ledger.refusals import AlreadyReversed, BelowFloor

SOLD, EXPIRED = "bill_sale", "bill_sale_expired"
REFUNDABLE = timedelta(days=30)
"""After so long nobody gives a payment back any more, and a paid sale stays paid."""

_NEXT = "UPDATE billers SET sales = sales + 1 WHERE agreement_id = %s RETURNING sales"
_ADD = """
INSERT INTO sales (agreement_id, number, what, msisdn, price_minor, account_id, made_at, expires_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_STATE = """
SELECT s.id, s.agreement_id, s.number, s.what, s.msisdn, s.price_minor, s.account_id, s.expires_at,
       s.sold_minor, s.paid_minor, s.open_minor, s.state FROM sale_states s
"""
_LANGUAGE = """
SELECT coalesce((SELECT language FROM parties WHERE msisdn = %s AND status <> 'closed'), o.language)
FROM agreements g JOIN parties o ON o.id = g.party_id WHERE g.id = %s
"""
_ENTRY = "SELECT id FROM entries WHERE scope = 'system' AND key = %s"
_UNPAID = """
SELECT s.id FROM sales s JOIN accounts a ON a.id = s.account_id
WHERE NOT s.ended AND s.expires_at <= %s AND a.balance_minor > 0 ORDER BY s.id LIMIT 500
"""
_UNBEGUN = """
SELECT s.id FROM sales s JOIN accounts a ON a.id = s.account_id
WHERE a.version = 0 AND NOT s.ended AND s.made_at < %s ORDER BY s.id LIMIT 100
"""
_END = "UPDATE sales SET ended = true WHERE id = %s"
_END_OLD = "UPDATE sales SET ended = true WHERE NOT ended AND expires_at <= %s"


@dataclass(frozen=True)
class Sale:
    """A sale as it stands, in minor units."""

    id: int
    biller_id: int
    number: str
    what: str
    msisdn: str | None
    price_minor: int
    account_id: int
    expires_at: datetime
    sold_minor: int
    paid_minor: int
    open_minor: int
    state: str


def draft(
    desk: Desk,
    connection: Connection,
    books: Books,
    *,
    what: str,
    price_minor: int,
    msisdn: str | None,
) -> int:
    """Write a sale down under the biller's next number. It is sold when it is begun.

    A price that M-PESA cannot be paid is none where we are at M-PESA: its buyers are asked there.
    Raises Refused(amount_too_large | amount_too_small | whole_shillings).
    """
    rules = desk.catalogue.rules["billing"]
    if price_minor > rules["most_minor"]:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=rules["most_minor"])
    if desk.mpesa_shortcode is not None:
        pushes.must_be_payable(desk, price_minor)
    (nth,) = connection.exec_driver_sql(_NEXT, (books.biller_id,)).one()
    number, now = f"POS{nth}", desk.clock.now()
    account_id = open_account(
        desk.catalogue, desk.book, f"{RECEIVABLE}/{books.owner(number)}", connection
    )
    until = now + timedelta(seconds=rules["sale_life_s"])
    given = (books.biller_id, number, what, msisdn, price_minor, account_id, now, until)
    (sale_id,) = connection.exec_driver_sql(_ADD, given).one()
    return int(sale_id)


def begin(desk: Desk, sale_id: int) -> Sale:
    """Enter a sale that waits for its payment, once, and tell the buyer how to pay, unless its
    time is over already."""
    sale = by_id(desk, sale_id)
    late = sale.expires_at <= desk.clock.now()
    with desk.reads.connect() as connection:
        books = books_of.by_id(connection, sale.biller_id)
        language = language_of(connection, sale)
    facts = {
        "name": books.name,
        "number": books.number,
        "sale": sale.number,
        "what": sale.what,
        AMOUNT: sale.price_minor,
    }

    def tell(_draft: Draft) -> list[OutboxRow]:
        if sale.msisdn is None or late:
            return []
        given = facts | receipts.how_to_pay(desk, books.number, sale.number)
        return [OutboxRow("sms", sale.msisdn, "bill_sale", language, given)]

    roles = {PAYER: sale.account_id, PAYEE: books[PENDING]}
    price = {AMOUNT: sale.price_minor}
    entries.post(desk, SOLD, roles, price, f"{SOLD}:{sale_id}", facts, tell)
    return by_id(desk, sale_id)


def begin_forgotten(desk: Desk) -> int:
    """Begin what was drafted and never begun, since somebody died in between. Returns how many."""
    with desk.reads.connect() as connection:
        before = desk.clock.now() - timedelta(minutes=1)
        found = connection.exec_driver_sql(_UNBEGUN, (before,)).scalars().all()
    for sale_id in found:
        begin(desk, sale_id)
    return len(found)


def language_of(connection: Connection, sale: Sale) -> str:
    """The buyer's language where we know them, else that of the seller."""
    given = (sale.msisdn, sale.biller_id)
    return str(connection.exec_driver_sql(_LANGUAGE, given).scalar_one())


def by_id(desk: Desk, sale_id: int) -> Sale:
    """A sale as it stands now."""
    with desk.reads.connect() as connection:
        return Sale(*connection.exec_driver_sql(f"{_STATE} WHERE s.id = %s", (sale_id,)).one())


def match(desk: Desk, sale_id: int, minor: int, key: str, said: Mapping[str, object]) -> str:
    """Pay a sale with an amount that lies unplaced, as far as it is not paid, also when it was too
    late: then it is a sale after all. One at a time, for no floor bounds what comes late.

    Returns the receipt. Raises BelowFloor, KeyConflict; Refused(nothing_open) when it is paid.
    """
    with alone(desk, f"sale:{sale_id}") as connection:
        sale = by_id(desk, sale_id)
        if not sale.sold_minor:
            sale = begin(desk, sale_id)
        books = books_of.by_id(connection, sale.biller_id)
        amount = min(minor, sale.price_minor - sale.paid_minor)
        if amount <= 0:
            raise Refused(RefusalCode.NOTHING_OPEN)
        roles = {PAYER: books[UNPLACED], PAYEE: sale.account_id}
        roles |= {"pending": books[PENDING], "revenue": books[REVENUE]}
        price = {AMOUNT: amount, "late": max(0, amount - sale.open_minor)}
        return entries.post(desk, SALE_MATCHED, roles, price, key, said).receipt


def expire(desk: Desk) -> int:
    """Take back what nobody paid in time. Returns how many sales ended so."""
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_END_OLD, (now - REFUNDABLE,))
        found = connection.exec_driver_sql(_UNPAID, (now,)).scalars().all()
    return sum(_expire(desk, sale_id) for sale_id in found)


def _expire(desk: Desk, sale_id: int) -> bool:
    sale = by_id(desk, sale_id)
    with desk.reads.connect() as connection:
        books = books_of.by_id(connection, sale.biller_id)
        sold = connection.exec_driver_sql(_ENTRY, (f"{SOLD}:{sale_id}",)).scalar_one()
    whole = sale.open_minor == sale.sold_minor
    try:
        entries.post(
            *(desk, EXPIRED, {PAYER: books[PENDING], PAYEE: sale.account_id}),
            {AMOUNT: sale.open_minor},
            f"{EXPIRED}:{sale_id}:{sale.paid_minor}:{sale.open_minor}",
            {"sale": sale.number},
            reverses=sold if whole else None,
        )
    except (BelowFloor, AlreadyReversed):
        return False  # paid in this very moment; looked at again at the next turn
    if whole:  # what was paid of it may still be taken back
        with desk.engine.begin() as connection:
            connection.exec_driver_sql(_END, (sale_id,))
    return True
