"""SMS that will not be sent by themselves any more: for staff to see, and to send again.

What they say is not shown: it may hold a balance. Sending again is a person's decision, the only
way on for a message that was refused, given up or never accounted for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

_LIST = """
SELECT id, state, address, template, attempts, coalesce(error, '') AS error, created_at
FROM outbox WHERE state IN ('dead', 'refused', 'unknown') ORDER BY id LIMIT %s
"""

_REPLAY = """
UPDATE outbox SET state = 'queued', due_at = %s, attempts = 0, ended_at = NULL,
    error = 'sent again by staff'
WHERE id = ANY(%s) AND state IN ('dead', 'refused', 'unknown')
RETURNING id
"""

MOST = 500


@dataclass(frozen=True)
class DeadLetter:
    """A message that stopped on its way, and why."""

    id: int
    state: str
    address: str
    template: str
    attempts: int
    error: str
    created_at: datetime


def stopped(engine: Engine, most: int = MOST) -> list[DeadLetter]:
    """The messages that are dead, refused or unknown, oldest first."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(_LIST, (most,))
        return [DeadLetter(**row) for row in rows.mappings()]


def replay(engine: Engine, ids: Sequence[int], now: datetime) -> list[int]:
    """Queue messages again, as if never tried. Returns the ids that were waiting for it."""
    with engine.begin() as connection:
        return list(connection.exec_driver_sql(_REPLAY, (now, list(ids))).scalars())
