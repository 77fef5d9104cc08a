"""One at a time: what must be looked at and written while nobody else does the same, under a name.

For what no row and no key of the ledger can keep. A name says its subject first (`billed:7`).
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from ussd_app.domain.desk import Desk
from ussd_app.kernel.errors import Unavailable

PATIENCE_S = 3.0
PAUSE_S = 0.02


@contextmanager
def alone(desk: Desk, name: str) -> Iterator[Connection]:
    """A transaction that holds the lock of a name. Who waits holds no connection meanwhile, so
    that the writer finds one. Raises Unavailable."""
    until = time.monotonic() + PATIENCE_S
    while True:
        with desk.engine.begin() as connection:
            mine = connection.exec_driver_sql(
                "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 3))", (name,)
            ).scalar_one()
            if mine:
                yield connection
                return
        if time.monotonic() > until:
            raise Unavailable("ledger")
        time.sleep(PAUSE_S)
