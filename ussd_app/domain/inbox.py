"""What was heard, kept as it came under its natural key: the same message twice is one row.

Understanding it is a worker's business, later.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from ussd_app.kernel.clock import Clock


@dataclass(frozen=True)
class SessionEnd:
    """How a USSD session ended, by the gateway's word. Holds nothing that was typed."""

    session_id: str
    status: str
    network: str
    step: str
    hops: int
    duration_ms: int
    cost: str


class Inbox:
    """Writes down what comes in, once: one statement, on an engine that commits by itself."""

    def __init__(self, commits: Engine, clock: Clock) -> None:
        self._commits = commits
        self._clock = clock

    def hear(
        self, kind: str, natural_key: str, body: Mapping[str, str], due_at: datetime | None = None
    ) -> bool:
        """Keep a message for a worker, for now or for later. False when it was heard before."""
        with self._commits.connect() as connection:
            new = connection.exec_driver_sql(
                "INSERT INTO inbox (kind, natural_key, body, due_at) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (kind, natural_key) DO NOTHING",
                (kind, natural_key, json.dumps(body), due_at or self._clock.now()),
            )
            return new.rowcount == 1

    def session_ended(self, end: SessionEnd) -> bool:
        """Note how a session ended. False when it was noted before."""
        with self._commits.connect() as connection:
            new = connection.exec_driver_sql(
                "INSERT INTO session_ends (session_id, status, network, step, hops, duration_ms,"
                " cost, ended_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (session_id) DO NOTHING",
                (
                    *(end.session_id, end.status, end.network, end.step),
                    *(end.hops, end.duration_ms, end.cost, self._clock.now()),
                ),
            )
            return new.rowcount == 1
