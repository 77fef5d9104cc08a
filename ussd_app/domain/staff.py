"""Who of our customers works for the house, and under which name what they decide is written down.

What they decide is not known here.
"""

from sqlalchemy import Connection, Engine

from ussd_app.domain import parties
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.two_of_staff import SaidAlready, Undecided, person
from ussd_app.kernel.errors import RefusalCode, Refused


class OwnAffair(SaidAlready):
    """Whoever decides has asked for it themselves: that was their word; somebody else must."""

    def __init__(self, by: str) -> None:
        Undecided.__init__(self, f"{person(by)} cannot decide about their own; somebody else must.")


def name_of(source: Engine | Connection, party_id: int) -> str | None:
    """Under which name a party decides; None when they are not of the staff."""
    if isinstance(source, Engine):
        with source.connect() as connection:
            return name_of(connection, party_id)
    row = source.exec_driver_sql("SELECT name FROM staff WHERE party_id = %s", (party_id,))
    name: str | None = row.scalar_one_or_none()
    return name


def must_be_staff(source: Engine | Connection, party: Party) -> str:
    """The name under which a party decides. Raises Refused(not_yours)."""
    name = name_of(source, party.id)
    if name is None:
        raise Refused(RefusalCode.NOT_YOURS)
    return name


def must_be_another(connection: Connection, by: str, party_id: int) -> None:
    """Nobody decides about themselves. Raises OwnAffair."""
    if name_of(connection, party_id) == person(by):
        raise OwnAffair(by)


def add(desk: Desk, msisdn: str, name: str) -> None:
    """Let a party decide under a name from now on. Raises Refused, IntegrityError."""
    party = parties.known(desk.reads, msisdn)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO staff (party_id, name, since) VALUES (%s, %s, %s)"
            " ON CONFLICT (party_id) DO NOTHING",
            (party.id, name, desk.clock.now()),
        )


def remove(desk: Desk, name: str) -> bool:
    """Let nobody of that name decide any more; what they decided stays."""
    with desk.engine.begin() as connection:
        gone = connection.exec_driver_sql("DELETE FROM staff WHERE name = %s", (name,))
        return gone.rowcount == 1


def names(desk: Desk) -> list[str]:
    """Everybody of the staff, by name."""
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM staff ORDER BY name")
        return list(rows.scalars())
