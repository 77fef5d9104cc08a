"""What people who run or build the system look at: backlogs, entries as sentences, customers.

Changes nothing and decides nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine

from ussd_app.kernel.money import format_minor

_BACKLOG = """
SELECT 'outbox', state, count(*),
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)
FROM outbox WHERE state <> 'done' GROUP BY state
UNION ALL
SELECT 'inbox', state, count(*),
       coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0)
FROM inbox WHERE state <> 'done' GROUP BY state
UNION ALL
SELECT 'errands', state, count(*),
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)
FROM errands WHERE state NOT IN ('done', 'refused', 'returned') GROUP BY state
"""

_LEGS = """
SELECT e.id, e.receipt, e.type, e.happened_at, l.leg, l.amount_minor,
       f.kind AS from_kind, f.owner AS from_owner, t.kind AS to_kind, t.owner AS to_owner,
       s.scale
FROM entries e
JOIN legs l ON l.entry_id = e.id
JOIN accounts f ON f.id = l.from_id
JOIN accounts t ON t.id = l.to_id
JOIN assets s ON s.code = f.asset
WHERE e.id > %s AND e.id <= %s
ORDER BY e.id, l.leg
"""

_CUSTOMERS = """
SELECT p.msisdn, p.name, p.language, p.tier, a.balance_minor, p.status = 'frozen' AS frozen,
       coalesce(h.agreements, '[]') AS agreements
FROM parties p
JOIN accounts a ON a.id = p.wallet_id
LEFT JOIN (
    SELECT g.party_id, json_agg(json_build_object(
               'kind', g.kind, 'number', g.number, 'name', g.name, 'terms', g.terms,
               'balance_minor', ledger_balance(g.account_id), 'under', above.number
           ) ORDER BY g.id) AS agreements
    FROM agreements g LEFT JOIN agreements above ON above.id = g.parent_id
    WHERE g.state = 'active' GROUP BY g.party_id
) h ON h.party_id = p.id
ORDER BY p.id LIMIT 200
"""


@dataclass(frozen=True)
class Waiting:
    """Rows of one box in one state: how many, and how old the oldest is in seconds."""

    box: str
    state: str
    count: int
    oldest_s: float


@dataclass(frozen=True)
class EntrySentences:
    """An entry as people read it."""

    id: int
    receipt: str
    type: str
    happened_at: datetime
    sentences: list[str]


class _Leg(NamedTuple):
    source: str
    target: str
    amount: str


def backlog(engine: Engine) -> list[Waiting]:
    """What waits or ended badly, by box and state."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(_BACKLOG).all()
    return [Waiting(box, state, count, float(age)) for box, state, count, age in rows]


def people(engine: Engine) -> dict[str, str]:
    """What the ledger's owners are called: `wallet/17` reads better as `wallet/asha`.

    A party goes by the first name, an agreement by its whole name, in lower case.
    """
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT id, name FROM parties ORDER BY id").all()
        held = connection.exec_driver_sql("SELECT kind, id, name FROM agreements").all()
    names = {str(row.id): row.name.split()[0].lower() for row in rows}
    return names | {f"{row.kind}-{row.id}": "_".join(row.name.lower().split()) for row in held}


def customers(engine: Engine) -> list[dict[str, object]]:
    """Every customer with their agreements and balances in minor units, for the simulator."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(_CUSTOMERS)
        return [dict(row) for row in rows.mappings()]


def entries_after(engine: Engine, after: int, most: int) -> list[EntrySentences]:
    """The entries after an id, oldest first, at most `most`, each as its ledger sentences."""
    names = people(engine)
    with engine.connect() as connection:
        ids = (
            connection.exec_driver_sql(
                "SELECT id FROM entries WHERE id > %s ORDER BY id LIMIT %s", (after, most)
            )
            .scalars()
            .all()
        )
        if not ids:
            return []
        rows = connection.exec_driver_sql(_LEGS, (after, ids[-1])).all()
    found: dict[int, tuple[EntrySentences, list[_Leg]]] = {}
    for row in rows:
        entry = EntrySentences(row.id, row.receipt, row.type, row.happened_at, [])
        _, legs = found.setdefault(row.id, (entry, []))
        source = f"{row.from_kind}/{_called(names, row.from_owner)}"
        target = f"{row.to_kind}/{_called(names, row.to_owner)}"
        legs.append(_Leg(source, target, format_minor(row.amount_minor, row.scale)))
    for entry, legs in found.values():
        entry.sentences.extend(sentences(legs))
    return [entry for entry, _ in found.values()]


def _called(names: Mapping[str, str], owner: str) -> str:
    """An owner by name; behind a dot stands what a biller has: `maji_safi.INV1`."""
    whose, dot, part = owner.partition(".")
    return f"{names.get(whose, whose)}{dot}{part}"


def sentences(legs: Sequence[_Leg]) -> Iterator[str]:
    """Legs as sentences; a leg to or from the house and its mirror in the other book are one."""
    place = 0
    while place < len(legs):
        leg = legs[place]
        mirror = legs[place + 1] if place + 1 < len(legs) else None
        meaning = _meaning(leg, mirror) if mirror else None
        if mirror and meaning is None:  # a reversal has them the other way round
            meaning = _meaning(mirror, leg)
            leg = mirror if meaning else leg
        source = "house" if meaning and leg.source == "float/house" else leg.source
        target = "house" if meaning and leg.target == "float/house" else leg.target
        tail = f" as {meaning}" if meaning else ""
        yield f"{leg.amount} from {source} to {target}{tail}"
        place += 2 if meaning else 1


def _meaning(leg: _Leg, mirror: _Leg) -> str | None:
    if leg.amount != mirror.amount:
        return None
    if leg.target == "float/house" and mirror.source == "evalue/house":
        return mirror.target
    if leg.source == "float/house" and mirror.target == "evalue/house":
        return mirror.source
    return None
