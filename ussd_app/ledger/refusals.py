"""Why the book said no: one exception for each SQLSTATE of the writer.

A refusal leaves the database as it was. Knows no sentences; the domain turns these into its own.
"""

import json
from collections.abc import Callable, Mapping

import psycopg2
from psycopg2 import errorcodes


class LedgerRefusal(Exception):
    """The book declined."""


class BelowFloor(LedgerRefusal):
    """An account would go below its floor."""

    def __init__(self, account_id: int) -> None:
        super().__init__(f"account {account_id} would pass its floor")
        self.account_id = account_id


class AboveCeiling(LedgerRefusal):
    """An account would hold more than it may."""

    def __init__(self, account_id: int) -> None:
        super().__init__(f"account {account_id} would pass its ceiling")
        self.account_id = account_id


class LimitPassed(LedgerRefusal):
    """A limit would be passed: `by` its 'value' (minor units) or its 'count'; `used` so far."""

    def __init__(self, counter: str, by: str, used: int) -> None:
        super().__init__(f"limit {counter} passed by {by}")
        self.counter = counter
        self.by = by
        self.used = used


class KeyConflict(LedgerRefusal):
    """The key was used for another request."""


class AnsweredOtherwise(LedgerRefusal):
    """The key was answered before without an entry; `outcome` is what was remembered."""

    def __init__(self, outcome: dict[str, object]) -> None:
        super().__init__("answered before without an entry")
        self.outcome = outcome


class AnsweredByEntry(LedgerRefusal):
    """An outcome was to be remembered under a key that an entry has answered."""

    def __init__(self, entry_id: int) -> None:
        super().__init__(f"answered before by entry {entry_id}")
        self.entry_id = entry_id


class AlreadyReversed(LedgerRefusal):
    """The entry was undone before."""


class NotReversible(LedgerRefusal):
    """There is no such entry, or it moved nothing, or it is a reversal itself."""


class HoldNotOpen(LedgerRefusal):
    """The hold was ended before, is too small for this, or has not expired yet."""


class ReceiptTaken(LedgerRefusal):
    """Another entry has this receipt number; draw another and ask again."""


class BadDraft(LedgerRefusal):
    """A draft that no account or rule could ever allow: an engineer's mistake."""


class CrossesBooks(BadDraft):
    """A leg goes from one book or asset to another."""


class UnknownAccount(BadDraft):
    """A leg names an account that does not exist."""


class Overflow(BadDraft):
    """An amount or a balance that does not fit 63 bits of minor units."""


class AnswerStored(Exception):
    """The key, or the quote under another key, was answered before."""


class AskAgain(Exception):
    """Something moved while the writer looked; the same request may simply be made again.

    `hot` names those of its accounts that are tallied or sharded, when the caller knew otherwise.
    """

    def __init__(self, hot: frozenset[int] | None = None) -> None:
        super().__init__("ask again")
        self.hot = hot


def _facts(error: psycopg2.Error) -> Mapping[str, object]:
    detail = error.diag.message_detail
    found = json.loads(detail) if detail else {}
    return found if isinstance(found, dict) else {}


def _unique(error: psycopg2.Error) -> Exception:
    constraint = error.diag.constraint_name
    if constraint == "answers_receipt":
        return ReceiptTaken()
    if constraint in ("answers_key", "answers_quote"):
        return AnswerStored()
    return AskAgain()


def _account(error: psycopg2.Error) -> int:
    return int(str(_facts(error).get("account", 0)))


def _hot(error: psycopg2.Error) -> frozenset[int] | None:
    found = _facts(error).get("hot")
    return frozenset(map(int, found)) if isinstance(found, list) else None


_BY_STATE: Mapping[str, Callable[[psycopg2.Error], Exception]] = {
    "KB001": lambda e: BelowFloor(_account(e)),
    "KB002": lambda e: AboveCeiling(_account(e)),
    "KB003": lambda e: LimitPassed(
        str(_facts(e)["counter"]), str(_facts(e)["by"]), int(str(_facts(e)["used"]))
    ),
    "KB005": lambda e: KeyConflict(str(e.diag.message_primary)),
    "KB006": lambda e: AlreadyReversed(),
    "KB007": lambda e: CrossesBooks(str(e.diag.message_primary)),
    "KB008": lambda e: UnknownAccount(str(e.diag.message_primary)),
    "KB009": lambda e: HoldNotOpen(),
    "KB010": lambda e: AskAgain(_hot(e)),
    "KB011": lambda e: BadDraft(str(e.diag.message_primary)),
    "KB012": lambda e: AnsweredOtherwise(dict(_facts(e))),
    "KB013": lambda e: NotReversible(),
    "KB014": lambda e: AnsweredByEntry(int(str(_facts(e)["entry"]))),
    errorcodes.UNIQUE_VIOLATION: _unique,
    errorcodes.DEADLOCK_DETECTED: lambda e: AskAgain(),
    errorcodes.SERIALIZATION_FAILURE: lambda e: AskAgain(),
    errorcodes.NUMERIC_VALUE_OUT_OF_RANGE: lambda e: Overflow(str(e.diag.message_primary)),
    errorcodes.NOT_NULL_VIOLATION: lambda e: BadDraft(str(e.diag.message_primary)),
    errorcodes.CHECK_VIOLATION: lambda e: BadDraft(str(e.diag.message_primary)),
}


def refusal_of(error: psycopg2.Error) -> Exception | None:
    """The refusal that a database error stands for, or None when it is no refusal."""
    make = _BY_STATE.get(error.pgcode or "")
    return make(error) if make else None
