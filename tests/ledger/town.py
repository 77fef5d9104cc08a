"""A small town of accounts for the tests of the ledger: who lives there, and how value is moved."""

import itertools
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, create_engine

from migrations.apply import sql
from tests.ledger.laws import MONEY, faults
from ussd_app.ledger import audit
from ussd_app.ledger.book import Book, Draft, Leg, Written
from ussd_app.ledger.drafts import Mode

SCRIPTS = ("0001_satellites.sql", "0001_writer.sql", "0001_rare.sql", "0001_post.sql")
NOON = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_NUMBERS = itertools.count(1)

PICTURED = (*MONEY, "usages", "outbox")

CHART: dict[str, tuple[str, str, Mode, int | None]] = {
    "wallet/asha": ("emoney", "credit", "locked", 0),
    "wallet/baraka": ("emoney", "credit", "locked", 0),
    "wallet/chege": ("emoney", "credit", "locked", 0),
    "till/duka_la_juma": ("emoney", "credit", "tallied", 0),
    "float/airtime": ("emoney", "credit", "sharded", 0),
    "float/house": ("emoney", "credit", "tallied", 0),
    "trust/house": ("emoney", "debit", "tallied", None),
    "evalue/house": ("house", "debit", "tallied", 0),
    "income/transfer_fees": ("house", "credit", "tallied", 0),
    "tax/excise_duty": ("house", "credit", "tallied", 0),
    "drawer/house": ("house", "debit", "locked", 0),
    "capital/house": ("house", "credit", "locked", 0),
}


def wide_engine(url: str, size: int = 20) -> Engine:
    """An engine for many threads."""
    return create_engine(url, pool_size=size, max_overflow=0, pool_timeout=60)


class Town:
    """The accounts, by name, behind one book."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.book = Book(engine)
        self.ids = {name: self.open(name, *nature) for name, nature in CHART.items()}

    def open(
        self, name: str, book: str, side: str, mode: Mode, floor: int | None, asset: str = "KES"
    ) -> int:
        kind, _, owner = name.partition("/")
        return self.book.open_account(
            kind=kind, owner=owner, asset=asset, book=book, side=side, mode=mode, floor=floor
        )

    def __getitem__(self, name: str) -> int:
        return self.ids[name]

    def leg(self, source: str, target: str, amount_minor: int) -> Leg:
        return Leg(self.ids[source], self.ids[target], amount_minor)

    def draft(self, *legs: tuple[str, str, int], **more: Any) -> Draft:
        number = next(_NUMBERS)
        given: dict[str, Any] = {
            "scope": "test",
            "key": f"key-{number}-{uuid.uuid4().hex[:6]}",
            "request_hash": b"request!",
            "type": "send_money",
            "code": 1101,
            "catalogue": "f00d",
            "receipt": f"R{number:06d}{uuid.uuid4().hex[:6]}",
            "happened_at": NOON,
            "legs": tuple(self.leg(*leg) for leg in legs),
        }
        return Draft(**(given | more))

    def move(self, source: str, target: str, amount_minor: int, **more: Any) -> Written:
        return self.book.post(self.draft((source, target, amount_minor), **more))

    def fund(self, name: str, amount_minor: int) -> None:
        """Give money from outside: cash in the drawer for the house, trust for the rest."""
        houses = name.split("/")[0] in ("capital", "income", "tax")
        self.move("drawer/house" if houses else "trust/house", name, amount_minor)

    def sent(self, amount: int, fee: int, excise: int, **more: Any) -> Draft:
        """asha sends money to baraka: the four legs of the common case."""
        return self.draft(
            ("wallet/asha", "wallet/baraka", amount),
            ("wallet/asha", "float/house", fee),
            ("evalue/house", "income/transfer_fees", fee),
            ("income/transfer_fees", "tax/excise_duty", excise),
            **more,
        )

    def has(self, name: str) -> int:
        return self.book.balances([self.ids[name]])[self.ids[name]].total

    def can_spend(self, name: str) -> int:
        return self.book.balances([self.ids[name]])[self.ids[name]].available

    def balances(self) -> dict[str, int]:
        found = self.book.balances(list(self.ids.values()))
        return {name: found[id_].total for name, id_ in self.ids.items()}

    def rows(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query, given)]

    def one(self, query: str, *given: object) -> Any:
        return self.rows(query, *given)[0][0]

    def execute(self, statement: str) -> None:
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def must_be_clean(self) -> None:
        """The books are in order, read in both ways, or the test says what is not."""
        findings = [*audit.run(self.engine), *faults(self.engine)]
        assert not findings, "\n".join(map(str, findings))

    def picture(self, tables: Iterable[str] = PICTURED) -> dict[str, str | None]:
        """A digest of each table of the ledger, or of others: whether anything has changed."""
        union = " UNION ALL ".join(
            f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
            for table in tables
        )
        return {table: digest for table, digest in self.rows(union)}  # noqa: C416

    def tables(self) -> list[str]:
        """Every table of the database."""
        return [name for (name,) in self.rows(_TABLES)]


_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


def loadable(script: str) -> str:
    """A script of functions as one that can be loaded again."""
    return script.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace("%", "%%")


def wiped(url: str, *, reload: bool = True) -> Town:
    """A town on a database as if it were new; `reload` puts the true writer back."""
    engine = create_engine(url, connect_args={"options": "-c statement_timeout=5000"})
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            f"TRUNCATE {', '.join(PICTURED)}, inbox, seals RESTART IDENTITY CASCADE"
        )
        for script in SCRIPTS if reload else ():
            connection.exec_driver_sql(loadable(sql(script)))
    return Town(engine)
