"""What the house's own people decide from a basic phone, with their own PIN.

The decisions are those of `applications`, `verdicts` and `kyc`; here is only who may take them, and
what a screen shows.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from ussd_app.domain import applications, disputes, kyc, parties, pins, verdicts
from ussd_app.domain.applications import OpenApplication
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.staff import must_be_staff
from ussd_app.domain.two_of_staff import Decided, SaidAlready, Undecided
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import format_minor

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

    def decide(connection: Connection, name: str) -> bool:
        application = int(ask.text("application"))
        return applications.approve(desk, application, name, connection=connection) is not None

    return _signed(desk, ask, "approve_application", decide)


def refuse(desk: Desk, ask: Ask) -> Facts:
    """Say no to an application, with the PIN; the applicant is told so by SMS."""

    def decide(connection: Connection, name: str) -> bool:
        applications.refuse(desk, int(ask.text("application")), name, BY_PHONE, connection)
        return True

    _signed(desk, ask, "refuse_application", decide)
    return {}


def disputed(desk: Desk, ask: Ask) -> Facts:
    """The payments whose receiver would not give them back, oldest first, as rows."""
    must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    rows = [
        {"key": str(one.id), "label": f"{one.receipt} {format_minor(one.amount_minor)}"}
        for one in verdicts.with_staff(desk)[:MOST_LISTED]
    ]
    return {"disputes": rows}


def look_at_dispute(desk: Desk, ask: Ask) -> Facts:
    """One of them: how much, between whom, what of it is held, and how many have said yes."""
    must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    for one in verdicts.with_staff(desk):
        if str(one.id) == ask.text("dispute"):
            between = disputes.sides(desk, one)
            return {
                "payment": one.receipt,
                "amount": one.amount_minor,
                "held": one.held_minor,
                "sender_name": between[PAYEE].name,
                "receiver_name": between[PAYER].name,
                "approvals": len(one.approvals),
            }
    raise Refused(RefusalCode.ALREADY_DECIDED)


def grant_return(desk: Desk, ask: Ask) -> Facts:
    """Say that the money goes back, with the PIN. Gives whether it is decided by that."""
    dispute = int(ask.text("dispute"))

    def decide(connection: Connection, name: str) -> bool:
        return verdicts.say_grant(connection, dispute, name)

    facts = _signed(desk, ask, "grant_return", decide)
    disputes.advance(desk, dispute)
    return facts


def deny_return(desk: Desk, ask: Ask) -> Facts:
    """Say that the receiver keeps the money, with the PIN."""
    dispute = int(ask.text("dispute"))

    def decide(connection: Connection, name: str) -> bool:
        verdicts.say_keep(connection, dispute, name)
        return True

    _signed(desk, ask, "deny_return", decide)
    disputes.advance(desk, dispute)
    return {}


def tier_requests(desk: Desk, ask: Ask) -> Facts:
    """The customers who want higher limits, oldest first, as rows."""
    must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    rows = [
        {"key": str(one.id), "label": one.name[:ROW_WIDTH].rstrip()}
        for one in kyc.waiting(desk)[:MOST_LISTED]
    ]
    return {"requests": rows}


def look_at_request(desk: Desk, ask: Ask) -> Facts:
    """One of them: who, for which tier, and how many have said yes."""
    must_be_staff(desk.reads, parties.known(desk.reads, ask.msisdn))
    for one in kyc.waiting(desk):
        if str(one.id) == ask.text("request"):
            return {
                "name": one.name,
                "phone": one.msisdn,
                "tier": one.tier,
                "approvals": len(one.approvals),
            }
    raise Refused(RefusalCode.ALREADY_DECIDED)


def raise_tier(desk: Desk, ask: Ask) -> Facts:
    """Say that one has seen the documents, with the PIN. Gives whether it is decided by that."""

    def decide(connection: Connection, name: str) -> bool:
        return kyc.say_yes(desk, connection, int(ask.text("request")), name)

    return _signed(desk, ask, "raise_tier", decide)


def leave_tier(desk: Desk, ask: Ask) -> Facts:
    """Say no, with the PIN; the customer is told so by SMS."""

    def decide(connection: Connection, name: str) -> bool:
        kyc.say_no(desk, connection, int(ask.text("request")), name)
        return True

    _signed(desk, ask, "leave_tier", decide)
    return {}


def _signed(desk: Desk, ask: Ask, name: str, decide: Callable[[Connection, str], bool]) -> Facts:
    """What one of the staff decides, by their name; with the PIN, and once a key."""

    def then(connection: Connection, party: Party) -> Facts:
        try:
            done = decide(connection, must_be_staff(connection, party))
        except Undecided as undecided:
            raise _refusal(undecided) from None
        return {"outcome": "made" if done else "noted"}

    return pins.with_pin(desk, name, ask, then)


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
