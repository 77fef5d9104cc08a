"""Rows of money on its way out through Safaricom: which one is meant, and what is kept of it.

All its SQL is here, beside that of every errand; what was said and what follows is not.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from workers.errand_rows import PROBE_S

WAITING_DAYS = 3

_NAME = re.compile(r"(?:.*-)?([A-Z][A-Z0-9]{5,11})(?:-([0-9]{1,4}))?", re.ASCII)

_ONE = """
SELECT id, entry_id, kind, reference, state, facts, provider_id, tries, learnt
FROM errands WHERE {} FOR UPDATE
"""
_BY_REFERENCE = _ONE.format("kind = ANY (%s) AND reference = %s")
_BY_CONVERSATION = _ONE.format("kind = ANY (%s) AND provider_id = %s")
_BY_QUESTION = """
SELECT e.id, e.entry_id, e.kind, e.reference, e.state, e.facts, e.provider_id, e.tries, e.learnt,
       q.tries AS asked
FROM errand_questions q JOIN errands e ON e.id = q.errand_id
WHERE q.conversation = %s FOR UPDATE OF e
"""
_LOOK_NOW = """
UPDATE errands SET due_at = %s, looks = least(looks, 1) WHERE id = %s AND state = 'unknown'
"""
_NEXT_TRY = """
UPDATE errands SET state = 'queued', tries = tries + 1, attempts = 0, looks = 0, due_at = %s,
    provider_id = NULL, claimed_at = NULL, learnt = learnt - 'code' - 'fails'
WHERE id = %s AND state = 'unknown'
"""
_ENDS = """
SELECT coalesce((SELECT expires_at FROM holds WHERE id = %(entry)s),
                (SELECT created_at + %(days)s * interval '1 day' FROM errands
                  WHERE entry_id = %(entry)s))
"""
_REST = """
INSERT INTO errand_pauses (kind, because, since, until) VALUES (%s, %s, %s, %s)
ON CONFLICT (kind) DO UPDATE SET because = excluded.because, until = excluded.until
"""
_DIFFER = """
INSERT INTO differences (kind, reference, theirs_minor, facts, suggestion, found_at, seen_at)
VALUES ('disputed', %(reference)s, %(minor)s, %(facts)s, 'mpesa_shortfall', %(now)s, %(now)s)
ON CONFLICT (kind, reference) WHERE state = 'open' DO NOTHING
"""


@dataclass(frozen=True)
class Found:
    """An errand, and the number of its request that is meant."""

    row: Any
    tries: int


def find(
    connection: Connection, kinds: Sequence[str], originator: str, conversation: str
) -> Found | None:
    """Lock the errand that is meant by our name for a request or by Safaricom's conversation."""
    ours = _NAME.fullmatch(originator)
    if ours:
        row = connection.exec_driver_sql(_BY_REFERENCE, (list(kinds), ours[1])).fetchone()
        if row is not None:
            return Found(row, int(ours[2] or 1))
    if conversation:
        row = connection.exec_driver_sql(_BY_CONVERSATION, (list(kinds), conversation)).fetchone()
        if row is not None:
            return Found(row, row.tries)
    return None


def asked(connection: Connection, conversation: str) -> Found | None:
    """Lock the errand about which a question was asked."""
    row = connection.exec_driver_sql(_BY_QUESTION, (conversation,)).fetchone()
    return None if row is None else Found(row, row.asked)


def look_now(connection: Connection, id_: int, now: datetime) -> None:
    """Ask at once what became of it, if that is not known."""
    connection.exec_driver_sql(_LOOK_NOW, (now, id_))


def next_try(connection: Connection, id_: int, due_at: datetime) -> None:
    """Ask for it again, under another name, since the last request is known to have failed."""
    connection.exec_driver_sql(_NEXT_TRY, (due_at, id_))


def hold_ends(connection: Connection, entry_id: int) -> datetime:
    """Until when the payer's value was promised to be held, or staff wait where none is held."""
    given = {"entry": entry_id, "days": WAITING_DAYS}
    ends: datetime = connection.exec_driver_sql(_ENDS, given).scalar_one()
    return ends


def rest(connection: Connection, kind: str, because: str, now: datetime) -> None:
    """Let no errand of a kind go out for a while."""
    until = now + timedelta(seconds=PROBE_S)
    connection.exec_driver_sql(_REST, (kind, because, now, until))


def wake(connection: Connection, kind: str) -> None:
    """Errands of a kind go out again."""
    connection.exec_driver_sql("DELETE FROM errand_pauses WHERE kind = %s", (kind,))


def differ(connection: Connection, row: Any, receipt: str, now: datetime) -> None:
    """Money has left that no wallet paid: for people, with an entry that would say so."""
    facts = json.dumps({"errand": row.reference})
    told = {"reference": receipt, "minor": row.facts["amount"], "facts": facts, "now": now}
    connection.exec_driver_sql(_DIFFER, told)
