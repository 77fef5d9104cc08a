"""Seals: a hash chain over entries and their legs, made in the background and checked at leisure.

No writer waits for it. A block holds what was committed and not yet sealed, so an entry that
commits late under a low number lies in a later block. Each row has its print (16 bytes of SHA-256)
in its block, so that a check names the row; each block's digest covers its prints and the digest
before. Whoever can rewrite rows and all later seals is caught only by a digest kept elsewhere:
`seal` returns the newest for that.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

PRINT_BYTES = 16
MOST_ENTRIES = 10_000
"""The largest block."""
LOOK_BACK = 100_000
"""So many numbers behind the newest sealed entry a late commit is still looked for."""

_FIRST = b"\0" * 32

# Text that no setting of the session changes: numbers, moments in seconds, jsonb's one form.
_PRINT_ENTRY = """sha256(convert_to(concat_ws('|', e.id, e.receipt, e.type, e.code, e.catalogue,
    extract(epoch FROM e.happened_at), extract(epoch FROM e.written_at), coalesce(e.reverses, 0),
    coalesce(e.settles, 0), coalesce(e.quote, ''), e.legs, e.facts::text, e.scope, e.key,
    encode(e.request_hash, 'hex'), coalesce(e.accounts::text, ''), coalesce(e.balances::text, '')),
    'UTF8'))"""
_PRINT_LEG = """sha256(convert_to(concat_ws('|', l.entry_id, l.leg, l.from_id, l.to_id,
    l.amount_minor, l.from_version, coalesce(l.from_balance::text, ''), l.to_version,
    coalesce(l.to_balance::text, ''), l.from_shard, l.to_shard), 'UTF8'))"""

_PRINTS = f"""
SELECT e.id, substr({_PRINT_ENTRY}, 1, {PRINT_BYTES}),
       coalesce((SELECT array_agg(substr({_PRINT_LEG}, 1, {PRINT_BYTES}) ORDER BY l.leg)
                   FROM legs l WHERE l.entry_id = e.id), '{{}}')
  FROM entries e
"""  # noqa: S608 - our own columns

_UNSEALED = (
    _PRINTS
    + """
 WHERE e.id > %(since)s
   AND NOT EXISTS (SELECT FROM seals s WHERE s.last_id >= e.id AND s.first_id <= e.id
                      AND e.id = ANY (s.entry_ids))
 ORDER BY e.id LIMIT %(most)s
"""
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not as it was sealed."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Block:
    id: int
    entry_ids: list[int]
    legs: list[int]
    prints: bytes
    previous: bytes
    digest: bytes

    def true_digest(self) -> bytes:
        """The digest that the block's content makes."""
        return _digest(self.id, self.entry_ids, self.legs, self.prints, self.previous)


def _digest(
    number: int, entry_ids: list[int], legs: list[int], prints: bytes, previous: bytes
) -> bytes:
    content = f"{number}|{','.join(map(str, entry_ids))}|{','.join(map(str, legs))}|"
    return hashlib.sha256(previous + content.encode() + prints).digest()


def seal(engine: Engine) -> bytes | None:
    """Seal what is committed and not yet sealed. Returns the newest digest, None for an empty book.

    Two sealers at once do no harm: one of them makes the block, the other's is dropped.
    """
    while True:
        with engine.begin() as connection:
            made, digest = _next_block(connection)
        if made < MOST_ENTRIES:
            return digest


def _next_block(connection: Connection) -> tuple[int, bytes | None]:
    last = connection.exec_driver_sql(
        "SELECT id, digest, (SELECT max(last_id) FROM seals) FROM seals ORDER BY id DESC LIMIT 1"
    ).fetchone()
    number, previous = (last[0] + 1, bytes(last[1])) if last else (1, _FIRST)
    since = max(0, (last[2] if last else 0) - LOOK_BACK)
    found = _rows(connection, _UNSEALED, {"since": since, "most": MOST_ENTRIES})
    if not found:
        return 0, previous if last else None
    ids = [row[0] for row in found]
    legs = [len(row[2]) for row in found]
    prints = b"".join(_row_prints(row) for row in found)
    digest = _digest(number, ids, legs, prints, previous)
    connection.exec_driver_sql(
        "INSERT INTO seals (id, first_id, last_id, entry_ids, legs, prints, previous, digest)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
        (number, ids[0], ids[-1], ids, legs, prints, previous, digest),
    )
    return len(found), digest


def _rows(connection: Connection, query: str, given: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql(query, given)]


def _row_prints(row: tuple[Any, ...]) -> bytes:
    return bytes(row[1]) + b"".join(bytes(leg) for leg in row[2])


def verify(connection: Connection, *, most: int = 100) -> list[Fault]:
    """What is not as it was sealed, named row by row; an empty list when all is.

    Entries committed since the last seal are not covered yet, and are no fault.
    """
    faults: list[Fault] = []
    previous = _FIRST
    number = 0
    for block in _blocks(connection):
        number += 1
        if block.id != number or block.previous != previous or block.digest != block.true_digest():
            faults.append(Fault(f"seal {block.id}", "the chain is broken here"))
        previous, number = block.digest, block.id
        faults.extend(_changed_rows(connection, block))
        if len(faults) >= most:
            return faults[:most]
    faults.extend(_smuggled(connection))
    return faults[:most]


def _blocks(connection: Connection) -> Iterator[_Block]:
    (last,) = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM seals").one()
    for number in range(1, last + 1):
        row = connection.exec_driver_sql(
            "SELECT id, entry_ids, legs, prints, previous, digest FROM seals WHERE id = %s",
            (number,),
        ).fetchone()
        if row is not None:
            yield _Block(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), bytes(row[5]))


def _changed_rows(connection: Connection, block: _Block) -> Iterator[Fault]:
    query = _PRINTS + " WHERE e.id = ANY (%(ids)s)"
    now = {row[0]: row for row in _rows(connection, query, {"ids": block.entry_ids})}
    place = 0
    for entry_id, legs in zip(block.entry_ids, block.legs, strict=True):
        size = PRINT_BYTES * (1 + legs)
        sealed, place = block.prints[place : place + size], place + size
        row = now.get(entry_id)
        if row is None:
            yield Fault(f"entry {entry_id}", "was sealed and is missing")
        elif _row_prints(row) != sealed:
            yield from _differences(entry_id, sealed, row)


def _differences(entry_id: int, sealed: bytes, row: tuple[Any, ...]) -> Iterator[Fault]:
    pieces = [sealed[at : at + PRINT_BYTES] for at in range(0, len(sealed), PRINT_BYTES)]
    if pieces[0] != bytes(row[1]):
        yield Fault(f"entry {entry_id}", "was changed after it was sealed")
    if len(row[2]) != len(pieces) - 1:
        yield Fault(f"entry {entry_id}", f"had {len(pieces) - 1} legs, has {len(row[2])}")
    for number, (was, is_now) in enumerate(zip(pieces[1:], row[2], strict=False), 1):
        if was != bytes(is_now):
            yield Fault(f"entry {entry_id} leg {number}", "was changed after it was sealed")


def _smuggled(connection: Connection) -> Iterator[Fault]:
    """Entries so old that they must have been sealed, and were not."""
    rows = connection.exec_driver_sql(
        "SELECT e.id FROM entries e"
        " WHERE e.id < (SELECT max(last_id) FROM seals) - %s AND NOT EXISTS"
        " (SELECT FROM seals s WHERE e.id BETWEEN s.first_id AND s.last_id"
        "  AND e.id = ANY (s.entry_ids)) LIMIT 100",
        (LOOK_BACK,),
    )
    for row in rows:
        yield Fault(f"entry {row[0]}", "stands among sealed entries and was never sealed")
