"""What a pay bill number held already when its books were opened, entered as its owner's equity.

A minute later, when no payment is under way any more that knew nothing of the books: from then on
cash in the books and takings in e-money differ by what was there before, and by nothing else.
"""

from datetime import timedelta

from ussd_app.domain.billing import books, entries
from ussd_app.domain.billing.books import CASH, EQUITY
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import Desk

OPENED = "bill_opening"
SETTLED = timedelta(minutes=1)

_UNOPENED = "SELECT agreement_id FROM billers WHERE NOT opened AND since <= %s"
_DIFFERENCE = """
SELECT ledger_balance(g.account_id) - ledger_balance(%s) FROM agreements g WHERE g.id = %s
"""


def enter(desk: Desk) -> int:
    """Do so for every biller whose books are new. Returns how many."""
    with desk.reads.connect() as connection:
        old = desk.clock.now() - SETTLED
        found = connection.exec_driver_sql(_UNOPENED, (old,)).scalars().all()
    for biller_id in found:
        _open(desk, biller_id)
    return len(found)


def _open(desk: Desk, biller_id: int) -> None:
    with desk.engine.begin() as connection:
        own = books.by_id(connection, biller_id)
        given = (own[CASH], biller_id)
        held = int(connection.exec_driver_sql(_DIFFERENCE, given).scalar_one())
        if held > 0:
            roles = {PAYER: own[CASH], PAYEE: own[EQUITY]}
            entries.post(desk, OPENED, roles, {AMOUNT: held}, f"{OPENED}:{biller_id}")
        connection.exec_driver_sql(
            "UPDATE billers SET opened = true WHERE agreement_id = %s", (biller_id,)
        )
