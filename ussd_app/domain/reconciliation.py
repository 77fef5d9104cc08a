"""Our book held against Safaricom's: what lies there for us, and each payment that came.

A difference is a row with the entry that would mend it, if there is one; it is posted when two of
the staff agree, left by one, and gone when the next comparison does not find it any more. What is
on its way and what is a difference already is no further difference in the balance. Asks nobody:
what Safaricom says is brought here.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.desk import Desk
from ussd_app.domain.mpesa import accounts
from ussd_app.domain.mpesa.arrival import PLACES, UNPLACED
from ussd_app.kernel.daraja import Balance, Pulled

HOUSE = "mpesa/house"
EVERY_S = 3600
GRACE = timedelta(minutes=10)
"""So young a payment may still be on its way to us, or to their list."""
PULLED_FOR = timedelta(hours=48)
CHARGES = "charges paid"
"""Begins the name of the account of what Safaricom charges us; that is not customers' money."""

UNHEARD, UNLISTED, AMOUNT, BALANCE, DISPUTED = (
    *("unheard", "unlisted", "amount"),
    *("balance", "disputed"),
)
MORE_THERE, LESS_THERE = "mpesa_unexplained", "mpesa_shortfall"

_BEGIN = """
INSERT INTO reconciliations (asked_at) SELECT %(now)s
WHERE pg_try_advisory_xact_lock(hashtextextended('reconciliation', 1))
  AND NOT EXISTS (SELECT FROM reconciliations WHERE asked_at > %(since)s)
RETURNING id
"""
_ASKED = "UPDATE reconciliations SET conversation = %s, pulled = %s WHERE id = %s"
_UNHEARD = """
UPDATE reconciliations SET state = 'unheard', error = %s, pulled = coalesce(%s, pulled),
    ended_at = %s WHERE id = %s
"""
_BY_CONVERSATION = """
SELECT id FROM reconciliations WHERE conversation = %s AND state = 'asked' FOR UPDATE
"""
_ENDED = """
UPDATE reconciliations SET state = %s, ours_minor = %s, theirs_minor = %s, accounts = %s,
    ended_at = %s WHERE id = %s
"""
_ENTERED = """
SELECT r.mpesa, r.amount_minor, r.receipt, r.paid_at FROM mpesa_receipts r
WHERE (r.paid_at >= %(since)s AND r.paid_at <= %(until)s OR r.mpesa = ANY (%(listed)s))
"""
_BACK = "SELECT reference FROM unplaced WHERE source = 'mpesa' AND state = 'sent_back'"
_FOUND = """
INSERT INTO differences (kind, reference, ours_minor, theirs_minor, facts, suggestion, found_at,
                         seen_at)
VALUES (%(kind)s, %(reference)s, %(ours)s, %(theirs)s, %(facts)s, %(suggestion)s, %(now)s, %(now)s)
ON CONFLICT (kind, reference) WHERE state = 'open' DO UPDATE SET
    seen_at = excluded.seen_at, ours_minor = excluded.ours_minor,
    theirs_minor = excluded.theirs_minor, suggestion = excluded.suggestion,
    facts = excluded.facts,
    approvals = CASE WHEN (differences.ours_minor, differences.theirs_minor)
        IS DISTINCT FROM (excluded.ours_minor, excluded.theirs_minor)
        THEN '{}' ELSE differences.approvals END
"""
_GONE = """
UPDATE differences SET state = 'gone', ended_at = %(now)s
WHERE state = 'open' AND kind = ANY (%(kinds)s) AND seen_at < %(now)s
"""
_LEFT = """
SELECT EXISTS (SELECT FROM differences WHERE kind = %s AND reference = %s
                  AND state IN ('left', 'posted'))
"""
_ON_ITS_WAY = """
SELECT coalesce(sum((facts->>'amount')::bigint), 0) FROM errands
WHERE kind = ANY (%s) AND state IN ('sending', 'unknown', 'agreed', 'queued')
"""
_KNOWN = """
SELECT coalesce(sum(theirs_minor) FILTER (WHERE kind = 'unheard'), 0),
       coalesce(sum(theirs_minor) FILTER (WHERE kind = 'disputed'), 0),
       coalesce(sum(theirs_minor - ours_minor) FILTER (WHERE kind = 'amount'), 0)
FROM differences WHERE state = 'open'
"""


class Difference(NamedTuple):
    """Where the books do not say the same."""

    kind: str
    reference: str
    ours_minor: int | None
    theirs_minor: int | None
    facts: Mapping[str, object]
    suggestion: str | None


def begin(desk: Desk) -> int | None:
    """The number of a comparison that is due now; None when none is, or another is at it."""
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        given = {"now": now, "since": now - timedelta(seconds=EVERY_S)}
        return connection.exec_driver_sql(_BEGIN, given).scalar_one_or_none()


def asked(desk: Desk, number: int, conversation: str, pulled: int | None) -> None:
    """The balance was asked for; its answer will come under that name."""
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_ASKED, (conversation or None, pulled, number))


def unheard(desk: Desk, number: int, why: str, pulled: int | None) -> None:
    """Safaricom did not answer; the next comparison may be luckier."""
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_UNHEARD, (why, pulled, desk.clock.now(), number))


# the list of payments


def compare_list(desk: Desk, rows: Sequence[Pulled]) -> int:
    """Hold what Safaricom lists of the last two days against what was entered. Returns how many
    differences there are now."""
    now = desk.clock.now()
    since, until = now - PULLED_FOR + GRACE, now - GRACE
    listed = {row.receipt: row for row in rows}
    with desk.engine.begin() as connection:
        given = {"since": since, "until": until, "listed": list(listed)}
        entered = {row[0]: row for row in connection.exec_driver_sql(_ENTERED, given)}
        back = set(connection.exec_driver_sql(_BACK).scalars())
        found = [
            *_not_entered(desk, [row for row in rows if row.at <= until], entered),
            *_amounts(listed, entered),
            *(
                Difference(UNLISTED, mpesa, minor, None, {"receipt": receipt}, None)
                for mpesa, minor, receipt, at in entered.values()
                if mpesa not in listed and mpesa not in back and since <= at <= until
            ),
        ]
        return _keep(connection, found, (UNHEARD, AMOUNT, UNLISTED), now)


def _not_entered(
    desk: Desk, rows: Sequence[Pulled], entered: Mapping[str, object]
) -> Iterable[Difference]:
    """Payments of which nobody told us: they are placed as if somebody had."""
    missing = [row for row in rows if row.receipt not in entered]
    targets = accounts.targets(desk, {row.account for row in missing})
    for row in missing:
        target = targets[row.account]
        kind = UNPLACED if target.because else accounts.kind_of(desk, target, PLACES).name
        facts = {"account": row.account, "payer": row.payer, "at": row.at.isoformat()}
        yield Difference(UNHEARD, row.receipt, None, row.amount_minor, facts, kind)


def _amounts(
    listed: Mapping[str, Pulled], entered: Mapping[str, tuple[str, int, str, datetime]]
) -> Iterable[Difference]:
    for mpesa, row in listed.items():
        if mpesa in entered and entered[mpesa][1] != row.amount_minor:
            ours = entered[mpesa][1]
            yield Difference(
                *(AMOUNT, mpesa, ours, row.amount_minor, {"receipt": entered[mpesa][2]}),
                MORE_THERE if row.amount_minor > ours else LESS_THERE,
            )


# the balance


def compare_balance(
    desk: Desk, connection: Connection, conversation: str, told: Sequence[Balance]
) -> bool | None:
    """Hold what Safaricom holds for us against `mpesa/house`. Whether they agree, but for what is
    on its way and what is a difference already; None for a question that is not ours."""
    number = connection.exec_driver_sql(_BY_CONVERSATION, (conversation,)).scalar_one_or_none()
    if number is None:
        return None
    now = desk.clock.now()
    mine = [one for one in told if one.currency == "KES" and not _is_charges(one)]
    theirs = sum(one.available_minor for one in mine)
    ours = desk.book.balances([desk.house[HOUSE]])[desk.house[HOUSE]].total
    least, most = _bounds(connection, ours)
    found = []
    if not least <= theirs <= most:
        amount = theirs - most if theirs > most else least - theirs
        suggestion = MORE_THERE if theirs > most else LESS_THERE
        facts = {"amount": amount}
        found.append(Difference(BALANCE, HOUSE, ours, theirs, facts, suggestion))
    _keep(connection, found, (BALANCE,), now)
    told_of = json.dumps([one.__dict__ for one in told])
    state = "differs" if found else "balanced"
    connection.exec_driver_sql(_ENDED, (state, ours, theirs, told_of, now, number))
    return not found


def _is_charges(one: Balance) -> bool:
    return one.name.lower().startswith(CHARGES)


def _bounds(connection: Connection, ours: int) -> tuple[int, int]:
    """Between what Safaricom may hold when all is well: less by what is on its way out, other by
    what is known to differ."""
    kinds = ["mpesa_b2c", "mpesa_b2b", "mpesa_reversal"]
    leaving = connection.exec_driver_sql(_ON_ITS_WAY, (kinds,)).scalar_one()
    unheard_, disputed, amounts = connection.exec_driver_sql(_KNOWN).one()
    known = ours + int(unheard_) - int(disputed) + int(amounts)
    return known - int(leaving), known


def _keep(
    connection: Connection, found: Sequence[Difference], kinds: Sequence[str], now: datetime
) -> int:
    """Write down what differs; what was found before and is not any more is gone."""
    count = 0
    for one in found:
        decided = connection.exec_driver_sql(_LEFT, (one.kind, one.reference)).scalar_one()
        if one.kind != BALANCE and decided:
            continue
        told = {"kind": one.kind, "reference": one.reference, "ours": one.ours_minor}
        told |= {"theirs": one.theirs_minor, "facts": json.dumps(dict(one.facts))}
        connection.exec_driver_sql(_FOUND, {**told, "suggestion": one.suggestion, "now": now})
        count += 1
    connection.exec_driver_sql(_GONE, {"kinds": list(kinds), "now": now})
    return count
