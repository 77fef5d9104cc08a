"""`accept`, `apply` and `issue`: the commands by which money begins to move.

One read, one PIN check, one write: the write carries the legs, the limits, the receipts and the
idempotency outcome, and commits them together. A type with a hold only promises here; `promises`
says what became of it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ussd_app.domain import gates, guards, limits, parties, pins, pricing
from ussd_app.domain import roles as roles_of
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER, Type
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
from ussd_app.domain.drafting import legs, receipts, tried, usages
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price, ceiling, outgo
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import (
    AboveCeiling,
    AnsweredByEntry,
    AnsweredOtherwise,
    BelowFloor,
    Ceiling,
    Draft,
    KeyConflict,
    LimitPassed,
    NewHold,
    OutboxRow,
    Written,
)
from ussd_app.ledger.prepared import Prepared

_OFFER = Prepared(
    "kabambe_offer",
    f"""
SELECT q.type, q.roles, q.price, q.facts, q.catalogue, q.expires_at,
       NOT EXISTS (SELECT FROM agreements a
                    WHERE a.id = ANY (q.agreements) AND a.state <> 'active'),
       EXISTS (SELECT FROM idempotency i WHERE i.scope = $1 AND i.key = $2),
       {", ".join(f"p.{column}" for column in parties.COLUMNS)},
       {", ".join(f"r.{column}" for column in parties.COLUMNS)}
FROM quotes q
JOIN parties p ON p.id = q.payer_id
LEFT JOIN parties r ON r.id = q.payee_id
WHERE q.id = $3
""",  # noqa: S608 - our own columns
    3,
)


SYSTEM = "system"
"""The scope of keys that no hop made."""

SCHEDULE = "schedule"

_FACTS, _WIDTH = 8, len(parties.COLUMNS)


class _Offer(NamedTuple):
    """A quote with its two sides, and whether this very request was answered before.

    `roles` are the accounts, `facts` what receipts say of the sides; `in_force` says that every
    agreement that takes part still is.
    """

    payer: Party
    payee: Party | None
    quote_id: str | None
    kind: Type
    roles: Mapping[str, int]
    price: Price
    facts: Mapping[str, Any]
    catalogue: str
    expires_at: datetime
    in_force: bool
    answered: bool

    @property
    def parties(self) -> Mapping[str, Party]:
        """Who can be told of it, by role."""
        return {PAYER: self.payer} | ({PAYEE: self.payee} if self.payee else {})


def accept(desk: Desk, ask: Ask) -> Facts:
    """Do what was quoted, once: the PIN is the payer's consent.

    Gives the receipt and the payer's balance after. Whoever repeats the key, or accepts the same
    quote again, gets the first outcome.
    """
    digest = request_print("accept_quote", ask)
    offer = _offer(desk, ask)
    if offer is None or offer.answered:
        stored = recall(desk, ask.key, digest)
        if stored is not None:
            return replay(stored)
    try:
        if offer is None:
            raise Refused(RefusalCode.QUOTE_EXPIRED)
        if not offer.answered:
            _judge(desk, ask, offer)
        return _settle(desk, offer, SCOPE, ask.key, digest)
    except Refused as refused:
        return _refuse(desk, ask, digest, refused)


def _refuse(desk: Desk, ask: Ask, digest: bytes, refused: Refused) -> Facts:
    """Remember a refusal, unless a twin was answered meanwhile: then give its answer."""
    try:
        return replay(desk.book.remember(SCOPE, ask.key, digest, outcome_of(refused)))
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredByEntry:
        now = desk.clock.now()
        nothing = Draft(SCOPE, ask.key, digest, "", 0, "", "", now)  # the key is all that counts
        written = _post(desk, nothing)
        return _facts(desk, written, _payer_account(desk, written.entry_id))


def _facts(desk: Desk, written: Written, account_id: int) -> Facts:
    """The receipt and what the payer's account holds after it: a hot account's, at this moment."""
    balance = written.balances.get(account_id)
    if balance is None:
        balance = desk.book.balances([account_id])[account_id].total
    return {"receipt": written.receipt, "balance": balance}


def _payer_account(desk: Desk, entry_id: int) -> int:
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT (facts->'roles'->>%s)::bigint FROM entries WHERE id = %s", (PAYER, entry_id)
        )
        return int(found.scalar_one())


def _offer(desk: Desk, ask: Ask) -> _Offer | None:
    """Everything that accepting needs to know, in one round trip."""
    row = _OFFER.read(desk.reads, (SCOPE, ask.key, ask.text("quote")))
    if row is None:
        return None
    kind = desk.catalogue.types[row[0]]
    payer, payee = row[_FACTS : _FACTS + _WIDTH], row[_FACTS + _WIDTH :]
    there = payee[0] is not None
    return _Offer(
        Party(*payer), Party(*payee) if there else None, ask.text("quote"), kind, *row[1:_FACTS]
    )


def _judge(desk: Desk, ask: Ask, offer: _Offer) -> None:
    """Everything that can be refused before the ledger is asked, in order of precedence."""
    payer = offer.payer
    if payer.msisdn != ask.msisdn:
        raise Refused(RefusalCode.QUOTE_EXPIRED)
    payer.must_be_active()
    if payer.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    if not desk.keyring.pin_matches(payer.msisdn, ask.text("pin"), payer.pin_verifier):
        pins.count_wrong(desk, "accept_quote", ask)
    if payer.pin_fails or desk.keyring.pin_is_dated(payer.pin_verifier):
        with desk.engine.begin() as connection:
            pins.forgive(desk, connection, payer, ask.text("pin"))
    if offer.payee is not None:
        offer.payee.must_be_active(RefusalCode.PAYEE_FROZEN)
    if not offer.in_force:
        raise Refused(RefusalCode.PAYEE_FROZEN)
    if offer.expires_at <= desk.clock.now():
        raise Refused(RefusalCode.QUOTE_EXPIRED)


def _settle(desk: Desk, offer: _Offer, scope: str, key: str, digest: bytes) -> Facts:
    """Hand the ledger one draft. Its refusals become ours."""
    draft = _draft(desk, offer, scope, key, digest)
    try:
        written = _post(desk, draft)
    except (BelowFloor, AboveCeiling) as short:
        raise _bound_refusal(desk, offer, short) from None
    except LimitPassed as passed:
        raise limits.passed(desk, offer.payer, passed) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredOtherwise as answered:
        return replay(answered.outcome)
    return _facts(desk, written, offer.roles[PAYER])


def _bound_refusal(desk: Desk, offer: _Offer, passed: BelowFloor | AboveCeiling) -> Refused:
    """Whose bound was passed: the house's, or that of one of the sides."""
    if passed.account_id in desk.house.values():
        return Refused(RefusalCode.NO_INVENTORY)
    if isinstance(passed, BelowFloor):
        return Refused(RefusalCode.INSUFFICIENT_FUNDS)
    own = offer.payee is not None and offer.payee.id == offer.payer.id
    return Refused(RefusalCode.WALLET_FULL if own else RefusalCode.PAYEE_BALANCE_LIMIT)


def _post(desk: Desk, draft: Draft) -> Written:
    with gates.writing(desk, draft):
        return tried(desk, draft, desk.book.post)


def _draft(desk: Desk, offer: _Offer, scope: str, key: str, digest: bytes) -> Draft:
    """What accepting an offer writes: its legs, or the hold that stands for them for now."""
    now = desk.clock.now()
    kind, price = offer.kind, offer.price
    receipt = desk.ids.receipt(now)
    facts = {"receipt": receipt, "at": now.isoformat(), **price}
    told = facts | {key: value for key, value in offer.facts.items() if key not in offer.roles}
    promise = kind.promise
    hold = None
    if promise is None:
        moved = tuple(legs(desk, kind, offer.roles, price))
        outbox = tuple(receipts(kind.receipts, told, offer.facts, offer.roles, offer.parties))
    else:
        moved = ()
        until = now + timedelta(seconds=promise.ttl_s)
        hold = NewHold(offer.roles[PAYER], outgo(kind, price), until)
        waits = {PAYER: promise.waits} if promise.waits else {}
        asks = OutboxRow(promise.via, offer.payer.msisdn, kind.name, offer.payer.language, told)
        outbox = (asks, *receipts(waits, told, offer.facts, offer.roles, offer.parties))
    return Draft(
        scope=scope,
        key=key,
        request_hash=digest,
        type=kind.name,
        code=kind.code,
        catalogue=offer.catalogue,
        receipt=receipt,
        happened_at=now,
        legs=moved,
        facts={
            "parties": {role: party.id for role, party in offer.parties.items()},
            "roles": offer.roles,
            "price": price,
            "said": offer.facts,
        },
        outbox=outbox,
        usages=usages(desk, kind, offer.payer, price, now),
        ceilings=_ceilings(desk, offer),
        quote=offer.quote_id,
        hold=hold,
    )


def _ceilings(desk: Desk, offer: _Offer) -> tuple[Ceiling, ...]:
    """The most that the payee may hold, and the house where its chart bounds what it takes."""
    houses = tuple(house_ceilings(desk, offer.kind))
    most = ceiling(desk, offer.kind, offer.payee) if offer.payee else None
    return houses if most is None else (*houses, Ceiling(offer.roles[PAYEE], most))


def house_ceilings(desk: Desk, kind: Type) -> Iterator[Ceiling]:
    """What the house's own accounts may hold at most after an entry of a type."""
    for name in {leg.target for leg in kind.legs if leg.target in desk.house}:
        most = desk.catalogue.accounts[name.partition("/")[0]].most_minor
        if most is not None:
            yield Ceiling(desk.house[name], most)


def enter(desk: Desk, kind_name: str, price: Price, key: str) -> str:
    """Write what moves among the house's own accounts, once a key. Returns the receipt number.

    For types without a payer or a payee (`parties: {}`). The request is its whole: how that is
    divided may differ at a second try. Raises LedgerRefusal.
    """
    kind = desk.catalogue.types[kind_name]
    now = desk.clock.now()
    draft = Draft(
        scope=SYSTEM,
        key=key,
        request_hash=fingerprint(kind_name, sum(price.values())),
        type=kind.name,
        code=kind.code,
        catalogue=desk.catalogue.digest,
        receipt=desk.ids.receipt(now),
        happened_at=now,
        legs=tuple(legs(desk, kind, {}, price)),
        facts={"parties": {}, "roles": {}, "price": price},
        ceilings=tuple(house_ceilings(desk, kind)),
    )
    return _post(desk, draft).receipt


def apply(
    desk: Desk, kind_name: str, sides: Mapping[str, Side], amount_minor: int, key: str
) -> str:
    """Do what a payer agreed to once and for all, by its terms: no PIN, no quote, once a key.

    For types that a schedule starts (`starts: schedule`); priced, limited and drafted like what is
    accepted. Returns the receipt number. Raises Refused, which is not remembered: the same key may
    be tried again.
    """
    kind = desk.catalogue.types[kind_name]
    assert kind.starts == SCHEDULE, "whoever pays by this type is asked for a PIN"
    receipt = _receipt_of(desk, key)
    if receipt is not None:
        return receipt
    payer, payee = sides[PAYER].party, sides[PAYEE].party if PAYEE in sides else None
    payer.must_be_active()
    if payee is not None:
        payee.must_be_active(RefusalCode.PAYEE_FROZEN)
    guards.must_be_open(desk, kind, payer)
    price = pricing.priced(desk, kind, sides, amount_minor).price
    roles = {role: side.account_id for role, side in sides.items()}
    offer = _Offer(
        *(payer, payee, None, kind, roles, price, pricing.names(sides)),
        *(desk.catalogue.digest, desk.clock.now(), True, False),
    )
    digest = fingerprint(kind_name, *sorted(roles.items()), amount_minor)
    return str(_settle(desk, offer, SYSTEM, key, digest)["receipt"])


def _receipt_of(desk: Desk, key: str) -> str | None:
    """The receipt of the entry with which a key was answered."""
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT e.receipt FROM idempotency i JOIN entries e ON e.id = i.entry_id"
            " WHERE i.scope = %s AND i.key = %s",
            (SYSTEM, key),
        )
        return found.scalar_one_or_none()


def issue(desk: Desk, kind_name: str, payee: Side, amount_minor: int, key: str) -> str:
    """Give somebody e-value, once a key: against money in trust, or what the house owes them.

    Returns the receipt number. For types that the system starts (`starts: system`); no fee, no
    limit but the balance's. Raises LedgerRefusal.
    """
    kind = desk.catalogue.types[kind_name]
    now = desk.clock.now()
    price = {AMOUNT: amount_minor}
    sides = roles_of.with_derived(desk, kind, {PAYEE: payee})
    roles = {role: side.account_id for role, side in sides.items()}
    most = ceiling(desk, kind, payee.party)
    receipt = desk.ids.receipt(now)
    told = {"receipt": receipt, "at": now.isoformat(), **price}
    names = {PAYEE: {"name": payee.name, "number": payee.number}}
    draft = Draft(
        scope=SYSTEM,
        key=key,
        request_hash=fingerprint(kind_name, payee.account_id, amount_minor),
        type=kind.name,
        code=kind.code,
        catalogue=desk.catalogue.digest,
        receipt=receipt,
        happened_at=now,
        legs=tuple(legs(desk, kind, roles, price)),
        facts={"parties": {PAYEE: payee.party.id}, "roles": roles, "price": price},
        outbox=tuple(receipts(kind.receipts, told, names, roles, {PAYEE: payee.party})),
        ceilings=() if most is None else (Ceiling(payee.account_id, most),),
    )
    return _post(desk, draft).receipt
