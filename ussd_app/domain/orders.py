"""`order`: what somebody does with their PIN where no price has to be shown first, and what the
clock does for them: takings to their own wallet, a payment given back.

Like `accept` it happens once a key, whatever is repeated. Who may order what is the product's
business, which hands in the sides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ussd_app.domain import guards, parties, pins, pricing
from ussd_app.domain.catalogue import PAYEE, PAYER, Type
from ussd_app.domain.desk import (
    SCOPE,
    Ask,
    Desk,
    Facts,
    outcome_of,
    recall,
    replay,
    request_print,
)
from ussd_app.domain.drafting import legs, receipts, tried
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import (
    AboveCeiling,
    AlreadyReversed,
    AnsweredByEntry,
    AnsweredOtherwise,
    BelowFloor,
    Ceiling,
    Draft,
    KeyConflict,
    Usage,
    Written,
)

_ANSWERED = "SELECT EXISTS (SELECT FROM idempotency WHERE scope = %s AND key = %s)"
_ENTRY = """
SELECT (facts->'roles'->>'payer')::bigint, (facts->'price'->>'amount')::bigint
FROM entries WHERE id = %s
"""


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

    @property
    def roles(self) -> dict[str, int]:
        """The account of each role."""
        return {role: side.account_id for role, side in self.sides.items()}


def order(desk: Desk, name: str, ask: Ask, make: Callable[[Party], Order]) -> Facts:
    """Carry out what the caller orders with their PIN, once a key.

    `make` says what that is, or raises Refused. Gives the receipt, the amount and what the
    payer's account holds after it.
    """
    digest = request_print(name, ask)
    with desk.reads.connect() as connection:
        answered = connection.exec_driver_sql(_ANSWERED, (SCOPE, ask.key)).scalar_one()
    if answered:
        stored = recall(desk, ask.key, digest)
        return replay(stored) if stored is not None else _facts(desk, _again(desk, ask, digest))
    try:
        party = parties.known(desk.reads, ask.msisdn)
        _must_consent(desk, name, ask, party)
        ordered = make(party)
        guards.must_be_open(desk, ordered.kind, party)
        return _facts(desk, carry_out(desk, ordered, SCOPE, ask.key, digest))
    except Refused as refused:
        return _refuse(desk, ask, digest, refused)


def carry_out(desk: Desk, order: Order, scope: str, key: str, digest: bytes) -> Written:
    """Write an order down, once a key of a scope. Raises Refused."""
    own = order.sides[PAYER].party.id == order.sides[PAYEE].party.id
    try:
        return tried(desk, _draft(desk, order, scope, key, digest), desk.book.post)
    except BelowFloor:
        raise Refused(order.short) from None
    except AboveCeiling:
        full = RefusalCode.WALLET_FULL if own else RefusalCode.PAYEE_BALANCE_LIMIT
        raise Refused(full) from None
    except AlreadyReversed:
        raise Refused(RefusalCode.ALREADY_REVERSED) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None


def _must_consent(desk: Desk, name: str, ask: Ask, party: Party) -> None:
    """Judge the PIN; a wrong one is counted. Raises Refused."""
    if party.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    if not desk.keyring.pin_matches(party.msisdn, ask.text("pin"), party.pin_verifier):
        pins.count_wrong(desk, name, ask)
    if party.pin_fails or desk.keyring.pin_is_dated(party.pin_verifier):
        with desk.engine.begin() as connection:
            pins.forgive(desk, connection, party, ask.text("pin"))


def _draft(desk: Desk, order: Order, scope: str, key: str, digest: bytes) -> Draft:
    now = desk.clock.now()
    kind, roles = order.kind, order.roles
    sides = {role: {"name": side.name, "number": side.number} for role, side in order.sides.items()}
    told = {role: side.party for role, side in order.sides.items()}
    receipt = desk.ids.receipt(now)
    facts = {"receipt": receipt, "at": now.isoformat(), **order.price, **order.said}
    undoes = order.reverses is not None
    return Draft(
        scope=scope,
        key=key,
        request_hash=digest,
        type=kind.name,
        code=kind.code,
        catalogue=desk.catalogue.digest,
        receipt=receipt,
        happened_at=now,
        legs=() if undoes else tuple(legs(desk, kind, roles, order.price)),
        facts={
            "parties": {role: party.id for role, party in told.items()},
            "roles": roles,
            "price": order.price,
            "said": {**sides, **order.said},
        },
        outbox=tuple(receipts(kind.receipts, facts, sides, roles, told)),
        usages=order.gives_back,
        ceilings=() if undoes else _ceilings(desk, order),
        reverses=order.reverses,
    )


def _ceilings(desk: Desk, order: Order) -> tuple[Ceiling, ...]:
    payee = order.sides[PAYEE]
    most = pricing.ceiling(desk, order.kind, payee.party)
    return () if most is None else (Ceiling(payee.account_id, most),)


def _refuse(desk: Desk, ask: Ask, digest: bytes, refused: Refused) -> Facts:
    """Remember a refusal, unless a twin was answered meanwhile: then give its answer."""
    try:
        return replay(desk.book.remember(SCOPE, ask.key, digest, outcome_of(refused)))
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredByEntry:
        return _facts(desk, _again(desk, ask, digest))


def _again(desk: Desk, ask: Ask, digest: bytes) -> Written:
    """What was written under a key that an entry has answered; the key is all that counts."""
    nothing = Draft(SCOPE, ask.key, digest, "", 0, "", "", desk.clock.now())
    try:
        return desk.book.post(nothing)
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredOtherwise as answered:
        return replay(answered.outcome)  # type: ignore[return-value]


def _facts(desk: Desk, written: Written) -> Facts:
    with desk.reads.connect() as connection:
        account, amount = connection.exec_driver_sql(_ENTRY, (written.entry_id,)).one()
    balance = written.balances.get(account)
    if balance is None:
        balance = desk.book.balances([account])[account].total
    return {"receipt": written.receipt, "amount": amount, "balance": balance}
