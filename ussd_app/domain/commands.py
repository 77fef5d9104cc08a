"""What a module of the counter is made of: commands, replies to keywords, rounds.

Knows none of them. `domain/counter/` holds them, one module a product, found by file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.kernel.errors import RefusalCode as Code

PIN = frozenset({Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN, Code.PIN_LOCKED, Code.WRONG_PIN})
PARTY = frozenset({Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN})
PRICE = frozenset(
    {
        *(Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN, Code.PIN_LOCKED),
        *(Code.MAINTENANCE, Code.NOT_YOURS, Code.OWNER_ONLY),
        *(Code.UNKNOWN_PAYEE, Code.UNKNOWN_NUMBER),
        Code.UNKNOWN_BILL_ACCOUNT,
        *(Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN, Code.NOT_IN_LINE, Code.PROOF_EXPIRED),
        *(Code.AMOUNT_TOO_SMALL, Code.FAT_FINGER, Code.AMOUNT_TOO_LARGE),
        *(Code.TOO_FAST, Code.DAILY_LIMIT, Code.DAILY_COUNT),
        *(Code.MONTHLY_LIMIT, Code.MONTHLY_COUNT),
        *(Code.SPLIT_DEPOSIT, Code.PAYEE_BALANCE_LIMIT),
        *(Code.INSUFFICIENT_FUNDS, Code.UNUSUAL),
    }
)
ACCEPT = frozenset(
    {
        *(Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN, Code.PIN_LOCKED, Code.WRONG_PIN),
        *(Code.MAINTENANCE, Code.PAYEE_FROZEN, Code.QUOTE_EXPIRED),
        *(Code.DAILY_LIMIT, Code.DAILY_COUNT, Code.MONTHLY_LIMIT, Code.MONTHLY_COUNT),
        *(Code.SPLIT_DEPOSIT, Code.PAYEE_BALANCE_LIMIT, Code.WALLET_FULL),
        *(Code.INSUFFICIENT_FUNDS, Code.NO_INVENTORY),
    }
)


@dataclass(frozen=True)
class Command:
    """One thing to ask: its kind, arguments and facts by slot type, refusals, and who serves it."""

    kind: str
    args: Mapping[str, str]
    gives: Mapping[str, str]
    refuses: frozenset[Code]
    serve: Callable[[Desk, Ask], Facts]


class Heard(NamedTuple):
    """An incoming message from a customer we know: what its second word means to the keyword
    (None when nothing), and all that stood behind the first word, as it came."""

    party: Party
    meaning: str | None
    rest: str


class Said(NamedTuple):
    """The one reply to a message; in another language than the customer's when it names one."""

    template: str
    facts: Mapping[str, object]
    language: str | None = None


class NotYet(Exception):
    """A round that cannot be finished now. What it did stays done; it is tried at every turn."""


Reply = Callable[[Desk, Connection, Heard], Said]
"""What answers a keyword, in the transaction that marks the message as heard."""


@dataclass(frozen=True)
class Round:
    """Something done again and again, by `do`, which must itself be safe to repeat.

    Once a Nairobi day when it is past `at` there; without `at`, at every turn. `do` returns how
    many it dealt with.
    """

    do: Callable[[Desk], int]
    at: time | None = None
