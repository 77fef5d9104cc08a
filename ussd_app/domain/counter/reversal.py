"""Wanting a payment back, at the counter: by USSD, by the receipt's SMS, and what the other side
answers."""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import disputes, reversals, verdicts
from ussd_app.domain.commands import PARTY, PIN, Command, Heard, Reply, Round, Said
from ussd_app.domain.desk import Desk
from ussd_app.kernel.errors import RefusalCode as Code
from ussd_app.kernel.errors import Refused

_JUDGED = PARTY | {
    *(Code.TOO_MANY_REQUESTS, Code.UNKNOWN_RECEIPT, Code.NOT_REVERSIBLE, Code.TOO_LATE),
    *(Code.ALREADY_ASKED, Code.NOTHING_LEFT),
}

COMMANDS: Mapping[str, Command] = {
    "recent_payments": Command(
        "do",
        {"pin": "pin"},
        {"payments": "rows(5, 28)", "proof": "ref"},
        PIN,
        reversals.recent,
    ),
    "reversal": Command(
        "find",
        {"picked?": "ref", "typed?": "receipt"},
        {"payment": "receipt", "receiver_name": "name", "paid": "money"},
        _JUDGED,
        reversals.preview,
    ),
    "request_reversal": Command(
        "do",
        {"proof": "ref", "payment": "receipt"},
        {},
        _JUDGED | {Code.PROOF_EXPIRED},
        reversals.request,
    ),
    "question": Command(
        "find",
        {},
        {"dispute": "ref", "sender_name": "name", "held": "money", "payment": "receipt"},
        PARTY | {Code.NOTHING_TO_ANSWER},
        verdicts.asked_of,
    ),
    "give_back": Command(
        "do",
        {"dispute": "ref", "pin": "pin"},
        {},
        PIN | {Code.NOTHING_TO_ANSWER},
        verdicts.give_back,
    ),
    "keep_payment": Command(
        "do", {"dispute": "ref"}, {}, PARTY | {Code.NOTHING_TO_ANSWER}, verdicts.keep
    ),
}

_SAID = {
    Code.UNKNOWN_RECEIPT: "reversal_unknown",
    Code.NOT_REVERSIBLE: "reversal_not_possible",
    Code.TOO_LATE: "reversal_too_late",
    Code.ALREADY_ASKED: "reversal_asked_already",
    Code.TOO_MANY_REQUESTS: "reversal_too_often",
    Code.NOTHING_LEFT: "reversal_nothing",
}


def _reverse(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """The next round holds what is still there, as soon as this is committed."""
    typed = heard.rest.split()[0] if heard.rest else ""
    facts: dict[str, object] = {}
    try:
        payment = reversals.find_payment(connection, heard.party, typed)
        facts = {"receipt": payment.receipt}
        reversals.open_dispute(desk, connection, heard.party, payment)
    except Refused as refused:
        return Said(_SAID[refused.code], facts)
    return Said("reversal_heard", facts)


def _agree(desk: Desk, connection: Connection, heard: Heard) -> Said:
    typed = heard.rest.split()[0].strip(".,!?") if heard.rest else ""
    settled = verdicts.agree_by_code(desk, connection, heard.party, typed)
    if settled is Code.WRONG_CODE:
        return Said("reversal_wrong_code", {})
    if isinstance(settled, Code):
        return Said("reversal_no_question", {})
    return Said("reversal_agreed", {"receipt": settled.receipt})


def _disagree(desk: Desk, connection: Connection, heard: Heard) -> Said:
    answered = verdicts.disagree(desk, connection, heard.party)
    if answered is None:
        return Said("reversal_no_question", {})
    dispute, by_staff = answered
    template = "reversal_is_with_staff" if by_staff else "reversal_disagreed"
    return Said(template, {"receipt": dispute.receipt})


REPLIES: Mapping[str, Reply] = {"reverse": _reverse, "agree": _agree, "disagree": _disagree}

ROUNDS: Mapping[str, Round] = {"disputes": Round(disputes.take_up)}
