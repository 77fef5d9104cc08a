"""What Safaricom says it holds for us, against `mpesa/house`: it may be off by what is on its way.

Our figure is of the moment when we asked; theirs of some moment between then and the answer. What
came and left meanwhile, what was told and is not entered yet, and what is on its way out may be in
theirs or not, so what cannot be explained is known between two amounts. Once is nothing: a payment
may not have been told yet. Only when the next comparison says the same is an entry suggested, of
the least that is missing for certain.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.desk import Desk
from ussd_app.domain.payouts import KINDS
from ussd_app.domain.reconciliation import BALANCE, LESS_THERE, MORE_THERE, Difference, keep
from ussd_app.kernel.daraja import Balance

HOUSE = "mpesa/house"
CHARGES = "charges paid"
"""Begins the name of the account of what Safaricom charges us; that is not customers' money."""
FOUND = "found"
"""The source of money in suspense that was found to lie at Safaricom."""
UNDERSTOOD = "mpesa_understood"
NEEDED = 2
"""So many comparisons in a row must agree on a difference before an entry is suggested."""

_ASKED = """
UPDATE reconciliations SET state = 'asked', conversation = %s, ours_minor = %s, asked_at = %s
WHERE id = %s AND state = 'listing'
"""
_BY_CONVERSATION = """
SELECT id, ours_minor, asked_at FROM reconciliations
WHERE conversation = %s AND state = 'asked' FOR UPDATE
"""
_BEFORE = """
SELECT state FROM reconciliations WHERE id < %s AND state IN ('balanced', 'differs')
ORDER BY id DESC LIMIT 1
"""
_ENDED = """
UPDATE reconciliations SET state = %s, theirs_minor = %s, accounts = %s, ended_at = %s WHERE id = %s
"""
_ENTERED = "SELECT mpesa FROM mpesa_receipts WHERE mpesa = ANY (%s)"
_LEAVING = """
SELECT coalesce(sum((facts->>'amount')::bigint) FILTER (WHERE state <> 'done'), 0),
       coalesce(sum((facts->>'amount')::bigint) FILTER (WHERE state = 'done'), 0)
FROM errands
WHERE kind = ANY (%s) AND (state IN ('sending', 'unknown', 'agreed', 'queued')
                           OR state = 'done' AND ended_at > %s)
"""
_KNOWN = """
SELECT coalesce(sum(CASE kind WHEN 'unheard' THEN theirs_minor WHEN 'disputed' THEN -theirs_minor
                              WHEN 'reversed' THEN -theirs_minor
                              WHEN 'amount' THEN theirs_minor - ours_minor END), 0)
FROM differences WHERE state = 'open'
"""
_OPEN = """
SELECT facts FROM differences
WHERE kind = 'balance' AND reference = %s AND state = 'open' FOR UPDATE
"""
_GONE = """
UPDATE differences SET state = 'gone', ended_at = %s
WHERE kind = 'balance' AND reference = %s AND state = 'open'
"""
_ASIDE = """
SELECT reference, amount_minor FROM unplaced WHERE source = %s AND state = 'waiting'
ORDER BY amount_minor = %s DESC, came_at, reference LIMIT 1
"""


class Question(NamedTuple):
    """A comparison that waits for what Safaricom holds, and what the book said when it asked."""

    number: int
    ours_minor: int
    asked_at: datetime


class Span(NamedTuple):
    """More than the book explains lies there: at least so much and at most; below zero, less."""

    least: int
    most: int

    @property
    def certain(self) -> bool:
        """Whether there is any difference at all, whatever was on its way."""
        return not self.least <= 0 <= self.most

    @property
    def sure(self) -> int:
        """What is different for certain."""
        return self.least if self.least > 0 else -self.most

    def meets(self, other: "Span") -> bool:
        """Whether both may be the same difference."""
        return max(self.least, other.least) <= min(self.most, other.most)

    def within(self, other: "Span") -> "Span":
        """What both leave possible."""
        return Span(max(self.least, other.least), min(self.most, other.most))


class Outcome(Enum):
    """What a comparison came to: the same, a difference once, or the second time in a row."""

    AGREES = auto()
    ONCE = auto()
    DIFFERS = auto()


def ours(desk: Desk) -> tuple[int, datetime]:
    """What the book says now, and when that is; to be asked before Safaricom is."""
    now, house = desk.clock.now(), desk.house[HOUSE]
    return desk.book.balances([house])[house].total, now


def asked(desk: Desk, number: int, conversation: str, minor: int, at: datetime) -> None:
    """The balance was asked for; its answer will come under that name."""
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_ASKED, (conversation or None, minor, at, number))


def question(connection: Connection, conversation: str) -> Question | None:
    """What was asked under this name, locked; None for a question that is not ours."""
    row = connection.exec_driver_sql(_BY_CONVERSATION, (conversation,)).fetchone()
    return Question(*row) if row else None


def compare(
    desk: Desk,
    connection: Connection,
    asked_for: Question,
    told: Sequence[Balance],
    waiting: Mapping[str, int],
) -> Outcome:
    """Hold what Safaricom holds against the book.

    `waiting` are payments of which we were told and that were not entered when that was looked
    for, which must be before this: by receipt, in cents.
    """
    number, now = asked_for.number, desk.clock.now()
    mine = [one for one in told if one.currency == "KES" and not _is_charges(one)]
    theirs = sum(one.available_minor for one in mine)
    span = _unexplained(desk, connection, asked_for, theirs, waiting)
    times = _write_down(connection, asked_for, theirs, span, now)
    before = connection.exec_driver_sql(_BEFORE, (number,)).scalar_one_or_none()
    state = "differs" if span.certain else "balanced"
    told_of = json.dumps([one.__dict__ for one in told])
    connection.exec_driver_sql(_ENDED, (state, theirs, told_of, now, number))
    if not span.certain:
        return Outcome.AGREES
    again = before == "differs" or times >= NEEDED
    return Outcome.DIFFERS if again else Outcome.ONCE


def _is_charges(one: Balance) -> bool:
    return one.name.lower().startswith(CHARGES)


def _unexplained(
    desk: Desk,
    connection: Connection,
    asked_for: Question,
    theirs: int,
    waiting: Mapping[str, int],
) -> Span:
    entered = set(connection.exec_driver_sql(_ENTERED, (list(waiting),)).scalars())
    came = sum(minor for mpesa, minor in waiting.items() if mpesa not in entered)
    given = (list(KINDS), asked_for.asked_at)
    leaving, left = connection.exec_driver_sql(_LEAVING, given).one()
    known = int(connection.exec_driver_sql(_KNOWN).scalar_one())
    now, _ = ours(desk)
    most = now + int(left) + came
    least = asked_for.ours_minor - int(left) - int(leaving)
    return Span(theirs - known - most, theirs - known - least)


def _write_down(
    connection: Connection, asked_for: Question, theirs: int, span: Span, now: datetime
) -> int:
    """What is found anew begins anew; what the last comparison found, too, is that much surer. A
    comparison that could be either leaves it as it is. Returns how often it was found."""
    facts = connection.exec_driver_sql(_OPEN, (HOUSE,)).scalar_one_or_none()
    before = Span(facts["least"], facts["most"]) if facts else None
    if not span.certain:
        if before is not None and not before.meets(span):
            connection.exec_driver_sql(_GONE, (now, HOUSE))
        return 0
    times = 1
    if facts and before is not None and before.meets(span):
        span, times = span.within(before), facts["times"] + 1
    found: dict[str, object] = {"amount": span.sure, **span._asdict(), "times": times}
    suggestion = None
    if times >= NEEDED:
        suggestion = MORE_THERE if span.least > 0 else LESS_THERE
        if suggestion == LESS_THERE:
            suggestion = _understood(connection, found)
    one = Difference(BALANCE, HOUSE, asked_for.ours_minor, theirs, found, suggestion)
    keep(connection, asked_for.number, [one], now)
    return times


def _understood(connection: Connection, found: dict[str, object]) -> str:
    """Where less lies there than the book says, and money is kept aside that was found there: it
    has come in by its own payment since, and was counted twice. The house bears the rest."""
    aside = connection.exec_driver_sql(_ASIDE, (FOUND, found["amount"])).fetchone()
    if aside is None:
        return LESS_THERE
    found |= {"amount": min(int(str(found["amount"])), aside.amount_minor)}
    found |= {"aside": aside.reference}
    return UNDERSTOOD
