"""What the staff of a dialogue do at their desks: the same commands as on the command line."""

from datetime import timedelta

from ussd_app.domain import differences, guards, kyc, mpesa_back, verdicts
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import Undecided

EVERYTHING = "everything"
ONE_MORE = "another must say so too"


def blocks(desk: Desk, who: str, msisdn: str) -> None:
    """Put the national ID of a dialogue's person (the last eight digits) on the list."""
    guards.block(desk, msisdn[-8:], "court", who)


def closes(desk: Desk, who: str, what: str, for_s: int) -> None:
    """Close a type, or everything, from now on."""
    now = desk.clock.now()
    types = [] if what == EVERYTHING else [what]
    guards.close_for(desk, now, now + timedelta(seconds=for_s), types, "works", who)


def returns(desk: Desk, who: str, what: str, receipt: str) -> str:
    """Decide whether what is held of a payment goes back."""
    waiting = verdicts.with_staff(desk)
    dispute_id = next((one.id for one in waiting if one.receipt == receipt), 0)
    try:
        if what == "denies":
            verdicts.refuse(desk, dispute_id, who)
            return "denied"
        return "granted" if verdicts.grant(desk, dispute_id, who) else ONE_MORE
    except Undecided as undecided:
        return str(undecided)


def raises(desk: Desk, who: str, what: str, msisdn: str) -> str:
    """Decide whether somebody gets the higher limits that they asked for."""
    request_id = next((one.id for one in kyc.waiting(desk) if one.msisdn == msisdn), 0)
    try:
        if what == "leaves":
            kyc.refuse(desk, request_id, who)
            return "left as they are"
        return "raised" if kyc.approve(desk, request_id, who) else ONE_MORE
    except Undecided as undecided:
        return str(undecided)


def gives_back(desk: Desk, who: str, reference: str) -> str:
    """Want money from M-PESA that was kept aside given back to who had paid it."""
    try:
        return "asked for" if mpesa_back.want(desk, reference, who) else ONE_MORE
    except Undecided as undecided:
        return str(undecided)


def decides(desk: Desk, who: str, what: str, number: int) -> str:
    """Approve what is suggested for a difference between the books, or leave it."""
    try:
        if what == "leaves":
            differences.leave(desk, number, who)
            return "left"
        return differences.approve(desk, number, who) or ONE_MORE
    except Undecided as undecided:
        return str(undecided)
