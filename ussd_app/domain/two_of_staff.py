"""What no one of the staff may do alone: two different people must have said the same.

Who they are is asked of the table `staff` each time, also of those who have spoken before: whoever
works here no more counts no more. That it is they who speak, the door at which they do has made
sure. Knows not what is decided; whoever decides holds the row locked and writes down who has said
what, or lets it be written here, by its subject.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from ussd_app.domain.desk import Desk

T = TypeVar("T")

NEEDED = 2
"""So many different people must have said yes."""

SIGNED = "staff"
"""The fact of an entry that names them, as a `Saying` prints them."""

_STAFF = """
SELECT s.name FROM staff s JOIN parties p ON p.id = s.party_id
WHERE s.name = ANY (%s) AND p.status = 'active'
"""
_SAY = """
INSERT INTO sayings (about, what, said_by, said_at) VALUES (%s, %s, '{}', %s)
ON CONFLICT (about) DO UPDATE SET what = excluded.what,
    said_by = CASE WHEN sayings.what = excluded.what THEN sayings.said_by ELSE '{}' END
RETURNING said_by
"""
_WAITING = "SELECT about, what, said_by FROM sayings ORDER BY said_at, about LIMIT %s"
_SAID = "UPDATE sayings SET said_by = %s, said_at = %s WHERE about = %s"
_DONE = "DELETE FROM sayings WHERE about = %s"
_WANTED = "SELECT wanted, wanted_by FROM unplaced WHERE reference = %s"
_WANT = "UPDATE unplaced SET wanted = %s, wanted_by = %s WHERE reference = %s"


class Undecided(Exception):
    """A decision that cannot be taken; says why, to whoever of the staff asked."""


class SaidAlready(Undecided):
    """Whoever decides has said the same before; it takes somebody else."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{person(by)} has said so already; somebody else must.")


class NotOfStaff(Undecided):
    """Whoever decides does not work here, or their account is closed or frozen."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{person(by)} is none of the staff.")


class Decided(Undecided):
    """There is nothing left to decide."""


class Unsigned(RuntimeError):
    """An entry that staff decide was to be written with fewer names than its type asks for."""


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


def signer(connection: Connection, by: str) -> str:
    """One of the staff, by whose word alone something may be left or refused. Raises NotOfStaff."""
    return say(connection, (), by).by[0]


def say(connection: Connection, earlier: Iterable[str], by: str) -> Saying:
    """One more of the staff says what others said `earlier`; the same person counts once.

    Raises NotOfStaff.
    """
    who = sorted({*map(person, earlier), person(by)})
    known = set(connection.exec_driver_sql(_STAFF, (who,)).scalars())
    if person(by) not in known:
        raise NotOfStaff(by)
    return Saying(tuple(name for name in who if name in known))


def both(desk: Desk, first: str, second: str) -> Saying:
    """Two of the staff who have said the same together. Raises Undecided."""
    with desk.reads.connect() as connection:
        signer(connection, first)
        saying = say(connection, [first], second)
    if not saying.is_enough:
        raise Undecided("Two different people of the staff must have seen it.")
    return saying


def together(desk: Desk, about: str, what: str, by: str, do: Callable[[str], T]) -> T | None:
    """Do something once two have said the same `what` of a subject that has no row of its own; who
    says something else than the one before them begins anew.

    `do` is told their names; what it raises leaves all as it was. None while another must say so.
    Raises SaidAlready, NotOfStaff.
    """
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        earlier = connection.exec_driver_sql(_SAY, (about, what, now)).scalar_one()
        saying = say(connection, earlier, by)
        if person(by) in earlier:
            raise SaidAlready(by)
        if not saying.is_enough:
            connection.exec_driver_sql(_SAID, (list(saying.by), now, about))
            return None
        done = do(str(saying))
        connection.exec_driver_sql(_DONE, (about,))
        return done


def waiting(desk: Desk, most: int) -> list[tuple[str, str, str]]:
    """Of what somebody has said something that takes another, what, and who; oldest first."""
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(_WAITING, (most,))
        return [(about, what, ", ".join(said_by)) for about, what, said_by in rows]


def must_be_signed(needed: int, signed: object) -> None:
    """What an entry says of who decided it names as many as its type asks for. Raises Unsigned."""
    names = {person(name) for name in str(signed or "").split(",")} - {""}
    if len(names) < needed:
        raise Unsigned(f"it takes {needed} of the staff, and {len(names)} have said so")


def want(connection: Connection, reference: str, where: str, by: str) -> Saying:
    """One of the staff wants money that was kept aside to go somewhere; who wants it to go
    elsewhere than the one before them begins anew. Its row of `unplaced` is locked by the caller.

    Raises SaidAlready, NotOfStaff.
    """
    wanted, wanted_by = connection.exec_driver_sql(_WANTED, (reference,)).one()
    earlier = [wanted_by] if wanted == where else []
    if person(by) in earlier:
        raise SaidAlready(by)
    saying = say(connection, earlier, by)
    connection.exec_driver_sql(_WANT, (where, str(saying), reference))
    return saying


def sign(
    connection: Connection, table: str, row_id: int, earlier: Iterable[str], by: str
) -> Saying:
    """The same, kept in the `approvals` of a row that the caller has locked. Raises NotOfStaff."""
    saying = say(connection, earlier, by)
    connection.exec_driver_sql(
        f"UPDATE {table} SET approvals = %s WHERE id = %s",  # noqa: S608 - our own tables
        (list(saying.by), row_id),
    )
    return saying
