"""Errands' rows as a worker sees them: made of the outbox, asked, ended. All their SQL is here.

An errand becomes `sending` in a commit of its own before anybody is called. What the world says is
written before the book follows it (`agreed`, `declined`, `returning`), so that a worker who dies in
between leaves nothing to guess.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

SENDING_LIMIT_S = 60.0
"""No call lasts this long; an errand that is `sending` for longer has lost its worker."""

FIRST_LOOK_S = 15.0
LONGEST_LOOK_S = 900.0

QUESTION_S = 86_400.0
"""So long an answer to a question may take."""
PROBE_S = 900.0
"""So often one errand of a kind that rests goes out, to see whether that is mended."""

_COLUMNS = "id, entry_id, kind, reference, state, attempts, tries, looks, facts, learnt, created_at"

_ADOPT = """
WITH taken AS (
    SELECT id, entry_id, kind, facts, created_at FROM outbox
     WHERE state = 'queued' AND kind = ANY (%(kinds)s) AND due_at <= %(now)s
     ORDER BY due_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED),
made AS (
    INSERT INTO errands (entry_id, kind, reference, facts, due_at, created_at)
    SELECT entry_id, kind, facts->>'receipt', facts, %(now)s, created_at FROM taken
    ON CONFLICT (entry_id) DO NOTHING)
UPDATE outbox SET state = 'done', ended_at = %(now)s
WHERE id IN (SELECT id FROM taken) RETURNING id
"""

_CLAIM = f"""
WITH probe AS (
    UPDATE errand_pauses SET until = %(again)s
     WHERE kind = (SELECT kind FROM errand_pauses p
                    WHERE until <= %(now)s
                      AND EXISTS (SELECT FROM errands e WHERE e.kind = p.kind
                                     AND e.state = 'queued' AND e.due_at <= %(now)s)
                    LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING kind)
UPDATE errands SET state = 'sending', attempts = attempts + 1, claimed_by = %(worker)s,
    claimed_at = %(now)s, error = NULL
WHERE id = (SELECT id FROM errands e WHERE state = 'queued' AND due_at <= %(now)s
               AND (NOT EXISTS (SELECT FROM errand_pauses p WHERE p.kind = e.kind)
                    OR kind IN (SELECT kind FROM probe))
             ORDER BY kind IN (SELECT kind FROM probe) DESC, due_at, id
             LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns

_ABANDONED = """
UPDATE errands SET state = 'unknown', error = 'its worker was lost', due_at = %s
WHERE state = 'sending' AND claimed_at < %s
"""

_GIVEN_UP = """
UPDATE errands e SET state = 'declined', due_at = %(now)s, error = 'its time was over'
FROM holds h
WHERE h.id = e.entry_id AND h.expires_at <= %(now)s
  AND (e.state = 'queued' AND e.claimed_at IS NULL
       AND EXISTS (SELECT FROM errand_pauses p WHERE p.kind = e.kind)
       OR e.state = 'unknown' AND e.learnt ? 'code')
"""

_DOUBTFUL = f"""
UPDATE errands SET looks = looks + 1,
    due_at = %s + least(%s * 2 ^ least(looks, 20), %s) * interval '1 second'
WHERE id = (SELECT id FROM errands WHERE state = 'unknown' AND kind = ANY (%s) AND due_at <= %s
             ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns

_SAID = """
UPDATE errands SET state = %(state)s, due_at = %(due)s, error = %(error)s,
    provider_id = coalesce(%(provider)s, provider_id), learnt = learnt || %(learnt)s
WHERE id = %(id)s AND state = ANY (%(was)s)
  AND (%(tries)s IS NULL OR (tries, attempts) = (%(tries)s, %(attempts)s))
"""

_UNFINISHED = f"""
SELECT {_COLUMNS} FROM errands
WHERE state IN ('agreed', 'declined', 'returning') AND due_at <= %s ORDER BY due_at, id LIMIT %s
"""  # noqa: S608 - our own columns

_FINISHED = "UPDATE errands SET state = %s, ended_at = %s WHERE id = %s AND state = %s"

_LATER = "UPDATE errands SET due_at = %s, error = %s WHERE id = %s"

_NAMED = """
SELECT id, entry_id, reference, state, facts, provider_id, tries, learnt
FROM errands WHERE kind = %s AND {} ORDER BY id FOR UPDATE
"""
BY_PROVIDER = _NAMED.format("provider_id = %s")
BY_REFERENCE = _NAMED.format("reference = %s")
BY_RECEIVER = _NAMED.format(
    "state IN ('sending', 'unknown') AND provider_id IS NULL"
    " AND facts->>'reference' = %s AND (facts->>'amount')::bigint = %s"
)

_STOPPED = """
SELECT reference, kind, state, coalesce(error, '') AS error, created_at,
       (facts->>'amount')::bigint AS amount_minor
FROM errands WHERE state IN ('unknown', 'disputed', 'agreed', 'declined', 'returning')
ORDER BY id LIMIT %s
"""

_DECIDED = """
UPDATE errands SET state = %s, due_at = %s, error = 'decided by ' || %s
WHERE reference = %s AND state = 'unknown' RETURNING id
"""


@dataclass(frozen=True)
class Row:
    """One errand as it stands."""

    id: int
    entry_id: int
    kind: str
    reference: str
    state: str
    attempts: int
    looks: int
    """How often it was asked what became of this request; more than none once it was in doubt."""
    facts: Mapping[str, object]
    created_at: datetime
    tries: int = 1
    learnt: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """By which those outside know this request of ours: a new one after a failed one."""
        return self.reference if self.tries == 1 else f"{self.reference}-{self.tries}"


@dataclass(frozen=True)
class Stopped:
    """An errand that has not come to its end: nobody knows what became of it, the book could not
    follow, or both was said of it."""

    reference: str
    kind: str
    state: str
    error: str
    created_at: datetime
    amount_minor: int


def adopt(connection: Connection, kinds: Sequence[str], now: datetime, most: int) -> int:
    """Make errands of what the outbox asks for. Returns how many."""
    asked = {"kinds": list(kinds), "now": now, "most": most}
    return len(connection.exec_driver_sql(_ADOPT, asked).all())


def claim(connection: Connection, worker: str, now: datetime) -> Row | None:
    """Mark the oldest that is due as being asked for."""
    given = {"worker": worker, "now": now, "again": now + timedelta(seconds=PROBE_S)}
    return next(iter(_rows(connection, _CLAIM, given)), None)


def abandon(connection: Connection, now: datetime) -> int:
    """Errands whose worker was lost are unknown from now on. Returns how many."""
    since = now - timedelta(seconds=SENDING_LIMIT_S)
    return connection.exec_driver_sql(_ABANDONED, (now, since)).rowcount


def give_up(connection: Connection, now: datetime) -> int:
    """Errands whose hold's time is over, and that are known not to be done: nobody was asked while
    their kind rests, or the last word was a failure. Returns how many."""
    return connection.exec_driver_sql(_GIVEN_UP, {"now": now}).rowcount


def look_pause(looks: int) -> timedelta:
    """After so many questions what became of an errand, the pause before the next."""
    return timedelta(seconds=min(FIRST_LOOK_S * 2.0 ** min(looks, 20), LONGEST_LOOK_S))


def doubtful(connection: Connection, kinds: Sequence[str], now: datetime) -> Row | None:
    """The unknown errand that is due to be asked about; it is due again after a growing pause."""
    given = (now, FIRST_LOOK_S, LONGEST_LOOK_S, list(kinds), now)
    return next(iter(_rows(connection, _DOUBTFUL, given)), None)


def said(
    connection: Connection,
    id_: int,
    was: Sequence[str],
    state: str,
    due_at: datetime,
    *,
    error: str | None = None,
    provider_id: str | None = None,
    request: Row | None = None,
    learnt: Mapping[str, object] | None = None,
) -> bool:
    """Write what the world has said of an errand in one of the states; of one request for it when
    that is given, for what is said of an earlier one than the last counts no more. False when it
    has moved on."""
    told = {"id": id_, "was": list(was), "state": state, "due": due_at}
    told |= {"error": error, "provider": provider_id}
    told |= {"tries": request and request.tries, "attempts": request and request.attempts}
    told |= {"learnt": json.dumps(dict(learnt or {}))}
    return connection.exec_driver_sql(_SAID, told).rowcount == 1


def unfinished(connection: Connection, now: datetime, most: int) -> list[Row]:
    """Errands of which the world has spoken and that the book has not followed yet."""
    return _rows(connection, _UNFINISHED, (now, most))


def asked_about(connection: Connection, row: Row, conversation: str, now: datetime) -> None:
    """Keep by which name those outside will answer what became of an errand."""
    connection.exec_driver_sql(
        "INSERT INTO errand_questions (conversation, errand_id, tries, expires_at)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (conversation, row.id, row.tries, now + timedelta(seconds=QUESTION_S)),
    )


def finish(connection: Connection, row: Row, state: str, now: datetime) -> None:
    """The book has followed."""
    connection.exec_driver_sql(_FINISHED, (state, now, row.id, row.state))


def later(connection: Connection, id_: int, due_at: datetime, error: str) -> None:
    """The book could not follow now; look again at that time."""
    connection.exec_driver_sql(_LATER, (due_at, error, id_))


def named(connection: Connection, by: str, kind: str, *names: object) -> Sequence[Any]:
    """Lock and read errands of a kind by what the world calls them."""
    return connection.exec_driver_sql(by, (kind, *names)).all()


def stopped(connection: Connection, most: int) -> list[Stopped]:
    """What a person may have to decide, oldest first."""
    rows = connection.exec_driver_sql(_STOPPED, (most,))
    return [Stopped(**row) for row in rows.mappings()]


def decide(connection: Connection, reference: str, done: bool, now: datetime, staff: str) -> bool:
    """A person has found out whether an unknown errand was done. False when it is not unknown."""
    state = "agreed" if done else "declined"
    return bool(connection.exec_driver_sql(_DECIDED, (state, now, staff, reference)).all())


def _rows(
    connection: Connection, statement: str, given: tuple[object, ...] | dict[str, object]
) -> list[Row]:
    rows = connection.exec_driver_sql(statement, given)
    return sorted((Row(**row) for row in rows.mappings()), key=lambda row: row.id)
