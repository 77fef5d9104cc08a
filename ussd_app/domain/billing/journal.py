"""Entries that a biller's owner makes by hand: expenses, cost of goods, capital. Corrected only by
undoing them.

What bills and payments do to the books they do themselves: their accounts are not to be touched
here, but for a payment that came under a number of nobody.
"""

from collections.abc import Mapping

from ussd_app.domain.billing import books as of
from ussd_app.domain.billing import credit, customers, entries, references, sales
from ussd_app.domain.billing.books import Books
from ussd_app.domain.billing.references import Meant
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import Desk
from ussd_app.kernel.errors import Refused
from ussd_app.ledger.refusals import AlreadyReversed, BelowFloor, KeyConflict

MADE, UNDONE = "bill_journal", "bill_journal_undo"
BY_HAND = (of.BANK, of.STOCK, of.TAX, of.EQUITY, of.COST, of.CHARGES, of.EXPENSE)

_ENTRY = """
SELECT e.id FROM entries e WHERE e.receipt = %s AND e.type = %s
  AND EXISTS (SELECT FROM legs l WHERE l.entry_id = e.id AND l.from_id = ANY (%s))
"""
_UNPLACED = """
SELECT coalesce(sum(CASE WHEN l.to_id = a.id THEN l.amount_minor ELSE -l.amount_minor END)
                    FILTER (WHERE r.reversed_id IS NULL), 0)::bigint,
       count(*) FILTER (WHERE l.from_id = a.id)
FROM (SELECT %s::bigint AS id) a JOIN legs l ON l.to_id = a.id OR l.from_id = a.id
JOIN entries e ON e.id = l.entry_id LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE e.reverses IS NULL
  AND %s = CASE WHEN l.to_id = a.id THEN e.receipt ELSE e.facts->'said'->>'of' END
"""
"""What of a payment lies unplaced, and how often something of it was matched."""


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
    """Say whom a payment was for, or which sale, that came under a number of nobody or too late: it
    pays what they owe, or the sale.

    Returns the receipt. Raises NotToBeEntered.
    """
    with desk.reads.connect() as connection:
        given = (books[of.UNPLACED], receipt)
        minor, nth = connection.exec_driver_sql(_UNPLACED, given).one()
        meant = references.find(connection, books.biller_id, typed)
    if minor <= 0 or meant is None:
        raise NotToBeEntered(f"nothing of {receipt} is unplaced, or nobody has {typed}")
    key = f"{credit.MATCHED}:{receipt}:{nth}"
    said = {"of": receipt, "about": f"{receipt} is for {meant.number}"}
    try:
        if meant.kind == references.SALE:
            return sales.match(desk, meant.id, minor, key, said)
        return _match_to_customer(desk, books, meant, minor, key, said)
    except (BelowFloor, KeyConflict):
        raise NotToBeEntered(f"{receipt} was matched already, or taken back") from None
    except Refused:
        raise NotToBeEntered(f"{meant.number} is paid") from None


def _match_to_customer(
    desk: Desk, books: Books, meant: Meant, minor: int, key: str, said: Mapping[str, object]
) -> str:
    with desk.reads.connect() as connection:
        assert meant.customer_id is not None
        whom = customers.by_id(connection, meant.customer_id)
    roles = {PAYER: books[of.UNPLACED], PAYEE: whom.account_id}
    made = entries.post(desk, credit.MATCHED, roles, {AMOUNT: minor}, key, said)
    credit.use(desk, whom.id)
    return made.receipt
