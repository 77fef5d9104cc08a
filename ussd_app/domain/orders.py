"""`order`: what somebody does with their PIN where no price has to be shown first, and what the
clock does for them: takings to their own wallet, a payment given back.

Like `accept` it happens once a key, whatever is repeated. Who may order what is the product's
business, which hands in the sides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ussd_app.domain import consent, guards, parties
from ussd_app.domain.catalogue import Type
from ussd_app.domain.desk import SCOPE, Ask, Desk, Facts, answered, request_print
from ussd_app.domain.drafting import between, ceilings, done, head, promised, receipts, undone
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import (
    AboveCeiling,
    AlreadyReversed,
    BelowFloor,
    KeyConflict,
    Usage,
    Written,
)


@dataclass(frozen=True)
class Order:
    """One use of a type between sides that are known.

    `said` are further facts for its receipts. An order that `reverses` an entry moves that entry's
    legs back, all of them; `gives_back` is what was used up of limits by it. `short` is said when
    the payer's account holds less.
    """

    kind: Type
    sides: Mapping[str, Side]
    price: Price
    said: Mapping[str, object] = field(default_factory=dict)
    reverses: int | None = None
    short: RefusalCode = RefusalCode.INSUFFICIENT_FUNDS
    gives_back: tuple[Usage, ...] = ()


def order(desk: Desk, name: str, ask: Ask, make: Callable[[Party], Order]) -> Facts:
    """Carry out what the caller orders with their PIN, once a key.

    `make` says what that is, or raises Refused. Gives the receipt, the amount and what the
    payer's account holds after it.
    """
    digest = request_print(name, ask)

    def act() -> Written:
        party = parties.known(desk.reads, ask.msisdn)
        consent.must_match(desk, name, ask, party)
        ordered = make(party)
        guards.must_be_open(desk, ordered.kind, party)
        return carry_out(desk, ordered, SCOPE, ask.key, digest)

    before = answered(desk, ask.key, digest)
    written = before or consent.remembered(desk, ask, digest, act)
    paid = consent.paid(desk, written)
    balance = consent.balance_after(desk, written, paid.account_id)
    return {"receipt": written.receipt, "amount": paid.amount_minor, "balance": balance}


def carry_out(desk: Desk, order: Order, scope: str, key: str, digest: bytes) -> Written:
    """Write an order down, once a key of a scope: what a type with a hold does is asked for first.

    Raises Refused.
    """
    move = between(desk, order.kind, order.sides, order.price, order.said)
    draft = replace(head(desk, move, scope, key, digest), usages=order.gives_back)
    try:
        if order.kind.promise is not None:
            return promised(desk, move, draft)
        if order.reverses is None:
            return done(desk, move, replace(draft, ceilings=ceilings(desk, move)))
        outbox = tuple(receipts(move, draft, order.kind.receipts))
        return undone(desk, replace(draft, outbox=outbox), order.reverses)
    except BelowFloor:
        raise Refused(order.short) from None
    except AboveCeiling:
        raise consent.too_full(move) from None
    except AlreadyReversed:
        raise Refused(RefusalCode.ALREADY_REVERSED) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
