"""What is written without anybody being asked for a PIN or a price: value that comes in from the
world, what the house gives, and what staff do with its own accounts.

One entry of a type that no customer starts, once a key, with its receipts. Who may order it, and
what it was for, is the product's business.
"""

from collections.abc import Mapping
from dataclasses import replace

from ussd_app.domain import roles
from ussd_app.domain.catalogue import AMOUNT, PAYEE
from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.drafting import between, ceilings, done, entered, head
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.pricing import Price
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import AboveCeiling, BelowFloor, KeyConflict


def enter(
    desk: Desk,
    kind_name: str,
    amount_minor: int,
    key: str,
    digest: bytes,
    *,
    payee: Side | None = None,
    said: Mapping[str, object] | None = None,
) -> str:
    """Write the entry; whoever repeats the key gets the first one's receipt number.

    `said` are further facts for its receipts. Raises Refused(payee_balance_limit |
    insufficient_funds | key_conflict).
    """
    try:
        return write(desk, kind_name, {AMOUNT: amount_minor}, key, digest, payee=payee, said=said)
    except AboveCeiling:
        raise Refused(RefusalCode.PAYEE_BALANCE_LIMIT) from None
    except BelowFloor:
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None


def write(
    desk: Desk,
    kind_name: str,
    price: Price,
    key: str,
    digest: bytes | None = None,
    *,
    payee: Side | None = None,
    said: Mapping[str, object] | None = None,
) -> str:
    """The same, at a price of several quantities, for whoever answers the ledger's own refusals.

    Without a `digest` the request is who gets how much in all: how that is divided may differ at a
    second try. Raises LedgerRefusal.
    """
    kind = desk.catalogue.types[kind_name]
    whom = (payee.account_id,) if payee else ()
    digest = digest or fingerprint(kind_name, *whom, sum(price.values()))
    sides = roles.with_derived(desk, kind, {PAYEE: payee} if payee else {})
    move = between(desk, kind, sides, price, said)
    draft = head(desk, move, SYSTEM, key, digest)
    return done(desk, move, replace(draft, ceilings=ceilings(desk, move))).receipt


def must_be_the_same(desk: Desk, key: str, digest: bytes) -> None:
    """Raises Refused(key_conflict) when what was written under a key was another request."""
    try:
        desk.book.answered(SYSTEM, key, digest)
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None


def entered_as(desk: Desk, key: str) -> str | None:
    """The type of the entry that was written under a key; None when none was."""
    before = entered(desk, key)
    return before.type if before else None
