"""What was heard and no machine understands: for staff to see, to have understood again once it is
mended, or to put away when they have done what it asks for.

Understanding again is safe: money is entered once a receipt, whoever tells of it and how often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from workers import daraja
from workers.callbacks import INCOMING

_LIST = """
SELECT id, kind, natural_key, attempts, coalesce(error, '') AS error, received_at
FROM inbox WHERE state = 'dead' ORDER BY id LIMIT %s
"""
_ONE = """
SELECT id, kind, natural_key, attempts, coalesce(error, '') AS error, received_at, state, body
FROM inbox WHERE id = %s
"""
_KEPT = "SELECT kind, natural_key, body FROM inbox WHERE id = %s AND state = 'dead' FOR UPDATE"
_AGAIN = """
UPDATE inbox SET state = 'queued', due_at = %s, attempts = 0, ended_at = NULL,
    error = 'understood again by staff'
WHERE id = %s
"""
_ANEW = """
INSERT INTO inbox (kind, natural_key, body, due_at)
SELECT %s, %s, body, %s FROM inbox WHERE id = %s
"""
_AWAY = "UPDATE inbox SET state = 'done', ended_at = %s, error = %s WHERE id = %s"
_WHY = "SELECT coalesce(error, '') FROM inbox WHERE id = %s AND state = 'dead' FOR UPDATE"

MOST = 500


class NotKept(Exception):
    """No such row is kept for people, or nothing can be done with it; says which."""


@dataclass(frozen=True)
class Kept:
    """One thing that was heard. `about` is what it speaks of, by whoever said it."""

    id: int
    kind: str
    natural_key: str
    attempts: int
    error: str
    received_at: datetime

    @property
    def about(self) -> str:
        return self.natural_key.rpartition(":")[0] or self.natural_key


@dataclass(frozen=True)
class Shown(Kept):
    """The same with all that was said."""

    state: str
    body: Mapping[str, Any]


def kept(engine: Engine, most: int = MOST) -> list[Kept]:
    """What waits for people, oldest first."""
    with engine.connect() as connection:
        return [Kept(**row) for row in connection.exec_driver_sql(_LIST, (most,)).mappings()]


def show(engine: Engine, id_: int) -> Shown:
    """All of one thing that was heard, in whatever state. Raises NotKept."""
    with engine.connect() as connection:
        row = connection.exec_driver_sql(_ONE, (id_,)).mappings().fetchone()
    if row is None:
        raise NotKept(f"Nothing was heard under {id_}.")
    return Shown(**row)


def replay(engine: Engine, id_: int, now: datetime) -> None:
    """Have it understood again. What had no known shape is read anew, as what its door is for.
    Raises NotKept."""
    with engine.begin() as connection:
        row = connection.exec_driver_sql(_KEPT, (id_,)).fetchone()
        if row is None:
            raise NotKept(f"Nothing is kept for people under {id_}.")
        if row.kind == INCOMING:
            raise NotKept("What the customer wrote was wiped; ask them to write again.")
        if row.kind == daraja.UNKNOWN:
            _read_anew(connection, id_, row.natural_key, now)
        else:
            connection.exec_driver_sql(_AGAIN, (now, id_))


def _read_anew(connection: Connection, id_: int, natural_key: str, now: datetime) -> None:
    kind, _, digest = natural_key.partition(":")
    connection.exec_driver_sql(_ANEW, (kind, f"anew:{digest}", now, id_))
    connection.exec_driver_sql(_AWAY, (now, f"read anew as {kind}", id_))


def leave(engine: Engine, id_: int, staff: str, now: datetime) -> None:
    """Somebody has done what it asks for, or nothing is to be done. Raises NotKept."""
    with engine.begin() as connection:
        why = connection.exec_driver_sql(_WHY, (id_,)).scalar_one_or_none()
        if why is None:
            raise NotKept(f"Nothing is kept for people under {id_}.")
        connection.exec_driver_sql(_AWAY, (now, f"{why}; left by {staff}", id_))
