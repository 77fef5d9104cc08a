"""Our book held against Safaricom's: when that is due, and each payment that it says has come.

What is listed as paid in, and never told to us, is sure: it is handed back to be entered as if it
had been told. What is not sure is a difference, a row with the entry that would mend it if there is
one; it is posted when two of the staff agree, left by one, and gone when the list is read again and
does not bear it out. Asks nobody: what Safaricom says is brought here. Its balance is held against
ours in `holdings`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.desk import Desk
from ussd_app.domain.mpesa import accounts
from ussd_app.domain.mpesa.arrival import PLACES, UNPLACED
from ussd_app.kernel.daraja import Pulled

EVERY = timedelta(hours=1)
GRACE = timedelta(minutes=10)
"""So young a payment may still be on its way to their list."""
TOLD_WITHIN = timedelta(minutes=2)
"""So young a payment may still be on its way to us; who is told of it by its confirmation is told
the payer's name as well."""
PULLED_FOR = timedelta(hours=48)
AGAIN = timedelta(hours=2)
"""So much of what the last comparison has read is read again: what came late to the list."""
SILENT = timedelta(hours=3)
"""So long without a comparison, and nobody knows any more whether the books agree."""

UNHEARD, UNLISTED, AMOUNT, BALANCE, DISPUTED, REVERSED = (
    *("unheard", "unlisted", "amount"),
    *("balance", "disputed", "reversed"),
)
OF_THE_LIST = (UNHEARD, AMOUNT, UNLISTED, REVERSED)
MORE_THERE, LESS_THERE = "mpesa_unexplained", "mpesa_shortfall"

_BEGIN = """
INSERT INTO reconciliations (begun_at, next_at, listed_from, listed_until)
SELECT %(now)s, %(next)s, since, since
  FROM (SELECT greatest(%(oldest)s, max(listed_until) - %(again)s) AS since
          FROM reconciliations) AS earlier
 WHERE pg_try_advisory_xact_lock(hashtextextended('reconciliation', 1))
   AND NOT EXISTS (SELECT FROM reconciliations WHERE next_at > %(now)s)
RETURNING id, begun_at, listed_from
"""
_UNANSWERED = """
UPDATE reconciliations SET state = 'unheard', ended_at = %s,
    error = CASE state WHEN 'asked' THEN 'no answer came' ELSE 'it was not finished' END
WHERE state IN ('listing', 'asked') AND id < %s
"""
_UNHEARD = """
UPDATE reconciliations SET state = 'unheard', error = %s, ended_at = %s
WHERE id = %s AND state IN ('listing', 'asked')
"""
_SILENT = """
SELECT CASE WHEN min(begun_at) > %(since)s THEN ARRAY[]::text[] ELSE
    CASE WHEN bool_or(state IN ('balanced', 'differs') AND ended_at > %(since)s)
         THEN ARRAY[]::text[] ELSE ARRAY['balance'] END
 || CASE WHEN bool_or(listed_until >= begun_at AND begun_at > %(since)s)
         THEN ARRAY[]::text[] ELSE ARRAY['list'] END END
FROM reconciliations
"""
_READ = """
UPDATE reconciliations SET listed_until = %s, listed = listed + %s, untold = untold + %s
WHERE id = %s
"""
_FIRST = "SELECT min(begun_at) FROM reconciliations"
_ENTERED = """
SELECT mpesa, amount_minor, receipt, account FROM mpesa_receipts WHERE mpesa = ANY (%s)
"""
_LISTED = "UPDATE mpesa_receipts SET listed_at = %s WHERE mpesa = ANY (%s) AND listed_at IS NULL"
_UNLISTED = """
SELECT mpesa, amount_minor, receipt, paid_at FROM mpesa_receipts r
WHERE paid_at >= %s AND paid_at <= %s AND listed_at IS NULL
  AND NOT EXISTS (SELECT FROM unplaced u WHERE u.reference = r.mpesa AND u.state = 'sent_back')
  AND NOT EXISTS (SELECT FROM entries e JOIN reversals v ON v.reversed_id = e.id
                   WHERE e.scope = 'system' AND e.key = 'mpesa:' || r.mpesa)
"""
_OUR_REVERSALS = """
SELECT learnt->>'mpesa_receipt' FROM errands
WHERE kind = 'mpesa_reversal' AND learnt->>'mpesa_receipt' = ANY (%s)
"""
_FOUND = """
INSERT INTO differences (kind, reference, ours_minor, theirs_minor, facts, suggestion, found_at,
                         seen_at, seen_in)
VALUES (%(kind)s, %(reference)s, %(ours)s, %(theirs)s, %(facts)s, %(suggestion)s, %(now)s, %(now)s,
        %(number)s)
ON CONFLICT (kind, reference) WHERE state = 'open' DO UPDATE SET
    seen_at = excluded.seen_at, seen_in = excluded.seen_in, ours_minor = excluded.ours_minor,
    theirs_minor = excluded.theirs_minor, suggestion = excluded.suggestion,
    facts = excluded.facts,
    approvals = CASE WHEN (differences.suggestion, differences.facts->>'amount')
        IS DISTINCT FROM (excluded.suggestion, excluded.facts->>'amount')
        THEN '{}' ELSE differences.approvals END
"""
_DECIDED = """
SELECT EXISTS (SELECT FROM differences WHERE kind = %s AND reference = %s
                  AND state IN ('left', 'posted'))
"""
_GONE = """
UPDATE differences SET state = 'gone', ended_at = %s
WHERE state = 'open' AND kind = ANY (%s) AND seen_in IS DISTINCT FROM %s
  AND (facts->>'at')::timestamptz >= %s
"""
_OPEN = "SELECT count(*) FROM differences WHERE state = 'open' AND kind = ANY (%s)"


class Comparison(NamedTuple):
    """One that was begun: the list is to be read from `since` to when it was begun."""

    number: int
    begun_at: datetime
    since: datetime


class Difference(NamedTuple):
    """Where the books do not say the same. The `amount` of its facts is what the entry moves."""

    kind: str
    reference: str
    ours_minor: int | None
    theirs_minor: int | None
    facts: Mapping[str, object]
    suggestion: str | None


def begin(desk: Desk) -> Comparison | None:
    """The comparison that is due now; None when none is, or another is at it. One before it that
    was not ended is ended: nobody is at it any more."""
    now = desk.clock.now()
    given = {"now": now, "next": now + EVERY, "oldest": now - PULLED_FOR, "again": AGAIN}
    with desk.engine.begin() as connection:
        row = connection.exec_driver_sql(_BEGIN, given).fetchone()
        if row is None:
            return None
        connection.exec_driver_sql(_UNANSWERED, (now, row.id))
        return Comparison(*row)


def unheard(connection: Connection, number: int, why: str, now: datetime) -> None:
    """Safaricom did not say what it holds; the next comparison may be luckier."""
    connection.exec_driver_sql(_UNHEARD, (why, now, number))


def silent(desk: Desk) -> Sequence[str]:
    """What was not compared for hours: the balance, the list, or both."""
    since = desk.clock.now() - SILENT
    with desk.reads.connect() as connection:
        missed: Sequence[str] = connection.exec_driver_sql(_SILENT, {"since": since}).scalar_one()
        return missed or []


def compare_list(desk: Desk, comparison: Comparison, rows: Sequence[Pulled]) -> list[Pulled]:
    """Hold a further piece of the list against what was entered. Returns the payments that are to
    be entered, for nobody has told us of them."""
    now = desk.clock.now()
    listed = {row.receipt: row for row in rows if row.came_in}
    with desk.engine.begin() as connection:
        first = connection.exec_driver_sql(_FIRST).scalar_one()
        found = connection.exec_driver_sql(_ENTERED, (list(listed),))
        entered = {row.mpesa: row for row in found}
        connection.exec_driver_sql(_LISTED, (now, list(entered)))
        missing = [row for row in listed.values() if row.receipt not in entered]
        sure = [row for row in missing if row.at >= first]
        unsure = [row for row in missing if row.at < first]
        back = [row for row in rows if row.went_back]
        differ = [
            *_before_us(desk, unsure),
            *_amounts(listed, entered),
            *_reversals(connection, back),
        ]
        keep(connection, comparison.number, differ, now)
    return sure


def was_read(
    desk: Desk, comparison: Comparison, until: datetime, rows: Sequence[Pulled], untold: int
) -> None:
    """The list was read so far, and what nobody had told us of is safe: it is not read again."""
    told = (until, sum(row.came_in for row in rows), untold, comparison.number)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_READ, told)


def list_ends(desk: Desk, comparison: Comparison) -> int:
    """The list was read to its end: what it does not have differs, and what it does not bear out
    any more is gone. Returns how many differences there are with it."""
    now = desk.clock.now()
    since, until = comparison.since + GRACE, comparison.begun_at - GRACE
    with desk.engine.begin() as connection:
        missed = connection.exec_driver_sql(_UNLISTED, (since, until)).all()
        differ = [
            Difference(UNLISTED, mpesa, minor, None, _facts(paid_at, receipt=receipt), None)
            for mpesa, minor, receipt, paid_at in missed
        ]
        keep(connection, comparison.number, differ, now)
        kinds = list(OF_THE_LIST)
        connection.exec_driver_sql(_GONE, (now, kinds, comparison.number, since))
        return int(connection.exec_driver_sql(_OPEN, (kinds,)).scalar_one())


def _before_us(desk: Desk, rows: Sequence[Pulled]) -> Iterable[Difference]:
    """Payments from before we first asked: whoever had the pay bill then may have dealt with them.
    They are placed as if they had been told when two of the staff know better."""
    targets = accounts.targets(desk, {row.account for row in rows})
    for row in rows:
        target = targets[row.account]
        kind = UNPLACED if target.because else accounts.kind_of(desk, target, PLACES).name
        facts = _facts(row.at, amount=row.amount_minor, account=row.account, payer=row.payer)
        yield Difference(UNHEARD, row.receipt, None, row.amount_minor, facts, kind)


def _amounts(listed: Mapping[str, Pulled], entered: Mapping[str, Any]) -> Iterable[Difference]:
    for mpesa, ours in entered.items():
        more = listed[mpesa].amount_minor - ours.amount_minor
        if more:
            yield Difference(
                *(AMOUNT, mpesa, ours.amount_minor, listed[mpesa].amount_minor),
                _facts(
                    listed[mpesa].at, amount=abs(more), receipt=ours.receipt, account=ours.account
                ),
                MORE_THERE if more > 0 else LESS_THERE,
            )


def _reversals(connection: Connection, rows: Sequence[Pulled]) -> Iterable[Difference]:
    """Payments that Safaricom has reversed and nobody here has asked for. The list does not say
    which: people find that out, and two say so (`mpesa_reversals`)."""
    given = ([row.receipt for row in rows],)
    ours = set(connection.exec_driver_sql(_OUR_REVERSALS, given).scalars()) if rows else set()
    for row in rows:
        if row.receipt not in ours:
            facts = _facts(row.at, amount=row.amount_minor, account=row.account, payer=row.payer)
            yield Difference(REVERSED, row.receipt, None, row.amount_minor, facts, None)


def _facts(at: datetime, **named: object) -> dict[str, object]:
    return {"at": at.isoformat(), **named}


def keep(connection: Connection, number: int, found: Iterable[Difference], now: datetime) -> None:
    """Write down what differs. What was decided of a payment is not asked again; whoever has agreed
    to an entry has not agreed to another one."""
    for one in found:
        said = (one.kind, one.reference)
        if one.kind != BALANCE and connection.exec_driver_sql(_DECIDED, said).scalar_one():
            continue
        told: dict[str, object] = {"kind": one.kind, "reference": one.reference}
        told |= {"ours": one.ours_minor}
        told |= {"theirs": one.theirs_minor, "facts": json.dumps(dict(one.facts))}
        told |= {"suggestion": one.suggestion, "now": now, "number": number}
        connection.exec_driver_sql(_FOUND, told)
