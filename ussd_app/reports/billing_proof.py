"""Whether a biller's books hold together: worked out from the legs, apart from any balance.

Changes nothing.
"""

from sqlalchemy import Connection, Engine

from ussd_app.domain.billing.books import CASH, UNPLACED, Books
from ussd_app.domain.catalogue import Catalogue
from ussd_app.reports.billing import trial_balance

_OWING = """
SELECT c.id, c.number,
       (SELECT coalesce(sum(s.billed_minor - s.credited_minor), 0) FROM invoice_states s
         WHERE s.customer_id = c.id)::bigint AS billed,
       (SELECT coalesce(sum(a.balance_minor), 0) FROM invoices i
         JOIN accounts a ON a.id = i.account_id WHERE i.customer_id = c.id)::bigint
       - k.balance_minor AS balance,
       (SELECT coalesce(sum(CASE WHEN l.to_id = own.id THEN l.amount_minor
                                 ELSE -l.amount_minor END), 0)
          FROM (SELECT account_id AS id FROM invoices WHERE customer_id = c.id
                UNION ALL SELECT c.account_id) own
          JOIN legs l ON (l.to_id = own.id AND l.from_id = ANY (%(paid_from)s))
                      OR (l.from_id = own.id AND l.to_id = ANY (%(paid_from)s)))::bigint AS paid
FROM billing_customers c JOIN accounts k ON k.id = c.account_id
WHERE c.agreement_id = %(biller)s ORDER BY c.id
"""
_TAKINGS = """
SELECT ledger_balance(g.account_id), ledger_balance(%s), b.opened
FROM agreements g JOIN billers b ON b.agreement_id = g.id WHERE g.id = %s
"""


def verify(source: Engine, catalogue: Catalogue, books: Books) -> list[str]:
    """What does not hold of a biller's books; empty when they are in order.

    The trial balance is zero; each customer's balance is invoices less payments; cash in the books
    is what lies in e-money; the sheet balances.
    """
    moment = source.execution_options(isolation_level="REPEATABLE READ")
    lines = trial_balance(moment, catalogue, books)
    faults = []
    if sum(each.closing_minor for each in lines):
        faults.append(f"the trial balance is off by {sum(each.closing_minor for each in lines)}")
    with moment.connect() as connection:
        faults += _customers_faults(connection, books)
        taken, cash, opened = connection.exec_driver_sql(
            _TAKINGS, (books[CASH], books.biller_id)
        ).one()
    if opened and taken != cash:
        faults.append(f"cash is {cash} in the books and {taken} in e-money")
    return faults


def _customers_faults(connection: Connection, books: Books) -> list[str]:
    given = {"paid_from": [books[CASH], books[UNPLACED]], "biller": books.biller_id}
    return [
        f"{row.number} owes {row.balance}, was billed {row.billed} and paid {row.paid}"
        for row in connection.exec_driver_sql(_OWING, given)
        if row.balance != row.billed - row.paid
    ]
