"""The lines of a `Bills` block: what became of each invoice and sale, and who has paid ahead.

Also holds every biller's books against the ledger's own account of them.
"""

from collections.abc import Iterator

from ussd_app.bootstrap import App
from ussd_app.domain.billing import books
from ussd_app.kernel.money import format_minor
from ussd_app.reports import billing, billing_proof

_BILLERS = "SELECT agreement_id FROM billers ORDER BY agreement_id"
_SALES = """
SELECT number, state, open_minor FROM sale_states WHERE agreement_id = %s AND state <> 'DRAFT'
ORDER BY id
"""
_AHEAD = """
SELECT c.number, a.balance_minor FROM billing_customers c JOIN accounts a ON a.id = c.account_id
WHERE c.agreement_id = %s AND a.balance_minor > 0 ORDER BY c.id
"""


def lines(app: App) -> list[str]:
    """`INV1 ACC12 PARTIALLY_PAID, 400.00 of 1,200.00 open`."""
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql(_BILLERS).scalars().all()
    return [line for biller_id in found for line in _of(app, biller_id)]


def _of(app: App, biller_id: int) -> Iterator[str]:
    own = books.by_id(app.engine, biller_id)
    for each in billing.invoices(app.engine, own):
        left = f"{format_minor(each.open_minor)} of {format_minor(each.billed_minor)} open"
        yield f"{each.number} {each.customer} {each.state}, {left}"
    with app.engine.connect() as connection:
        for number, state, minor in connection.exec_driver_sql(_SALES, (biller_id,)):
            yield f"{number} {state}, {format_minor(minor)} open"
        for number, minor in connection.exec_driver_sql(_AHEAD, (biller_id,)):
            yield f"{number} is {format_minor(minor)} ahead"
    yield from billing_proof.verify(app.engine, app.catalogue, own)
