"""What an answer of Safaricom's that is no acceptance means, by code *and* message.

The same code carries unrelated meanings, so a row is both. What no row knows is a refusal only
where the status says that the request itself was wrong; of everything else the outcome is open.
"""

from dataclasses import dataclass
from enum import Enum, auto

from ussd_app.kernel.daraja import Error, NotUnderstood, codes, read_error
from workers.gateways.errands import Declined, Open, Postponed
from workers.gateways.http import NOT_NOW_STATUSES

LONGEST_REASON = 80
LOCKED_PAUSE_S = 120.0
"""Another session is open on the phone: Safaricom asks to wait one or two minutes."""
PENDING = "pending"
TAKEN = "taken before"
STATUSES_IN_DOUBT = frozenset({408, 409, 425, 499})


class Meaning(Enum):
    """What an error says of the request."""

    TOKEN = auto()
    NO_LEAVE = auto()
    REFUSED = auto()
    BUSY = auto()
    LOCKED = auto()
    TAKEN = auto()
    PENDING = auto()
    SICK = auto()
    OPEN = auto()


ROWS: tuple[tuple[str, str, Meaning], ...] = (
    ("400.003.01", "", Meaning.TOKEN),
    ("401.", "no apiproduct", Meaning.NO_LEAVE),
    ("401.", "", Meaning.TOKEN),
    ("404.001.03", "", Meaning.TOKEN),
    ("500.001.1001", "being processed", Meaning.PENDING),
    ("500.001.1001", "merchant does not exist", Meaning.REFUSED),
    ("500.001.1001", "wrong credentials", Meaning.REFUSED),
    ("500.001.1001", "unable to lock subscriber", Meaning.LOCKED),
    ("500.002.1001", "duplicate originatorconversationid", Meaning.TAKEN),
    ("500.002.1001", "under maintenance", Meaning.BUSY),
    ("500.003.02", "spike arrest", Meaning.BUSY),
    ("500.003.02", "busy", Meaning.BUSY),
    ("500.003.03", "quota", Meaning.BUSY),
    ("500.003.1001", "already registered", Meaning.REFUSED),
    ("500.003.1001", "duplicate notification info", Meaning.REFUSED),
    ("400.", "", Meaning.REFUSED),
    ("404.", "", Meaning.REFUSED),
    ("405.", "", Meaning.REFUSED),
)
"""The first that fits: how a code begins, and what its message has in it, in any case."""

CERTAIN = (codes.FAILED | codes.OPERATOR | codes.TOO_LOW) - {"R000002", "100000010"}
"""The codes that refuse for good where an acceptance belongs. All others but those of overload are
open there, also these two: nobody knows what they mean but at the end of a request."""


@dataclass(frozen=True)
class Verdict:
    """The meaning of an answer, in words that may be logged."""

    meaning: Meaning
    reason: str

    def outcome(self) -> Declined | Postponed | Open:
        """As whoever asked has to take it."""
        match self.meaning:
            case Meaning.REFUSED:
                return Declined(self.reason)
            case Meaning.TOKEN | Meaning.BUSY:
                return Postponed(self.reason)
            case Meaning.NO_LEAVE:
                return Postponed(self.reason, ours=True)
            case Meaning.LOCKED:
                return Postponed(self.reason, LOCKED_PAUSE_S)
            case Meaning.TAKEN:
                return Open(TAKEN)
            case Meaning.PENDING:
                return Open(PENDING)
        return Open(self.reason)


def judge(status: int, body: bytes) -> Verdict | None:
    """What an answer means; None when it is none of an error."""
    try:
        error = read_error(body)
    except NotUnderstood:
        return _by_status(status, body)
    return Verdict(_by_row(status, error), f"{error.code} {error.message}"[:LONGEST_REASON])


def not_accepted(code: str, said: str) -> Declined | Postponed | Open:
    """The meaning of another code than 0 where an acceptance belongs."""
    reason = f"{code} {said}"[:LONGEST_REASON]
    if code in codes.OVERLOADED:
        return Postponed(reason)
    return Declined(reason) if code in CERTAIN else Open(reason)


def _by_row(status: int, error: Error) -> Meaning:
    message = error.message.lower()
    for code, words, meaning in ROWS:
        if error.code.startswith(code) and words in message:
            return meaning
    return Meaning.SICK if status >= 500 else Meaning.OPEN


def _by_status(status: int, body: bytes) -> Verdict | None:
    """An answer without an envelope: of a proxy, of a firewall, or of an empty body."""
    reason = f"HTTP {status}" if body.strip() else f"HTTP {status} without a body"
    if 200 <= status < 300:
        return None
    if status in NOT_NOW_STATUSES:
        return Verdict(Meaning.BUSY, reason)
    if 400 <= status < 500 and status not in STATUSES_IN_DOUBT:
        return Verdict(Meaning.REFUSED, reason)
    return Verdict(Meaning.SICK if status >= 500 else Meaning.OPEN, reason)
