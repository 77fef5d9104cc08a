"""Statements that every connection plans once, run without SQLAlchemy's result objects.

For the few that every payment runs: planning a join costs the server more than running it, and the
driver's plain tuples cost us less. Each runs in its own commit, on an engine that commits by
itself (a connection that does not is put into that mode and back, at two round trips more).
"""

from typing import Any

import psycopg2
from psycopg2 import errorcodes
from sqlalchemy import Engine

from ussd_app.kernel.errors import Unavailable

_UNKNOWN_STATEMENT = errorcodes.INVALID_SQL_STATEMENT_NAME

Row = tuple[Any, ...]


class Prepared:
    """One statement, with `$1` and so on in it; `name` is its own in the whole program."""

    def __init__(self, name: str, statement: str, places: int) -> None:
        self._name = name
        self._prepare = f"PREPARE {name} AS {statement}"
        self._execute = f"EXECUTE {name} (" + ", ".join(["%s"] * places) + ")"

    def row(self, engine: Engine, given: tuple[object, ...]) -> Row | None:
        """The first row. Raises psycopg2.Error, sqlalchemy.exc.TimeoutError."""
        fairy = engine.raw_connection()
        raw: Any = fairy.dbapi_connection
        itself = raw.autocommit
        try:
            if not itself:
                raw.autocommit = True
            with raw.cursor() as cursor:
                try:
                    return self._run(cursor, fairy.info, given)
                except psycopg2.Error as error:
                    if error.pgcode != _UNKNOWN_STATEMENT:
                        raise
                    fairy.info.pop(self._name, None)  # somebody discarded it: prepare it anew
                    return self._run(cursor, fairy.info, given)
        except psycopg2.Error as error:
            if raw.closed:
                fairy.invalidate(error)
                engine.dispose()
            raise
        finally:
            if fairy.is_valid and not itself:
                raw.autocommit = False
            fairy.close()

    def read(self, engine: Engine, given: tuple[object, ...]) -> Row | None:
        """The first row of a statement that changes nothing: a lost connection is tried once more.

        Raises Unavailable, sqlalchemy.exc.TimeoutError.
        """
        for _ in range(2):
            try:
                return self.row(engine, given)
            except psycopg2.errors.QueryCanceled:
                break
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                continue
        raise Unavailable("ledger")

    def _run(self, cursor: Any, known: Any, given: tuple[object, ...]) -> Row | None:
        if self._name not in known:
            cursor.execute(self._prepare)
            known[self._name] = True
        cursor.execute(self._execute, given)
        row: Row | None = cursor.fetchone()
        return row
