"""What every command of the bank is given: its collaborators, and who asks for what.

Also the one way in which a command without a ledger entry happens exactly once (`once`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from ussd_app.domain.account_names import AccountNames
from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.feeds import Feed
from ussd_app.domain.keys import Keyring, fingerprint
from ussd_app.domain.sim_swaps import SimSwaps
from ussd_app.kernel.clock import Clock
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import Ids
from ussd_app.ledger.book import AnsweredOtherwise, Book, KeyConflict, Written

SCOPE = "ussd"
SYSTEM = "system"
"""The scope of keys that no hop made."""
Facts = dict[str, object]


@dataclass(frozen=True)
class Desk:
    """The bank's collaborators. `house` maps account names to ids, known since the start.

    `payments_per_minute` is how many a customer may make; 0 is any number. `mails` says whether
    somebody here takes e-mail. `mpesa_shortcode` is our own pay bill at M-PESA; None when this
    installation has none, and then nothing of M-PESA's is on offer.
    """

    engine: Engine
    reads: Engine
    book: Book
    clock: Clock
    ids: Ids
    catalogue: Catalogue
    keyring: Keyring
    house: Mapping[str, int]
    pin_tries: int
    service_code: str
    account_names: AccountNames
    sim_swaps: SimSwaps
    mpesa_shortcode: str | None
    feed: Feed
    payments_per_minute: int
    mails: bool


@dataclass(frozen=True)
class Ask:
    """One request to the bank: who asks (E.164), the idempotency key of a `do`, the arguments."""

    msisdn: str
    key: str
    args: Mapping[str, object]

    def text(self, name: str) -> str:
        """An argument as text. Raises KeyError when it is missing."""
        return str(self.args[name])

    def __repr__(self) -> str:
        return f"Ask(msisdn={self.msisdn!r}, key={self.key!r}, args={sorted(self.args)})"


SECRET_ARGS = frozenset({"pin", "code", "answer", "national_id", "id_tail"})


def request_print(name: str, ask: Ask) -> bytes:
    """What tells this request from another under the same key; secrets have no part in it."""
    plain = [f"{arg}={ask.args[arg]}" for arg in sorted(ask.args) if arg not in SECRET_ARGS]
    return fingerprint(name, ask.msisdn, *plain)


def once(desk: Desk, name: str, ask: Ask, effect: Callable[[Connection], Facts | Refused]) -> Facts:
    """Run an effect in one transaction together with its idempotency outcome.

    An effect that raises `Refused` leaves nothing behind but the remembered refusal; one that
    returns a `Refused` commits what it wrote with it (a counted wrong PIN). Whoever repeats the
    key gets the first outcome. Raises Refused.
    """
    digest = request_print(name, ask)
    try:
        return replay(_kept(desk, ask.key, digest, effect))
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None


def _kept(
    desk: Desk, key: str, digest: bytes, effect: Callable[[Connection], Facts | Refused]
) -> Facts:
    """The outcome under a key, of the effect when it is the first. Raises KeyConflict.

    Twins are told apart before the effect and not by comparing outcomes: two effects may have the
    same outcome and still be one SMS too many.
    """
    try:
        with desk.engine.begin() as connection:
            stored = desk.book.recall(SCOPE, key, digest, connection)
            if stored is not None:
                return stored
            outcome = outcome_of(effect(connection))
            return desk.book.remember(SCOPE, key, digest, outcome, connection=connection)
    except Refused as refused:
        return desk.book.remember(SCOPE, key, digest, outcome_of(refused))


def answered(desk: Desk, key: str, digest: bytes) -> Written | None:
    """The entry with which a request was answered before; None when it was not answered.

    For commands that end in an entry or a refusal. Raises Refused: that refusal, or key_conflict.
    """
    try:
        return desk.book.answered(SCOPE, key, digest)
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredOtherwise as stored:
        raise refusal_in(stored.outcome) from None


def outcome_of(result: Facts | Refused) -> Facts:
    """What is stored under a key: the facts, or the refusal with its facts."""
    if isinstance(result, Refused):
        return {"refused": result.code.value, "facts": result.facts}
    return {"facts": result}


def replay(outcome: Mapping[str, Any]) -> Facts:
    """Give a stored outcome again: its facts, or its refusal raised."""
    if "refused" in outcome:
        raise refusal_in(outcome)
    facts: Facts = outcome["facts"]
    return facts


def refusal_in(outcome: Mapping[str, Any]) -> Refused:
    """The refusal that was stored as an outcome."""
    return Refused(RefusalCode(outcome["refused"]), **outcome["facts"])
