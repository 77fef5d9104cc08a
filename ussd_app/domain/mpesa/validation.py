"""Whether a payment into our pay bill may be made: what Safaricom asks before money moves.

Answered at once and from our own rows: Safaricom waits eight seconds and then decides by itself.
Nothing is promised: a payment that was let through may still be kept aside when it comes.
"""

from enum import StrEnum

from ussd_app.domain import room
from ussd_app.domain.billing import judging
from ussd_app.domain.desk import Desk
from ussd_app.domain.mpesa import accounts
from ussd_app.domain.mpesa.accounts import FROZEN, Target
from ussd_app.domain.mpesa.arrival import PLACES
from ussd_app.kernel.daraja import C2b, is_hashed
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.msisdn import parse


class Verdict(StrEnum):
    """What Safaricom is answered; the words are Safaricom's, the values its codes."""

    ACCEPTED = "0"
    INVALID_MSISDN = "C2B00011"
    INVALID_ACCOUNT = "C2B00012"
    INVALID_AMOUNT = "C2B00013"
    INVALID_KYC = "C2B00014"
    INVALID_SHORTCODE = "C2B00015"
    OTHER_ERROR = "C2B00016"


def judge(desk: Desk, asked: C2b) -> Verdict:
    """Whether we would know what to do with this payment. A few reads."""
    rules = desk.catalogue.rules["mpesa_in"]
    if asked.shortcode != desk.mpesa_shortcode:
        return Verdict.INVALID_SHORTCODE
    if not _is_somebody(asked.payer):
        return Verdict.INVALID_MSISDN
    if not rules["least_minor"] <= asked.amount_minor <= rules["most_minor"]:
        return Verdict.INVALID_AMOUNT
    target = accounts.targets(desk, [asked.account])[asked.account]
    if target.because is not None:
        return Verdict.INVALID_KYC if target.because == FROZEN else Verdict.INVALID_ACCOUNT
    return _by_target(desk, target, asked.amount_minor)


def _by_target(desk: Desk, target: Target, amount_minor: int) -> Verdict:
    """Whether there is room for it, and what a biller says whose books are kept here."""
    side, meaning = target.side, target.meaning
    assert side is not None
    assert meaning is not None
    kind = accounts.kind_of(desk, target, PLACES)
    try:
        room.must_be_there(desk, kind, side.party, side.account_id, amount_minor)
        judging.must_be_taken(desk, side.account_id, meaning.reference, amount_minor)
    except Refused as refused:
        unknown = refused.code is RefusalCode.UNKNOWN_BILL_ACCOUNT
        return Verdict.INVALID_ACCOUNT if unknown else Verdict.INVALID_AMOUNT
    return Verdict.ACCEPTED


def _is_somebody(payer: str) -> bool:
    """Whether a payer is named in a form that we know; nobody named is no fault of theirs."""
    return not payer or is_hashed(payer) or "*" in payer or parse(payer) is not None
