"""Value that comes in from the world, and what staff do with the house's own accounts.

One entry of a type that no customer starts, once a key, with its receipts. Who may order it, and
what it was for, is the product's business.
"""

from collections.abc import Mapping

from ussd_app.domain.catalogue import AMOUNT, PAYEE
from ussd_app.domain.desk import Desk
from ussd_app.domain.drafting import legs, receipts, tried
from ussd_app.domain.pricing import ceiling
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import AboveCeiling, BelowFloor, Ceiling, Draft, KeyConflict

SYSTEM = "system"

_ENTERED = """
SELECT e.type FROM idempotency i JOIN entries e ON e.id = i.entry_id
 WHERE i.scope = %s AND i.key = %s
"""


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
    kind = desk.catalogue.types[kind_name]
    now = desk.clock.now()
    price = {AMOUNT: amount_minor}
    sides = {PAYEE: payee} if payee else {}
    roles = {role: side.account_id for role, side in sides.items()}
    names = {role: {"name": side.name, "number": side.number} for role, side in sides.items()}
    told = {role: side.party for role, side in sides.items()}
    receipt = desk.ids.receipt(now)
    facts = {"receipt": receipt, "at": now.isoformat(), **price, **(said or {})}
    most = ceiling(desk, kind, payee.party) if payee else None
    draft = Draft(
        scope=SYSTEM,
        key=key,
        request_hash=digest,
        type=kind.name,
        code=kind.code,
        catalogue=desk.catalogue.digest,
        receipt=receipt,
        happened_at=now,
        legs=tuple(legs(desk, kind, roles, price)),
        facts={
            "parties": {role: party.id for role, party in told.items()},
            "roles": roles,
            "price": price,
            "said": {**names, **(said or {})},
        },
        outbox=tuple(receipts(kind.receipts, facts, names, roles, told)),
        ceilings=() if payee is None or most is None else (Ceiling(payee.account_id, most),),
    )
    try:
        return tried(desk, draft, desk.book.post).receipt
    except AboveCeiling:
        raise Refused(RefusalCode.PAYEE_BALANCE_LIMIT) from None
    except BelowFloor:
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None


def entered_as(desk: Desk, key: str) -> str | None:
    """The type of the entry that was written under a key; None when none was."""
    with desk.reads.connect() as connection:
        return connection.exec_driver_sql(_ENTERED, (SYSTEM, key)).scalar_one_or_none()
