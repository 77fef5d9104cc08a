"""What every command done with a PIN has in common: the PIN judged, a refusal remembered, twins
answered alike, and what the payer is told afterwards.

Knows neither what is paid nor how its entry is made.
"""

from collections.abc import Callable
from typing import NamedTuple

from ussd_app.domain import pins
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import SCOPE, Ask, Desk, answered, outcome_of, refusal_in
from ussd_app.domain.drafting import Move
from ussd_app.domain.parties import Party
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import AnsweredByEntry, KeyConflict, Written

_PAID = """
SELECT (facts->'roles'->>'payer')::bigint, (facts->'price'->>'amount')::bigint
FROM entries WHERE id = %s
"""


class Paid(NamedTuple):
    """What an entry took, and from which account."""

    account_id: int
    amount_minor: int


def must_match(desk: Desk, name: str, ask: Ask, party: Party) -> None:
    """Judge the PIN; a wrong one is counted. Raises Refused."""
    if party.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    if not desk.keyring.pin_matches(party.msisdn, ask.text("pin"), party.pin_verifier):
        pins.count_wrong(desk, name, ask)
    if party.pin_fails or desk.keyring.pin_is_dated(party.pin_verifier):
        with desk.engine.begin() as connection:
            pins.forgive(desk, connection, party, ask.text("pin"))


def remembered(desk: Desk, ask: Ask, digest: bytes, act: Callable[[], Written]) -> Written:
    """Do what is asked for; a refusal is remembered under its key.

    Unless a twin was answered by an entry meanwhile: that is the answer then. Raises Refused.
    """
    try:
        return act()
    except Refused as refused:
        try:
            outcome = desk.book.remember(SCOPE, ask.key, digest, outcome_of(refused))
        except KeyConflict:
            raise Refused(RefusalCode.KEY_CONFLICT) from None
        except AnsweredByEntry:
            twins = answered(desk, ask.key, digest)
            assert twins is not None
            return twins
        raise refusal_in(outcome) from None


def too_full(move: Move) -> Refused:
    """The payee's account may not hold that much: the payer's own, or somebody else's."""
    payee = move.parties.get(PAYEE)
    own = payee is not None and payee.id == move.parties[PAYER].id
    return Refused(RefusalCode.WALLET_FULL if own else RefusalCode.PAYEE_BALANCE_LIMIT)


def paid(desk: Desk, written: Written) -> Paid:
    """What an entry took from its payer."""
    with desk.reads.connect() as connection:
        return Paid(*connection.exec_driver_sql(_PAID, (written.entry_id,)).one())


def balance_after(desk: Desk, written: Written, account_id: int) -> int:
    """What an account held after an entry, in minor units: a hot one, at this moment."""
    balance = written.balances.get(account_id)
    return desk.book.balances([account_id])[account_id].total if balance is None else balance
