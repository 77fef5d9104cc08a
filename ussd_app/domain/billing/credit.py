"""What customers have paid ahead: it pays their open invoices, and is credit again when the payment
behind it is taken back.

Safe to do at any time and by anybody at once: the floors of credit and receivable hold, and each
use has the credit's version as its key.
"""

from collections.abc import Iterator, Mapping
from functools import partial

from sqlalchemy import Connection

from ussd_app.domain.billing import allocation, customers, entries, receipts
from ussd_app.domain.billing.customers import Customer
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import Draft, OutboxRow
from ussd_app.ledger.refusals import AlreadyReversed, BelowFloor, KeyConflict

USED, UNDONE = "bill_credit_use", "bill_credit_undo"
MATCHED, SALE_MATCHED = "bill_matched", "bill_sale_matched"
TRIES = 100

_CREDIT = """
SELECT a.id, a.balance_minor, a.version, g.name
FROM billing_customers c JOIN accounts a ON a.id = c.account_id
JOIN agreements g ON g.id = c.agreement_id WHERE c.id = %s
"""
_WAITING = """
SELECT DISTINCT c.id FROM billing_customers c
JOIN accounts k ON k.id = c.account_id AND k.balance_minor > 0
JOIN invoices i ON i.customer_id = c.id
JOIN accounts r ON r.id = i.account_id AND r.balance_minor > 0
ORDER BY c.id LIMIT 500
"""
_NEWEST_OUT = """
SELECT e.id FROM legs l JOIN entries e ON e.id = l.entry_id
LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE l.from_id = %s AND e.type = ANY (%s) AND r.reversed_id IS NULL
  AND (%s = '' OR e.facts->'said'->>'of' = %s)
ORDER BY e.id DESC LIMIT 1
"""
_BROUGHT = """
SELECT c.id FROM legs l JOIN billing_customers c ON c.account_id = l.to_id WHERE l.entry_id = %s
"""
_KIND = "SELECT kind FROM accounts WHERE id = %s"
_RECEIPT = "SELECT receipt FROM entries WHERE id = %s"


def use(desk: Desk, customer_id: int) -> int:
    """Pay a customer's open invoices, oldest first, with what they paid ahead. Returns how many."""
    used = 0
    for _ in range(TRIES):
        with desk.reads.connect() as connection:
            row = connection.exec_driver_sql(_CREDIT, (customer_id,)).one()
            account_id, minor, version, name = row
            customer = customers.by_id(connection, customer_id)
            paid, _rest = allocation.divide(minor, allocation.oldest(connection, customer_id))
        if not paid:
            return used
        first = paid[0]
        roles = {PAYER: account_id, PAYEE: first.account_id}
        facts = {"invoice": first.number, AMOUNT: first.minor}
        tell = partial(_tell, customer, {**facts, "name": name}, first.account_id)
        key = f"{USED}:{account_id}:{version}"
        try:
            entries.post(desk, USED, roles, {AMOUNT: first.minor}, key, facts, tell)
            used += 1
        except (BelowFloor, KeyConflict):
            continue  # somebody else was first; look again
    return used


def _tell(
    customer: Customer, facts: Mapping[str, object], account_id: int, _draft: Draft
) -> list[OutboxRow]:
    if customer.msisdn is None:
        return []
    given = (customer.msisdn, "bill_credit_paid", customer.language, facts, account_id)
    return [OutboxRow("sms", *given)]


def use_all(desk: Desk) -> int:
    """The same for everybody who has credit and something to pay. Returns how many were paid."""
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(_WAITING).scalars().all()
    return sum(use(desk, customer_id) for customer_id in found)


def use_of(desk: Desk, entry_id: int) -> None:
    """The same for whom an entry brought credit: what is left of it pays again."""
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(_BROUGHT, (entry_id,)).scalars().all()
    for customer_id in found:
        use(desk, customer_id)


def make_room(desk: Desk, entry_id: int, account_id: int) -> bool:
    """Take back the newest use of what an entry brought to an account, so that it can be undone.

    For credit that has paid invoices since, which are open again then, and for payments that were
    matched. False when there is nothing to take back.
    """
    with desk.reads.connect() as connection:
        kind = connection.exec_driver_sql(_KIND, (account_id,)).scalar_one()
        if kind == "bill_credit":
            found = _newest(connection, account_id, [USED])
        elif kind == "bill_unplaced":
            receipt = connection.exec_driver_sql(_RECEIPT, (entry_id,)).scalar_one()
            found = _newest(connection, account_id, [MATCHED, SALE_MATCHED], receipt)
        else:
            return False
    if found is None:
        return False
    told = partial(_tell_opened, desk, found)
    try:
        entries.post(desk, UNDONE, {}, {}, f"{UNDONE}:{found}", tell=told, reverses=found)
    except BelowFloor as short:
        return short.account_id != account_id and make_room(desk, found, short.account_id)
    except AlreadyReversed:
        pass
    return True


def _tell_opened(desk: Desk, entry_id: int, _draft: Draft) -> Iterator[OutboxRow]:
    return receipts.of_undoing(desk, entry_id)


def _newest(
    connection: Connection, account_id: int, types: list[str], receipt: str = ""
) -> int | None:
    given = (account_id, types, receipt, receipt)
    return connection.exec_driver_sql(_NEWEST_OUT, given).scalar_one_or_none()
