"""What the bank does by the clock: payouts, standing orders, settlements, reminders.

Each round is a product's own and safe to repeat; here is only when it is due, and that two workers
do not do it at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from sqlalchemy import Connection

from ussd_app.domain.commands import NotYet, Round
from ussd_app.domain.counter import ROUNDS
from ussd_app.domain.desk import Desk
from ussd_app.kernel.clock import business_day, nairobi

Failed = Callable[[str, Exception], None]
"""What is told of a round that failed, by name."""


def _loud(_: str, failure: Exception) -> None:
    raise failure


def turn(desk: Desk, failed: Failed = _loud) -> dict[str, int]:
    """Do every round that is due. Returns how many each dealt with.

    A round that fails leaves the others to their turn and is tried again at the next; `failed` is
    told of each at the end, and by itself raises the first. One that says NotYet is tried again,
    too, and is no failure.
    """
    dealt: dict[str, int] = {}
    failures: dict[str, Exception] = {}
    done = _done(desk)
    for name, round_ in ROUNDS.items():
        if name in done:
            continue
        try:
            count = _one(desk, name, round_)
        except NotYet:
            continue
        except Exception as wrong:
            failures[name] = wrong
            continue
        if count is not None:
            dealt[name] = count
    for name, failure in failures.items():
        failed(name, failure)
    return dealt


def _done(desk: Desk) -> frozenset[str]:
    """The rounds of this day that were made already: one question instead of one a round."""
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT name FROM rounds WHERE day = %s", (business_day(desk.clock.now()),)
        )
        return frozenset(rows.scalars())


def _one(desk: Desk, name: str, round_: Round) -> int | None:
    """Do one round if it is due and nobody else is at it."""
    now = desk.clock.now()
    day = business_day(now)
    if round_.at is not None and nairobi(now).time() < round_.at:
        return None
    with _alone(desk, name) as connection:
        if connection is None or (round_.at is not None and _is_done(connection, name, day)):
            return None
        count = round_.do(desk)
        if round_.at is not None:
            connection.exec_driver_sql(
                "INSERT INTO rounds (name, day, dealt, ended_at) VALUES (%s, %s, %s, %s)",
                (name, day, count, desk.clock.now()),
            )
    return count


@contextmanager
def _alone(desk: Desk, name: str) -> Iterator[Connection | None]:
    """A connection that holds the lock of a round however long it takes, with no transaction open
    meanwhile; None when somebody else has it. Whoever dies lets go of it."""
    with desk.engine.connect() as held:
        connection = held.execution_options(isolation_level="AUTOCOMMIT")
        lock = "hashtextextended(%s, 1)"
        mine = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({lock})", (name,))
        if not mine.scalar_one():
            yield None
            return
        try:
            yield connection
        finally:
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({lock})", (name,))


def _is_done(connection: Connection, name: str, day: date) -> bool:
    found = connection.exec_driver_sql(
        "SELECT EXISTS (SELECT FROM rounds WHERE name = %s AND day = %s)", (name, day)
    )
    return bool(found.scalar_one())
