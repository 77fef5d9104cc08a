"""Entries that a biller's owner makes by hand: expenses, cost of goods, capital. Corrected only by
undoing them.

What bills and payments do to the books they do themselves: their accounts are not to be touched
here, but for a payment that came under a number of nobody.
"""

from itertools import count

from sqlalchemy import Connection

from ussd_app.domain.billing import books as of
from ussd_app.domain.billing import credit, customers, entries, references
from ussd_app.domain.billing.books import Books
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import Desk
from ussd_app.ledger.refusals import AlreadyReversed, BelowFloor, KeyConflict

MADE, UNDONE = "bill_journal", "bill_journal_undo"
BY_HAND = (of.BANK, of.STOCK, of.TAX, of.EQUITY, of.COST, of.CHARGES, of.EXPENSE)

_ENTRY = """
SELECT e.id FROM entries e WHERE e.receipt = %s AND e.type = %s
  AND EXISTS (SELECT FROM legs l WHERE l.entry_id = e.id AND l.from_id = ANY (%s))
"""
_UNPLACED = """
SELECT coalesce(sum(l.amount_minor), 0)::bigint FROM entries e JOIN legs l ON l.entry_id = e.id
WHERE e.receipt = %s AND l.to_id = %s
  AND NOT EXISTS (SELECT FROM reversals r WHERE r.reversed_id = e.id)
"""
_MATCHED = """
SELECT r.reversed_id IS NOT NULL FROM entries e LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE e.scope = 'system' AND e.key = %s
"""


class NotToBeEntered(Exception):
    """It is none of the entries that may be made or undone by hand."""


def make(
    desk: Desk, books: Books, debit: str, credit: str, amount_minor: int, about: str, key: str
) -> str:
    """Debit one account and credit another, by their codes, once a key. Returns the receipt.

    Raises NotToBeEntered.
    """
    kinds = {desk.catalogue.accounts[kind].code: kind for kind in BY_HAND}
    if debit not in kinds or credit not in kinds or debit == credit or amount_minor <= 0:
        raise NotToBeEntered(f"by hand: {', '.join(sorted(filter(None, kinds)))}")
    roles = {PAYER: books[kinds[debit]], PAYEE: books[kinds[credit]]}
    said = {"about": about}
    return entries.post(desk, MADE, roles, {AMOUNT: amount_minor}, f"{MADE}:{key}", said).receipt


def undo(desk: Desk, books: Books, receipt: str) -> str:
    """Undo an entry that was made by hand, once. Returns the receipt. Raises NotToBeEntered."""
    with desk.reads.connect() as connection:
        given = (receipt, MADE, list(books.accounts.values()))
        found = connection.exec_driver_sql(_ENTRY, given).scalar_one_or_none()
    if found is None:
        raise NotToBeEntered(f"{receipt} was not made by hand in these books")
    said = {"about": f"undoes {receipt}"}
    try:
        return entries.post(desk, UNDONE, {}, {}, f"{UNDONE}:{found}", said, reverses=found).receipt
    except AlreadyReversed:
        raise NotToBeEntered(f"{receipt} was undone before") from None


def match(desk: Desk, books: Books, receipt: str, typed: str) -> str:
    """Say whom a payment was for that came under a number of nobody; it pays what they owe.

    Returns the receipt. Raises NotToBeEntered.
    """
    with desk.reads.connect() as connection:
        minor = connection.exec_driver_sql(_UNPLACED, (receipt, books[of.UNPLACED])).scalar_one()
        meant = references.find(connection, books.biller_id, typed)
        if not minor or meant is None or meant.customer_id is None:
            raise NotToBeEntered("no such payment, or no such customer")
        whom = customers.by_id(connection, meant.customer_id)
        key = _match_key(connection, receipt)
    roles = {PAYER: books[of.UNPLACED], PAYEE: whom.account_id}
    said = {"of": receipt, "about": f"{receipt} is for {whom.number}"}
    try:
        made = entries.post(desk, credit.MATCHED, roles, {AMOUNT: minor}, key, said)
    except (BelowFloor, KeyConflict):
        raise NotToBeEntered(f"{receipt} was matched already, or taken back") from None
    credit.use(desk, whom.id)
    return made.receipt


def _match_key(connection: Connection, receipt: str) -> str:
    """The key of a payment's next match: it is matched anew only when the last one was undone."""
    for nth in count():
        key = f"{credit.MATCHED}:{receipt}:{nth}"
        undone = connection.exec_driver_sql(_MATCHED, (key,)).scalar_one_or_none()
        if undone is None:
            return key
        if not undone:
            raise NotToBeEntered(f"{receipt} was matched already")
    raise AssertionError("counting ended")
