"""How the book's database is asked: over which connection, how often, and what an error means.

Knows neither drafts nor accounts: statements, their arguments and the rows that come back.
"""

import itertools
import random
import time
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import psycopg2
from psycopg2 import errorcodes
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ussd_app.kernel.errors import Unavailable
from ussd_app.ledger.refusals import AskAgain, refusal_of
from ussd_app.ledger.wire import POST

PATIENCE_S = 5.0
"""So long a request is asked again when something moved under it; the server breaks a circle of
waiters after one second."""
PAUSE_S = 0.01
MOST_PAUSES = 10
_GAVE_UP = frozenset({errorcodes.QUERY_CANCELED, errorcodes.LOCK_NOT_AVAILABLE})

T = TypeVar("T")


class Asking:
    """A way to the book's database. Safe to share between threads."""

    def __init__(self, engine: Engine, commits: Engine) -> None:
        """`commits` is an engine on the same database whose connections commit by themselves."""
        self._engine = engine
        self._commits = commits

    def again(self, call: Callable[[], T]) -> T:
        """Make a call that the ledger's keys make safe to repeat, until its time is up."""
        until = time.monotonic() + PATIENCE_S
        lost = False
        for turn in itertools.count(1):
            try:
                return call()
            except AskAgain as again:
                if time.monotonic() > until:
                    raise Unavailable("ledger") from None
                if again.hot is None:
                    time.sleep(random.uniform(0, PAUSE_S * min(turn, MOST_PAUSES)))  # noqa: S311
            except psycopg2.OperationalError:
                if lost:
                    raise Unavailable("ledger", unknown=True) from None
                lost = True
            except PoolTimeout:
                raise Unavailable("ledger") from None
        raise AssertionError("counting ended")

    def write(self, given: tuple[object, ...]) -> tuple[Any, ...]:
        """Call the writer: one statement, its own transaction."""
        try:
            row = POST.row(self._commits, given)
        except psycopg2.Error as error:
            _reraise(error)
        assert row is not None
        return row

    def one(
        self, connection: Connection | None, statement: str, given: tuple[object, ...]
    ) -> tuple[Any, ...]:
        """Call a function in the connection's transaction, or in its own commit; its one row."""
        if connection is None:
            with self._engine.begin() as own:
                return self.one(own, statement, given)
        try:
            return tuple(connection.exec_driver_sql(statement, given).one())
        except DBAPIError as error:
            if isinstance(error.orig, psycopg2.Error):
                _reraise(error.orig, otherwise=error)
            raise

    def value(
        self, connection: Connection | None, statement: str, given: tuple[object, ...]
    ) -> Any:
        """The one value of `one`."""
        return self.one(connection, statement, given)[0]

    def rows(self, statement: str, given: tuple[object, ...]) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement, given)]

    def row(self, statement: str, given: tuple[object, ...]) -> tuple[Any, ...] | None:
        return next(iter(self.rows(statement, given)), None)


def _reraise(error: psycopg2.Error, otherwise: Exception | None = None) -> NoReturn:
    """Raise what a database error means to us: a refusal, somebody's silence, or itself."""
    refusal = refusal_of(error)
    if refusal is not None:
        raise refusal from None
    if error.pgcode in _GAVE_UP:
        raise Unavailable("ledger") from None
    raise otherwise or error
