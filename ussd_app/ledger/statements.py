"""What accounts did: their latest postings, and what they held at a moment in the past.

Reads only. Every read finds its rows by an index of the account, so it costs the same however much
the book has grown; the exception is `balance_at` for accounts whose credits are appended.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

MOST_LINES = 1_000


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What one entry (or one leg of it) did to an account, in its own direction.

    `amount_minor` is negative when it left the account. `balance_after` is None where the account's
    credits are appended. `other_id` and the name are the counterparty's of its largest leg.
    """

    entry_id: int
    receipt: str
    type: str
    happened_at: datetime
    written_at: datetime
    amount_minor: int
    balance_after: int | None
    other_id: int
    other_kind: str
    other_owner: str
    version: int | None


def last_postings(connection: Connection, account_id: int, most: int) -> list[StatementLine]:
    """The account's latest postings, newest first, each with its counterparty."""
    most = max(0, min(most, MOST_LINES))
    rows = connection.exec_driver_sql("SELECT * FROM ledger_last(%s, %s)", (account_id, most))
    lines = [StatementLine(*row) for row in rows]
    lines.sort(key=_age, reverse=True)
    if all(line.version is not None for line in lines):
        lines.sort(key=lambda line: line.version or 0, reverse=True)
    return lines[:most]


def _age(line: StatementLine) -> tuple[int, int]:
    return line.entry_id, line.version or 0


def last_lines(connection: Connection, account_id: int, most: int) -> list[StatementLine]:
    """The account's latest entries, newest first: all legs of one entry as one line.

    The counterparty is that of the largest leg; what an entry moved in and out again is left out.
    """
    wanted = most * 2 + 1  # a payer's entry mostly has two legs of theirs
    while True:
        postings = last_postings(connection, account_id, wanted)
        whole = list(_by_entry(postings))
        if len(postings) < wanted or wanted >= MOST_LINES:
            return whole[:most]
        if len(whole) > most:  # the oldest may be cut, and it is not among those asked for
            return whole[:most]
        wanted *= 4


def _by_entry(postings: Iterable[StatementLine]) -> Iterable[StatementLine]:
    entries: dict[int, list[StatementLine]] = {}
    for posting in postings:
        entries.setdefault(posting.entry_id, []).append(posting)
    for legs in entries.values():
        total = sum(leg.amount_minor for leg in legs)
        if total:
            yield _merged(legs, total)


def _merged(legs: list[StatementLine], total: int) -> StatementLine:
    main = max(legs, key=lambda leg: abs(leg.amount_minor))
    return StatementLine(
        main.entry_id,
        main.receipt,
        main.type,
        main.happened_at,
        main.written_at,
        total,
        legs[0].balance_after,
        main.other_id,
        main.other_kind,
        main.other_owner,
        legs[0].version,
    )


def balance(connection: Connection, account_id: int) -> int:
    """What the account holds at this moment, in minor units: its row, tail and shards.

    Raises LookupError when there is no such account.
    """
    row = _one(connection, "SELECT ledger_balance(%s)", (account_id,))
    if row is None or row[0] is None:
        raise LookupError(f"no account {account_id}")
    return int(row[0])


def balance_at(connection: Connection, account_id: int, moment: datetime) -> int:
    """What the account held at a moment of the book's time (`written_at`), in minor units.

    Raises LookupError when there is no such account.
    """
    row = _one(connection, "SELECT ledger_balance_at(%s, %s)", (account_id, moment))
    if row is None or row[0] is None:
        raise LookupError(f"no account {account_id}")
    return int(row[0])


def _one(connection: Connection, statement: str, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
    row = connection.exec_driver_sql(statement, given).fetchone()
    return tuple(row) if row else None
