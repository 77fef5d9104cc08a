"""What the book is asked to write, and what it answers. Plain values; no SQL here.

Amounts are positive minor units; direction is from (debited) to (credited).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, NamedTuple

HoldEnd = Literal["settled", "voided", "expired"]
Side = Literal["credit", "debit"]
Mode = Literal["locked", "tallied", "sharded"]

MOST_LEGS = 64
MOST_USAGES = 16
MOST_OUTBOX = 32


class Leg(NamedTuple):
    """An amount that leaves one account for another, by their ids."""

    from_id: int
    to_id: int
    amount_minor: int


class Ceiling(NamedTuple):
    """The most that an account may hold when the entry has credited it."""

    account_id: int
    max_minor: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What an entry uses up of an owner's limits on a business day. None is no limit.

    Negative numbers give back, down to nothing used.
    """

    owner: str
    counter: str
    day: date
    amount_minor: int
    count: int
    max_minor: int | None
    max_count: int | None


class OutboxRow(NamedTuple):
    """Something to say to the world once the entry is committed.

    `balance_of` names an account whose balance after the entry is added to the facts as `balance`
    (minor units). That is possible for locked accounts, whose row the entry changed. The facts of a
    hot account get none: what two payers at once appended, neither of them sees of the other, so no
    balance that either could tell would be true after both.
    """

    kind: str
    address: str
    template: str
    language: str
    facts: Mapping[str, object]
    balance_of: int | None = None


class NewHold(NamedTuple):
    """Value of an account to be promised until a moment."""

    account_id: int
    amount_minor: int
    expires_at: datetime


class EndOfHold(NamedTuple):
    """The end of an open hold (by the id of the entry that made it) on its account."""

    hold_id: int
    account_id: int
    how: HoldEnd


@dataclass(frozen=True)
class Draft:
    """One entry to be written, with all that must be written together with it.

    `scope` and `key` name the request, `request_hash` (8 to 64 bytes) its content. A draft with
    `reverses` brings no legs: the book mirrors those of the entry it names, out of what is held
    when it `ends` a hold as well.
    """

    scope: str
    key: str
    request_hash: bytes
    type: str
    code: int
    catalogue: str
    receipt: str
    happened_at: datetime
    legs: tuple[Leg, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    outbox: tuple[OutboxRow, ...] = ()
    usages: tuple[Usage, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    quote: str | None = None
    reverses: int | None = None
    hold: NewHold | None = None
    ends: EndOfHold | None = None

    def with_receipt(self, receipt: str) -> "Draft":
        """The same under another receipt number, also where the outbox tells it."""
        told = tuple(
            row._replace(facts={**row.facts, "receipt": receipt})
            if row.facts.get("receipt") == self.receipt
            else row
            for row in self.outbox
        )
        return replace(self, receipt=receipt, outbox=told)


@dataclass(frozen=True, slots=True)
class Written:
    """What the book wrote, or had written when it was first asked (`replayed`).

    `balances` are the balances after, in minor units, of the accounts whose row the entry touched
    (locked ones; the whole balance of an appended account is not known to a writer); a replay tells
    them as they were told first, whatever became of the accounts since. `usages` are what is used
    of each (owner, counter) after it, as (minor units, times); empty on a replay.
    """

    entry_id: int
    receipt: str
    balances: dict[int, int]
    usages: dict[tuple[str, str], tuple[int, int]]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds and what of it can be spent, in minor units."""

    total: int
    available: int
