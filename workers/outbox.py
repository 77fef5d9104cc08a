"""The outbox's messages as a worker sees them: taken, sent, ended. All of their SQL is here.

What is asked of others than the SMS gateway becomes an errand (`errand_rows`).

`queued` waits for its time; `sending` is about to be, or being, handed over; `done`, `refused` and
`dead` are ends; `unknown` waits for evidence. A row becomes `sending` in a commit of its own before
the gateway is called: whatever dies before that commit left the row `queued`, whatever dies after
it may have sent, and the row becomes `unknown`, which nobody sends again blindly.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

SENDING_LIMIT_S = 60
"""No call lasts this long; a row that is `sending` for longer has lost its worker."""

_DUE = """
SELECT o.id, o.kind, o.address, o.template, o.language, o.facts, o.attempts, o.created_at,
       coalesce(p.offers, true) AS offers, m.sealed AS mail
FROM outbox o LEFT JOIN parties p ON p.msisdn = o.address
LEFT JOIN mail_addresses m ON o.kind = 'email' AND m.party_id = p.id
WHERE o.state = 'queued' AND o.due_at <= %s AND o.kind = ANY (%s)
ORDER BY o.due_at, o.id
LIMIT %s
FOR UPDATE OF o SKIP LOCKED
"""

_SENDING = """
UPDATE outbox o
SET state = 'sending', attempts = attempts + 1, claimed_by = %s, claimed_at = %s,
    text = v.text, segments = v.segments, error = NULL
FROM unnest(%s::bigint[], %s::text[], %s::integer[]) AS v (id, text, segments)
WHERE o.id = v.id
"""

_ENDED = """
UPDATE outbox o
SET state = v.state, due_at = v.due_at, provider_id = v.provider_id, cost = v.cost,
    error = v.error, ended_at = CASE WHEN v.state IN ('done', 'refused', 'dead') THEN v.at END,
    facts = CASE WHEN v.state IN ('done', 'refused', 'dead') THEN o.facts - 'code' ELSE o.facts END
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[],
            %s::timestamptz[]) AS v (id, state, due_at, provider_id, cost, error, at)
WHERE o.id = v.id AND o.state IN ('sending', 'unknown', 'queued')
RETURNING o.id
"""


@dataclass(frozen=True)
class Row:
    """A message that is due. `facts` may hold a one-time code: never logged, never kept. `mail` is
    the sealed e-mail address of whoever is to be told by e-mail."""

    id: int
    kind: str
    address: str
    template: str
    language: str
    facts: Mapping[str, object]
    attempts: int
    created_at: datetime
    offers: bool
    mail: str | None = None

    def __repr__(self) -> str:
        return f"Row(id={self.id}, template={self.template!r}, attempts={self.attempts})"


@dataclass(frozen=True)
class Ending:
    """What became of a row: its new state and what is known with it."""

    id: int
    state: str
    due_at: datetime
    at: datetime
    provider_id: str | None = None
    cost: str | None = None
    error: str | None = None


def due(connection: Connection, now: datetime, kinds: Sequence[str], most: int) -> list[Row]:
    """Lock and read what is due, oldest first; rows that another worker holds are passed over."""
    rows = connection.exec_driver_sql(_DUE, (now, list(kinds), most))
    return [Row(**row) for row in rows.mappings()]


def mark_sending(
    connection: Connection,
    worker: str,
    now: datetime,
    rows: Sequence[tuple[int, str | None, int]],
) -> None:
    """Note, before the call, that these (id, text to keep, segments) are about to be sent."""
    if not rows:
        return
    ids, texts, segments = (list(column) for column in zip(*rows, strict=True))
    connection.exec_driver_sql(_SENDING, (worker, now, ids, texts, segments))


def end(connection: Connection, endings: Iterable[Ending]) -> set[int]:
    """Write what became of rows; one-time codes are wiped with the end. Returns the ids changed."""
    told = list(endings)
    if not told:
        return set()
    columns = (
        [each.id for each in told],
        [each.state for each in told],
        [each.due_at for each in told],
        [each.provider_id for each in told],
        [each.cost for each in told],
        [each.error for each in told],
        [each.at for each in told],
    )
    return set(connection.exec_driver_sql(_ENDED, columns).scalars())
