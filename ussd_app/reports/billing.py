"""A biller's books as bookkeepers read them: chart, journal, ledger, trial balance, ageing, income,
balance sheet, statements.

Changes nothing. Amounts are minor units, each account's in its own direction; days are Nairobi's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Engine

from ussd_app.domain.billing.books import PAYBILL, Books
from ussd_app.domain.catalogue import BILLING, Catalogue
from ussd_app.domain.days import at_hour

_MOVED = """
SELECT a.kind, coalesce(sum(d.minor) FILTER (WHERE e.happened_at < %(since)s), 0)::bigint,
       coalesce(sum(greatest(d.minor, 0)) FILTER (WHERE e.happened_at >= %(since)s), 0)::bigint,
       coalesce(sum(greatest(-d.minor, 0)) FILTER (WHERE e.happened_at >= %(since)s), 0)::bigint
FROM accounts a CROSS JOIN LATERAL (
    SELECT entry_id, amount_minor AS minor FROM legs WHERE from_id = a.id
    UNION ALL SELECT entry_id, -amount_minor FROM legs WHERE to_id = a.id) d
JOIN entries e ON e.id = d.entry_id
WHERE a.kind = ANY (%(kinds)s) AND (a.owner = %(owner)s OR a.owner LIKE %(parts)s)
  AND e.happened_at < %(until)s
GROUP BY a.kind
"""
_JOURNAL = """
SELECT e.receipt, e.type, e.happened_at, l.amount_minor, f.kind, f.owner, t.kind, t.owner,
       coalesce(e.facts->'said'->>'about', '')
FROM accounts f JOIN legs l ON l.from_id = f.id
JOIN entries e ON e.id = l.entry_id JOIN accounts t ON t.id = l.to_id
WHERE f.kind = ANY (%(kinds)s) AND (f.owner = %(owner)s OR f.owner LIKE %(parts)s)
  AND e.happened_at >= %(since)s AND e.happened_at < %(until)s
  AND (%(kind)s = '' OR f.kind = %(kind)s OR t.kind = %(kind)s)
ORDER BY e.id DESC, l.leg LIMIT %(most)s
"""
_AGEING = """
SELECT c.number, c.name, i.due_day, a.balance_minor
FROM billing_customers c JOIN invoices i ON i.customer_id = c.id
JOIN accounts a ON a.id = i.account_id
WHERE c.agreement_id = %s AND a.balance_minor > 0 ORDER BY c.number, i.id
"""
_STATEMENT = """
SELECT e.happened_at, e.receipt, e.type, split_part(a.owner, '.', 2) AS part,
       sum(CASE WHEN l.from_id = a.id THEN l.amount_minor ELSE -l.amount_minor END)::bigint
FROM (SELECT account_id FROM invoices WHERE customer_id = %(customer)s
      UNION ALL SELECT account_id FROM billing_customers WHERE id = %(customer)s) own
JOIN accounts a ON a.id = own.account_id
JOIN legs l ON l.from_id = a.id OR l.to_id = a.id
JOIN entries e ON e.id = l.entry_id
GROUP BY e.id, e.happened_at, e.receipt, e.type, a.owner ORDER BY e.id, a.owner
"""
_STATES = """
SELECT s.number, c.number AS customer, s.state, s.open_minor, s.billed_minor, s.due_day
FROM invoice_states s JOIN billing_customers c ON c.id = s.customer_id
WHERE s.agreement_id = %s AND s.state <> 'DRAFT' ORDER BY s.id
"""
BEGINNING = date(2000, 1, 1)
END_OF_TIME = date(9999, 1, 1)
MOST_LINES = 1000
BUCKETS = ((0, "current"), (30, "1-30"), (60, "31-60"), (90, "61-90"), (10**6, "90+"))


@dataclass(frozen=True)
class Account:
    """A line of the chart: the code, what it means, and which side makes it grow."""

    kind: str
    code: str
    name: str
    side: str


@dataclass(frozen=True)
class Balance:
    """What an account held before a time, what came on either side, and what it holds after it.

    Debits count positive in `opening_minor` and `closing_minor`, credits negative.
    """

    account: Account
    opening_minor: int
    debit_minor: int
    credit_minor: int

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + self.debit_minor - self.credit_minor


@dataclass(frozen=True)
class Posting:
    """One leg of the journal."""

    receipt: str
    type: str
    at: datetime
    debit: Account
    debit_part: str
    credit: Account
    credit_part: str
    amount_minor: int
    about: str


@dataclass(frozen=True)
class Income:
    """What a time brought: revenue less costs and charges."""

    revenue: Sequence[Balance]
    costs: Sequence[Balance]

    @property
    def revenue_minor(self) -> int:
        return sum(each.credit_minor - each.debit_minor for each in self.revenue)

    @property
    def costs_minor(self) -> int:
        return sum(each.debit_minor - each.credit_minor for each in self.costs)

    @property
    def profit_minor(self) -> int:
        return self.revenue_minor - self.costs_minor


@dataclass(frozen=True)
class BalanceSheet:
    """What there is and whose it is, with the profit since the books began."""

    assets: Sequence[Balance]
    liabilities: Sequence[Balance]
    equity: Sequence[Balance]
    profit_minor: int

    @property
    def assets_minor(self) -> int:
        return sum(each.closing_minor for each in self.assets)

    @property
    def claims_minor(self) -> int:
        return self.profit_minor - sum(
            each.closing_minor for each in (*self.liabilities, *self.equity)
        )


@dataclass(frozen=True)
class Aged:
    """What one customer owes, by how long it has been due."""

    number: str
    name: str
    buckets: Mapping[str, int]

    @property
    def total_minor(self) -> int:
        return sum(self.buckets.values())


@dataclass(frozen=True)
class StatementLine:
    """What one entry did to a customer: it made them owe, or paid."""

    at: datetime
    receipt: str
    type: str
    part: str
    amount_minor: int
    balance_minor: int


@dataclass(frozen=True)
class InvoiceLine:
    """An invoice as it stands."""

    number: str
    customer: str
    state: str
    open_minor: int
    billed_minor: int
    due_day: date


def chart(catalogue: Catalogue) -> list[Account]:
    """The accounts of every biller, by code."""
    rows = [row for row in catalogue.accounts.values() if row.book == BILLING]
    found = [Account(row.kind, row.code or "", row.means, row.side) for row in rows]
    return sorted(found, key=lambda account: account.code)


def trial_balance(
    source: Engine,
    catalogue: Catalogue,
    books: Books,
    first: date = BEGINNING,
    last: date = END_OF_TIME,
) -> list[Balance]:
    """Every account over some days, both included. Its debits equal its credits."""
    accounts = chart(catalogue)
    given = {**_whose(books, accounts), **_bounds(first, last)}
    with source.connect() as connection:
        rows = connection.exec_driver_sql(_MOVED, given).all()
        found = {kind: moved for kind, *moved in rows}
    return [Balance(account, *found.get(account.kind, (0, 0, 0))) for account in accounts]


def income(
    source: Engine,
    catalogue: Catalogue,
    books: Books,
    first: date = BEGINNING,
    last: date = END_OF_TIME,
) -> Income:
    """The income statement of some days, both included."""
    lines = trial_balance(source, catalogue, books, first, last)
    return Income(_of(lines, "4"), _of(lines, "5"))


def balance_sheet(
    source: Engine, catalogue: Catalogue, books: Books, last: date = END_OF_TIME
) -> BalanceSheet:
    """The balance sheet at the end of a day."""
    lines = trial_balance(source, catalogue, books, last=last)
    profit = -sum(each.closing_minor for each in _of(lines, "45"))
    return BalanceSheet(_of(lines, "1"), _of(lines, "2"), _of(lines, "3"), profit)


def journal(
    source: Engine,
    catalogue: Catalogue,
    books: Books,
    *,
    first: date = BEGINNING,
    last: date = END_OF_TIME,
    code: str = "",
    most: int = MOST_LINES,
) -> list[Posting]:
    """The latest legs, newest first: of the whole books, or the ledger of one account by its code.

    Raises LookupError for a code that no account has.
    """
    accounts = chart(catalogue)
    by_kind = {account.kind: account for account in accounts}
    kind = next((account.kind for account in accounts if account.code == code), "")
    if code and not kind:
        raise LookupError(f"no account {code}")
    given = {**_whose(books, accounts), "kind": kind, "most": most, **_bounds(first, last)}
    with source.connect() as connection:
        rows = connection.exec_driver_sql(_JOURNAL, given).all()
    return [_posting(by_kind, *row) for row in rows]


def _posting(
    by_kind: Mapping[str, Account],
    receipt: str,
    type_: str,
    at: datetime,
    minor: int,
    from_kind: str,
    from_owner: str,
    to_kind: str,
    to_owner: str,
    about: str,
) -> Posting:
    debit, credit = by_kind[from_kind], by_kind[to_kind]
    parts = (_part(from_owner), _part(to_owner))
    return Posting(receipt, type_, at, debit, parts[0], credit, parts[1], minor, about)


def ageing(source: Engine, books: Books, today: date) -> list[Aged]:
    """What each customer owes on a day, by how many days it has been due."""
    found: dict[str, tuple[str, dict[str, int]]] = {}
    with source.connect() as connection:
        for number, name, due, minor in connection.exec_driver_sql(_AGEING, (books.biller_id,)):
            _, buckets = found.setdefault(number, (name, {label: 0 for _, label in BUCKETS}))
            buckets[_bucket((today - due).days)] += minor
    return [Aged(number, name, buckets) for number, (name, buckets) in found.items()]


def _bucket(days_late: int) -> str:
    return next(label for most, label in BUCKETS if days_late <= most)


def statement(source: Engine, customer_id: int) -> list[StatementLine]:
    """All that a customer was billed and paid, oldest first, with what they owed after each."""
    lines: list[StatementLine] = []
    owed = 0
    with source.connect() as connection:
        rows = connection.exec_driver_sql(_STATEMENT, {"customer": customer_id})
        for at, receipt, type_, part, minor in rows:
            owed += minor
            lines.append(StatementLine(at, receipt, type_, part, minor, owed))
    return lines


def invoices(source: Engine, books: Books) -> list[InvoiceLine]:
    """Every invoice that was sent, and what became of it."""
    with source.connect() as connection:
        rows = connection.exec_driver_sql(_STATES, (books.biller_id,))
        return [InvoiceLine(*row) for row in rows]


def _of(lines: Sequence[Balance], classes: str) -> list[Balance]:
    return [each for each in lines if each.account.code[0] in classes]


def _whose(books: Books, accounts: Sequence[Account]) -> dict[str, object]:
    """Which accounts are a biller's: their own, and those of their invoices and customers."""
    kinds = [account.kind for account in accounts]
    owner = f"{PAYBILL}-{books.biller_id}"
    return {"kinds": kinds, "owner": owner, "parts": f"{owner}.%"}


def _part(owner: str) -> str:
    return owner.partition(".")[2]


def _bounds(first: date, last: date) -> dict[str, datetime]:
    since = at_hour(first, 0)
    until = last if last == END_OF_TIME else last + timedelta(days=1)
    return {"since": since, "until": at_hour(until, 0)}
