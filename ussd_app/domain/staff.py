"""Who works for the house, and what they decide from a basic phone, with their own PIN.

The decisions are `applications`' own; here is only who may take them.
"""

from sqlalchemy import Connection, Engine

from ussd_app.domain import applications, parties, pins
from ussd_app.domain.applications import OpenApplication
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.two_of_staff import Decided, SaidAlready, Undecided
from ussd_app.kernel.errors import RefusalCode, Refused

MOST_LISTED = 20
ROW_WIDTH = 28
BY_PHONE = "by phone"
"""The reason that is written down with a refusal from a menu, which has no room for another."""

_NUMBER = "SELECT p.msisdn FROM staff s JOIN parties p ON p.id = s.party_id WHERE s.name = %s"


def name_of(source: Engine | Connection, party_id: int) -> str | None:
    """Under which name a party decides; None when they are not of the staff."""
    if isinstance(source, Engine):
        with source.connect() as connection:
            return name_of(connection, party_id)
    row = source.exec_driver_sql("SELECT name FROM staff WHERE party_id = %s", (party_id,))
    name: str | None = row.scalar_one_or_none()
    return name


def msisdn_of(source: Engine, name: str) -> str | None:
    """The number by which one of the staff is a customer of ours; None when nobody has the name."""
    with source.connect() as connection:
        row = connection.exec_driver_sql(_NUMBER, (name,))
        msisdn: str | None = row.scalar_one_or_none()
        return msisdn


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


def waiting(desk: Desk, ask: Ask) -> Facts:
    """The applications that wait, oldest first, as rows."""
    _must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    rows = [
        {"key": str(one.id), "label": f"{one.kind} {one.name}"[:ROW_WIDTH].rstrip()}
        for one in applications.waiting(desk.reads)[:MOST_LISTED]
    ]
    return {"applications": rows}


def look(desk: Desk, ask: Ask) -> Facts:
    """One application: who wants to be what, where, and how many have said yes."""
    _must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    one = _waiting(desk, int(ask.text("application")))
    return {
        "kind": one.kind,
        "name": one.name,
        "applicant": one.applicant,
        "town": str(one.terms.get("town", "-")),
        "approvals": len(one.approved_by),
    }


def approve(desk: Desk, ask: Ask) -> Facts:
    """Say yes to an application, with the PIN. Gives whether it is decided by that."""

    def then(connection: Connection, party: Party) -> Facts:
        name = _must_be_staff(connection, party)
        application = int(ask.text("application"))
        try:
            made = applications.approve(desk, application, name, connection=connection)
        except Undecided as undecided:
            raise _refusal(undecided) from None
        return {"outcome": "made" if made else "noted"}

    return pins.with_pin(desk, "approve_application", ask, then)


def refuse(desk: Desk, ask: Ask) -> Facts:
    """Say no to an application, with the PIN; the applicant is told so by SMS."""

    def then(connection: Connection, party: Party) -> Facts:
        name = _must_be_staff(connection, party)
        application = int(ask.text("application"))
        try:
            applications.refuse(desk, application, name, BY_PHONE, connection)
        except Undecided as undecided:
            raise _refusal(undecided) from None
        return {}

    return pins.with_pin(desk, "refuse_application", ask, then)


def _must_be_staff(source: Engine | Connection, party: Party) -> str:
    name = name_of(source, party.id)
    if name is None:
        raise Refused(RefusalCode.NOT_YOURS)
    return name


def _waiting(desk: Desk, application_id: int) -> OpenApplication:
    for one in applications.waiting(desk.reads):
        if one.id == application_id:
            return one
    raise Refused(RefusalCode.ALREADY_DECIDED)


def _refusal(undecided: Undecided) -> Refused:
    if isinstance(undecided, SaidAlready):
        return Refused(RefusalCode.SAID_ALREADY)
    if isinstance(undecided, Decided):
        return Refused(RefusalCode.ALREADY_DECIDED)
    return Refused(RefusalCode.PAYEE_FROZEN)
