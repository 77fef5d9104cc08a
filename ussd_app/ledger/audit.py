"""Trust, then verify: every law of the book, looked at as one moment of it. Reads only.

Each law is one query (`laws`) for the rows that break it, so a finding always names its row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from ussd_app.ledger import seals
from ussd_app.ledger.laws import LAWS

MOST_PER_LAW = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that breaks a law of the book."""

    law: str
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.law}: {self.subject}: {self.detail}"


def run(engine: Engine) -> list[Finding]:
    """Everything that is wrong with the book, seen at one moment; an empty list is a clean book.

    At most `MOST_PER_LAW` findings a law.
    """
    with engine.connect() as connection:
        options = {"isolation_level": "REPEATABLE READ"}
        moment = connection.execution_options(**options)
        moment.exec_driver_sql("SET TRANSACTION READ ONLY")
        return look(moment)


def look(connection: Connection) -> list[Finding]:
    """The same within the caller's transaction, which decides what it sees."""
    return [*_laws(connection), *_sealed(connection)]


def _laws(connection: Connection) -> Iterator[Finding]:
    for law, query in LAWS.items():
        rows = connection.exec_driver_sql(f"{query} LIMIT {MOST_PER_LAW}")
        for subject, detail in rows:
            yield Finding(law, subject, detail)


def _sealed(connection: Connection) -> Iterator[Finding]:
    for fault in seals.verify(connection, most=MOST_PER_LAW):
        yield Finding("what is sealed is as it was", fault.subject, fault.detail)
