"""The inbox's rows as a worker sees them. All of its SQL is here; what they mean is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app import logs

_DUE = """
SELECT id, kind FROM inbox WHERE state = 'queued' AND due_at <= %s ORDER BY due_at, id LIMIT %s
"""

_TAKE = """
SELECT id, kind, body, attempts FROM inbox
WHERE id = ANY(%s) AND state = 'queued' ORDER BY id FOR UPDATE SKIP LOCKED
"""

_WAITING = """
SELECT id, kind, body, attempts FROM inbox WHERE kind = ANY (%s) AND state = 'queued'
"""

_DONE = """
UPDATE inbox SET state = 'done', ended_at = %s, error = %s, body = body - 'text'
WHERE id = ANY(%s)
"""

_LATER = """
UPDATE inbox SET attempts = attempts + 1, due_at = %s, error = %s WHERE id = %s
"""

_DEAD = """
UPDATE inbox SET state = 'dead', attempts = attempts + 1, ended_at = %s, error = %s,
    body = body - 'text'
WHERE id = %s
"""

_CONFIRM = """
UPDATE inbox SET body = body || '{"confirmed": "yes"}', due_at = %s
WHERE id = ANY (%s) AND state = 'queued'
"""

_MISS = """
UPDATE inbox SET body = body || '{"missing": "yes"}' WHERE id = ANY (%s) AND state = 'queued'
"""

PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 64.0
MOST_WAITS = 16
"""How often a message waits for what it is about to be known: a quarter of an hour in all."""

log = logs.get(__name__)


@dataclass(frozen=True)
class Heard:
    """One thing that was heard. `body` may hold what a customer wrote: never logged."""

    id: int
    kind: str
    body: Mapping[str, str]
    attempts: int

    def __repr__(self) -> str:
        return f"Heard(id={self.id}, kind={self.kind!r}, attempts={self.attempts})"


def due(connection: Connection, now: datetime, most: int) -> list[tuple[int, str]]:
    """The ids and kinds of what is due, oldest first; nothing is locked."""
    return [(row.id, row.kind) for row in connection.exec_driver_sql(_DUE, (now, most))]


def take(connection: Connection, ids: Sequence[int]) -> list[Heard]:
    """Lock and read rows that still wait; those that another worker holds are passed over."""
    rows = connection.exec_driver_sql(_TAKE, (list(ids),))
    return [Heard(**row) for row in rows.mappings()]


def waiting(connection: Connection, kinds: Sequence[str]) -> list[Heard]:
    """All rows of these kinds that are not understood yet, due or not; nothing is locked."""
    rows = connection.exec_driver_sql(_WAITING, (list(kinds),))
    return [Heard(**row) for row in rows.mappings()]


def done(
    connection: Connection, ids: Sequence[int], now: datetime, note: str | None = None
) -> None:
    """Understood. What a customer wrote is wiped: somebody always sends a PIN."""
    if ids:
        connection.exec_driver_sql(_DONE, (now, note, list(ids)))


def later(connection: Connection, id_: int, due_at: datetime, note: str) -> None:
    """Not to be understood yet; look again at that time."""
    connection.exec_driver_sql(_LATER, (due_at, note, id_))


def dead(connection: Connection, id_: int, now: datetime, note: str) -> None:
    """Never to be understood by itself; for a person to see, but for what a customer wrote."""
    connection.exec_driver_sql(_DEAD, (now, note, id_))


def confirm(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Somebody who was asked says that it is true; it is due at once."""
    if ids:
        connection.exec_driver_sql(_CONFIRM, (now, list(ids)))


def miss(connection: Connection, ids: Sequence[int]) -> None:
    """Somebody who was asked does not know of it."""
    if ids:
        connection.exec_driver_sql(_MISS, (list(ids),))


def is_confirmed(heard: Heard) -> bool:
    """Whether somebody was asked and has said that it is true."""
    return "confirmed" in heard.body


def is_missing(heard: Heard) -> bool:
    """Whether somebody was asked and does not know of it."""
    return "missing" in heard.body


def pause(attempts: int) -> timedelta:
    """So long before something is tried again, however often, that has failed so often."""
    return timedelta(seconds=min(PAUSE_S * 2.0 ** min(attempts, 20), LONGEST_PAUSE_S))


def put_off(
    connection: Connection,
    heard: Heard,
    now: datetime,
    why: str,
    *,
    first_s: float = FIRST_WAIT_S,
    most: int = MOST_WAITS,
) -> bool:
    """Understand it later, when what it is about may be known. False, and nothing is written, when
    that was hoped for too long."""
    if heard.attempts >= most:
        return False
    pause = min(first_s * 2**heard.attempts, LONGEST_WAIT_S)
    later(connection, heard.id, now + timedelta(seconds=pause), why)
    return True


def wait(connection: Connection, heard: Heard, now: datetime, why: str) -> bool:
    """Understand it later, when its errand may be known. False when that was hoped for too long."""
    if put_off(connection, heard, now, why):
        return True
    log.error("an answer was about no errand of ours", id=heard.id, why=why)
    done(connection, [heard.id], now, why)
    return False
