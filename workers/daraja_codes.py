"""What Safaricom's words mean for money on its way out. Pure: no rows, no money, no calls.

A code says that a payment failed only where the table of codes says so: whatever else comes is in
doubt.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from ussd_app.domain import payouts, promises
from ussd_app.domain.texts import PERSON_WIDTH, two_names
from ussd_app.kernel.daraja import (
    NotUnderstood,
    Party,
    Result,
    Status,
    can_be,
    codes,
    moved,
    status_of,
)
from ussd_app.kernel.msisdn import local, parse

REVERSED_ALREADY = "R000001"
UNKNOWN_RECEIPT = "2032"

SENTENCES: Mapping[str, Mapping[str, str]] = {
    "2040": {"mpesa_not_sent": "mpesa_no_such_number"},
    "SFC_IC0003": {"mpesa_not_sent": "mpesa_no_such_number"},
    "4": {"mpesa_not_sent": "mpesa_receiver_full"},
    "8": {"mpesa_not_sent": "mpesa_receiver_full"},
}
"""What the payer is told in place of the usual, by code."""

CODE = "code"
"""What is learnt of an errand whose request failed: by which code."""


class Means(Enum):
    """What was said of a request."""

    PAID = auto()
    FAILED = auto()
    LATER = auto()
    OPERATOR = auto()
    UNKNOWN_THERE = auto()
    OPEN = auto()
    WRONG = auto()


@dataclass(frozen=True)
class Verdict:
    """What was said and why, and what is learnt by the way."""

    means: Means
    why: str = ""
    learnt: Mapping[str, object] = field(default_factory=dict)


def of_result(kind: str, facts: Mapping[str, object], result: Result) -> Verdict:
    """The meaning of a result for an errand of a kind that asked for these facts."""
    if not result.final:
        return Verdict(Means.OPEN, "more will be said")
    if result.done:
        try:
            done = moved(result)
        except NotUnderstood as strange:
            return Verdict(Means.OPEN, strange.why)
        if done.original_receipt not in (None, facts.get(payouts.ORIGINAL)):
            return Verdict(Means.WRONG, "another payment was reversed")
        return _paid(kind, facts, done.amount_minor, done.party, done.receipt)
    return _failed(kind, result.code)


def of_status(kind: str, facts: Mapping[str, object], result: Result) -> Verdict:
    """The meaning of the answer to a question what became of an errand: that the question worked
    says nothing of the payment."""
    if not result.done:
        if result.code == UNKNOWN_RECEIPT:
            return Verdict(Means.UNKNOWN_THERE, UNKNOWN_RECEIPT)
        operator = result.final and result.code in codes.OPERATOR
        return Verdict(Means.OPERATOR if operator else Means.OPEN, result.code)
    try:
        status = status_of(result)
    except NotUnderstood as strange:
        return Verdict(Means.OPEN, strange.why)
    if status.completed:
        return _completed(kind, facts, status)
    return Verdict(Means.FAILED if status.failed else Means.OPEN, status.word)


def _completed(kind: str, facts: Mapping[str, object], status: Status) -> Verdict:
    if status.receipt is None or status.amount_minor is None:
        return Verdict(Means.OPEN, "completed, without a receipt or an amount")
    return _paid(kind, facts, status.amount_minor, status.credit, status.receipt)


def _failed(kind: str, code: str) -> Verdict:
    if code == REVERSED_ALREADY and kind == payouts.REVERSAL:
        return Verdict(Means.PAID, code)
    learnt: dict[str, object] = {CODE: code}
    if code in SENTENCES:
        learnt[promises.FAILS] = SENTENCES[code]
    for means, some in (
        (Means.FAILED, codes.FAILED),
        (Means.OPERATOR, codes.OPERATOR),
        (Means.LATER, codes.LATER),
    ):
        if code in some:
            return Verdict(means, code, learnt)
    return Verdict(Means.OPEN, code)


def _paid(
    kind: str, facts: Mapping[str, object], amount_minor: int, party: Party, receipt: str
) -> Verdict:
    """Paid, if it is what was asked for and to whom."""
    if amount_minor != facts["amount"]:
        return Verdict(Means.WRONG, "another amount than was asked for")
    if not _is_meant(kind, facts, party):
        return Verdict(Means.WRONG, "another receiver than was asked for")
    learnt = {payouts.MPESA_RECEIPT: receipt}
    if party.name:
        learnt[payouts.WHOM] = _whom(kind, facts, party.name)
    return Verdict(Means.PAID, receipt, learnt)


def _is_meant(kind: str, facts: Mapping[str, object], party: Party) -> bool:
    """Whether a receiver is the one that was asked for, as far as it is said. A till may be named
    by its store's number."""
    if not party.number:
        return True
    if kind == payouts.B2C:
        meant = parse(str(facts[payouts.REFERENCE]))
        return meant is not None and can_be(party.number, meant)
    if kind == payouts.B2B and payouts.REFERENCE in facts:
        return party.number == facts[payouts.SHORTCODE]
    return True


def _whom(kind: str, facts: Mapping[str, object], name: str) -> str:
    """A receiver as the payer is told: the name, and the number that they know."""
    number = str(facts.get(payouts.REFERENCE) if kind == payouts.B2C else facts.get("shortcode"))
    number = local(parse(number) or number) if kind == payouts.B2C else number
    return f"{two_names(name)} {number}"[:PERSON_WIDTH]
