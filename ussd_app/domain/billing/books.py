"""A biller's own books: the accounts of the chart that are kept for a pay bill number, once opened.

Knows neither customers nor invoices, whose accounts stand beside these, under the same biller.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements
from ussd_app.domain.agreements import Agreement, owner_name
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import open_account

PAYBILL = "paybill"
CASH, BANK, STOCK = "bill_cash", "bill_bank", "bill_stock"
RECEIVABLE, CREDIT, UNPLACED, PENDING = (
    *("bill_receivable", "bill_credit"),
    *("bill_unplaced", "bill_pending"),
)
TAX, EQUITY, REVENUE = "bill_tax", "bill_equity", "bill_revenue"
COST, CHARGES, EXPENSE = "bill_cost", "bill_charges", "bill_expense"
OWN = (
    *(CASH, BANK, STOCK, UNPLACED, PENDING, TAX),
    *(EQUITY, REVENUE, COST, CHARGES, EXPENSE),
)
"""What every biller has once; receivables are one for each invoice, credits for each customer."""

_BOOKS = f"""
SELECT b.agreement_id, g.name, g.number, json_object_agg(a.kind, a.id)
FROM billers b JOIN agreements g ON g.id = b.agreement_id
JOIN accounts a ON a.kind = ANY (%s) AND a.owner = '{PAYBILL}-' || b.agreement_id
WHERE {{}} GROUP BY b.agreement_id, g.name, g.number
"""  # noqa: S608 - our own name
_OF_ACCOUNT = _BOOKS.format("g.account_id = %s")
_OF_BILLER = _BOOKS.format("b.agreement_id = %s")


@dataclass(frozen=True)
class Books:
    """The books of a pay bill number: its accounts by kind."""

    biller_id: int
    name: str
    number: str
    accounts: Mapping[str, int]

    def __getitem__(self, kind: str) -> int:
        return self.accounts[kind]

    def owner(self, part: str) -> str:
        """How the ledger names a customer, an invoice or a sale of this biller."""
        return f"{owner_name(PAYBILL, self.biller_id)}.{part}"


def of(source: Engine | Connection, agreement: Agreement) -> Books | None:
    """The books of an agreement; None when none are kept."""
    return _one(source, _OF_BILLER, agreement.id)


def by_id(source: Engine | Connection, biller_id: int) -> Books:
    """The books of a biller, which must be there."""
    found = _one(source, _OF_BILLER, biller_id)
    assert found is not None
    return found


def at(source: Engine | Connection, takings_id: int) -> Books | None:
    """The books of whoever's takings lie on an account of e-money; None when none are kept."""
    return _one(source, _OF_ACCOUNT, takings_id)


def opened(desk: Desk, connection: Connection, agreement: Agreement) -> Books:
    """The books of a pay bill number, opened when they were not."""
    assert agreement.kind == PAYBILL
    found = _one(connection, _OF_BILLER, agreement.id)
    if found is None:
        for kind in OWN:
            open_account(desk.catalogue, desk.book, f"{kind}/{agreement.owner}", connection)
        connection.exec_driver_sql(
            "INSERT INTO billers (agreement_id, since) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (agreement.id, desk.clock.now()),
        )
        found = _one(connection, _OF_BILLER, agreement.id)
    assert found is not None
    return found


def by_number(source: Engine, number: str) -> Books | None:
    """The books of a pay bill number as people dial it."""
    agreement = agreements.by_number(source, PAYBILL, number)
    return of(source, agreement) if agreement else None


def _one(source: Engine | Connection, statement: str, given: int) -> Books | None:
    if isinstance(source, Engine):
        with source.connect() as connection:
            return _one(connection, statement, given)
    row = source.exec_driver_sql(statement, (list(OWN), given)).fetchone()
    return Books(*row) if row else None
