"""What the house's own people decide from a basic phone, with their own PIN.

The decisions are `applications`' own; here is only who may take them, and what a screen shows.
"""

from sqlalchemy import Connection

from ussd_app.domain import applications, parties, pins
from ussd_app.domain.applications import OpenApplication
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.staff import must_be_staff
from ussd_app.domain.two_of_staff import Decided, SaidAlready, Undecided
from ussd_app.kernel.errors import RefusalCode, Refused

MOST_LISTED = 20
ROW_WIDTH = 28
BY_PHONE = "by phone"
"""The reason that is written down with a refusal from a menu, which has no room for another."""


def waiting(desk: Desk, ask: Ask) -> Facts:
    """The applications that wait, oldest first, as rows."""
    must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    rows = [
        {"key": str(one.id), "label": f"{one.kind} {one.name}"[:ROW_WIDTH].rstrip()}
        for one in applications.waiting(desk.reads)[:MOST_LISTED]
    ]
    return {"applications": rows}


def look(desk: Desk, ask: Ask) -> Facts:
    """One application: who wants to be what, where, on what terms, and how many have said yes."""
    must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    one = _waiting(desk, int(ask.text("application")))
    return {
        "kind": _kind(one),
        "name": one.name,
        "applicant": one.applicant,
        "town": str(one.terms.get("town", "-")),
        "approvals": len(one.approved_by),
    }


def _kind(one: OpenApplication) -> str:
    """What it is to be, and on what terms: `agency under 41001`, `paybill, shared`."""
    if one.under is not None:
        return f"{one.kind} under {one.under}"
    return ", ".join([one.kind, *(one.terms[term] for term in ("bearer",) if term in one.terms)])


def approve(desk: Desk, ask: Ask) -> Facts:
    """Say yes to an application, with the PIN. Gives whether it is decided by that."""

    def then(connection: Connection, party: Party) -> Facts:
        name = must_be_staff(connection, party)
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
        name = must_be_staff(connection, party)
        application = int(ask.text("application"))
        try:
            applications.refuse(desk, application, name, BY_PHONE, connection)
        except Undecided as undecided:
            raise _refusal(undecided) from None
        return {}

    return pins.with_pin(desk, "refuse_application", ask, then)


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
