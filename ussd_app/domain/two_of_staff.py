"""What no one of the staff may do alone: two different people must have said the same.

Knows neither who the staff are (their names come as they are given) nor what is decided; whoever
decides holds the row locked and writes down who has said what.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection

NEEDED = 2
"""So many different people must have said yes."""

_WANTED = "SELECT wanted, wanted_by FROM unplaced WHERE reference = %s"
_WANT = "UPDATE unplaced SET wanted = %s, wanted_by = %s WHERE reference = %s"


class Undecided(Exception):
    """A decision that cannot be taken; says why, to whoever of the staff asked."""


class SaidAlready(Undecided):
    """Whoever decides has said the same before; it takes somebody else."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{person(by)} has said so already; somebody else must.")


class Decided(Undecided):
    """There is nothing left to decide."""


class Saying(NamedTuple):
    """Who has said the same, each once, in the order of their names."""

    by: tuple[str, ...]

    @property
    def is_enough(self) -> bool:
        """Whether it is decided by that."""
        return len(self.by) >= NEEDED

    def __str__(self) -> str:
        return ", ".join(self.by)


def person(name: str) -> str:
    """One of the staff, however they write their name."""
    return name.strip().lower()


def say(earlier: Iterable[str], by: str) -> Saying:
    """One more of the staff says what others said `earlier`; the same person counts once."""
    return Saying(tuple(sorted({*map(person, earlier), person(by)})))


def want(connection: Connection, reference: str, where: str, by: str) -> Saying:
    """One of the staff wants money that was kept aside to go somewhere; who wants it to go
    elsewhere than the one before them begins anew. Its row of `unplaced` is locked by the caller.

    Raises SaidAlready.
    """
    wanted, wanted_by = connection.exec_driver_sql(_WANTED, (reference,)).one()
    earlier = [wanted_by] if wanted == where else []
    if person(by) in earlier:
        raise SaidAlready(by)
    saying = say(earlier, by)
    connection.exec_driver_sql(_WANT, (where, str(saying), reference))
    return saying


def sign(
    connection: Connection, table: str, row_id: int, earlier: Iterable[str], by: str
) -> Saying:
    """The same, kept in the `approvals` of a row that the caller has locked."""
    saying = say(earlier, by)
    connection.exec_driver_sql(
        f"UPDATE {table} SET approvals = %s WHERE id = %s",  # noqa: S608 - our own tables
        (list(saying.by), row_id),
    )
    return saying
