"""`accept`, `issue` and `reverse`: the commands that move money. Nobody else drafts an entry.

One read, one PIN check, one write: the write carries the legs, the limits, the receipts and the
idempotency outcome, and commits them together.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from ussd_app.domain import parties, pins
from ussd_app.domain.catalogue import Type
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
from ussd_app.domain.house import EVALUE, HOUSE
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import SENT, Price
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import (
    AboveCeiling,
    AnsweredByEntry,
    AnsweredOtherwise,
    BelowFloor,
    Ceiling,
    Draft,
    KeyConflict,
    Leg,
    LimitPassed,
    OutboxRow,
    ReceiptTaken,
    Usage,
    Written,
)
from ussd_app.ledger.prepared import Prepared

DAILY = "daily"
RECEIPT_TRIES = 5

_OFFER = Prepared(
    "kabambe_offer",
    f"""
SELECT q.id, q.type, q.amount, q.fee, q.excise, q.catalogue, q.expires_at,
       {", ".join(f"p.{column}" for column in parties.COLUMNS)},
       {", ".join(f"r.{column}" for column in parties.COLUMNS)},
       EXISTS (SELECT FROM idempotency i WHERE i.scope = $1 AND i.key = $2)
FROM quotes q
JOIN parties p ON p.id = q.payer_id
JOIN parties r ON r.id = q.payee_id
WHERE q.id = $3
""",  # noqa: S608 - our own columns
    3,
)


class _Offer(NamedTuple):
    """A quote with its two sides, and whether this very request was answered before."""

    quote_id: str
    kind: Type
    price: Price
    catalogue: str
    expires_at: datetime
    payer: Party
    payee: Party
    answered: bool


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
        return _settle(desk, offer, ask.key, digest)
    except Refused as refused:
        return _refuse(desk, ask, digest, refused)


def _refuse(desk: Desk, ask: Ask, digest: bytes, refused: Refused) -> Facts:
    """Remember a refusal, unless a twin was answered meanwhile: then give its answer."""
    try:
        return replay(desk.book.remember(SCOPE, ask.key, digest, outcome_of(refused)))
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredByEntry:
        payer = parties.find(desk.reads, ask.msisdn)
        assert payer is not None
        now = desk.clock.now()
        nothing = Draft(SCOPE, ask.key, digest, "", 0, "", "", now)  # the key is all that counts
        return _facts(_post(desk, nothing), payer)


def _facts(written: Written, payer: Party) -> Facts:
    return {"receipt": written.receipt, "balance": written.balances[payer.wallet_id]}


def _offer(desk: Desk, ask: Ask) -> _Offer | None:
    """Everything that accepting needs to know, in one round trip."""
    row = _OFFER.read(desk.reads, (SCOPE, ask.key, ask.text("quote")))
    if row is None:
        return None
    width = len(parties.COLUMNS)
    quote_id, kind, amount, fee, excise, catalogue, expires_at = row[:7]
    return _Offer(
        quote_id,
        desk.catalogue.types[kind],
        Price(amount, fee, excise),
        catalogue,
        expires_at,
        Party(*row[7 : 7 + width]),
        Party(*row[7 + width : 7 + 2 * width]),
        row[-1],
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
    offer.payee.must_be_active(RefusalCode.PAYEE_FROZEN)
    if offer.expires_at <= desk.clock.now():
        raise Refused(RefusalCode.QUOTE_EXPIRED)


def _settle(desk: Desk, offer: _Offer, key: str, digest: bytes) -> Facts:
    """Hand the ledger one draft. Its refusals become ours."""
    draft = _draft(desk, offer, key, digest)
    try:
        written = _post(desk, draft)
    except BelowFloor:
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS) from None
    except AboveCeiling:
        raise Refused(RefusalCode.PAYEE_BALANCE_LIMIT) from None
    except LimitPassed as passed:
        raise _limit_refusal(desk, offer.payer, passed) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredOtherwise as answered:
        return replay(answered.outcome)
    return _facts(written, offer.payer)


def _limit_refusal(desk: Desk, payer: Party, passed: LimitPassed) -> Refused:
    tier = desk.catalogue.tiers[payer.tier]
    if passed.by == "count":
        return Refused(RefusalCode.DAILY_COUNT, most=tier.daily_count)
    return Refused(RefusalCode.DAILY_LIMIT, left=max(0, tier.daily_value_minor - passed.used))


def _post(desk: Desk, draft: Draft) -> Written:
    """Post a draft; a receipt number that somebody has already is drawn anew."""
    for _ in range(RECEIPT_TRIES):
        try:
            return desk.book.post(draft)
        except ReceiptTaken:
            draft = draft.with_receipt(desk.ids.receipt(draft.happened_at))
    return desk.book.post(draft)


def _draft(desk: Desk, offer: _Offer, key: str, digest: bytes) -> Draft:
    now = desk.clock.now()
    kind, price, payer, payee = offer.kind, offer.price, offer.payer, offer.payee
    receipt = desk.ids.receipt(now)
    return Draft(
        scope=SCOPE,
        key=key,
        request_hash=digest,
        type=kind.name,
        code=kind.code,
        catalogue=offer.catalogue,
        receipt=receipt,
        happened_at=now,
        legs=tuple(legs(desk, kind, {"payer": payer.wallet_id, "payee": payee.wallet_id}, price)),
        facts={"payer": payer.id, "payee": payee.id, "amount": price.amount, "fee": price.fee},
        outbox=tuple(_receipts(kind, price, receipt, now, payer, payee)),
        usages=_usages(desk, kind, payer, price, now),
        ceilings=(Ceiling(payee.wallet_id, desk.catalogue.tiers[payee.tier].balance_minor),),
        quote=offer.quote_id,
    )


def _usages(desk: Desk, kind: Type, payer: Party, price: Price, now: datetime) -> tuple[Usage, ...]:
    if kind.limits != DAILY:
        return ()
    tier = desk.catalogue.tiers[payer.tier]
    day = business_day(now)
    return (
        Usage(payer.owner, SENT, day, price.amount, 1, tier.daily_value_minor, tier.daily_count),
    )


def legs(desk: Desk, kind: Type, roles: Mapping[str, int], price: Price) -> Iterator[Leg]:
    """A type's sentences as legs between accounts; what moves nothing is left out.

    A leg with a meaning gets its mirror in the house's own book.
    """
    for sentence in kind.legs:
        amount: int = getattr(price, sentence.quantity)
        if not amount:
            continue
        source, target = (
            _account(desk, roles, sentence.source),
            _account(desk, roles, sentence.target),
        )
        yield Leg(source, target, amount)
        if sentence.meaning is not None:
            meaning = desk.house[sentence.meaning]
            ends = (desk.house[EVALUE], meaning)
            yield Leg(*(ends if sentence.target == "house" else ends[::-1]), amount)


def _account(desk: Desk, roles: Mapping[str, int], name: str) -> int:
    return desk.house[HOUSE if name == "house" else name] if name not in roles else roles[name]


def _receipts(
    kind: Type, price: Price, receipt: str, now: datetime, payer: Party, payee: Party
) -> Iterator[OutboxRow]:
    """The receipt of each side, naming the other."""
    sides = {"payer": (payer, payee), "payee": (payee, payer)}
    for role, template in kind.receipts.items():
        mine, other = sides[role]
        yield OutboxRow(
            kind="sms",
            address=mine.msisdn,
            template=template,
            language=mine.language,
            facts={
                "receipt": receipt,
                "amount": price.amount,
                "fee": price.fee,
                "name": other.name,
                "msisdn": other.msisdn,
                "at": now.isoformat(),
            },
            balance_of=mine.wallet_id,
        )


def issue(desk: Desk, kind_name: str, payee: Party, amount_minor: int, key: str) -> str:
    """Put e-value into a wallet against money in trust, once a key. Returns the receipt number.

    For types that the system starts (`starts: system`); no fee, no limit but the balance's.
    """
    kind = desk.catalogue.types[kind_name]
    now = desk.clock.now()
    receipt = desk.ids.receipt(now)
    price = Price(amount_minor, 0, 0)
    draft = Draft(
        scope="system",
        key=key,
        request_hash=fingerprint(kind_name, payee.id, amount_minor),
        type=kind.name,
        code=kind.code,
        catalogue=desk.catalogue.digest,
        receipt=receipt,
        happened_at=now,
        legs=tuple(legs(desk, kind, {"payee": payee.wallet_id}, price)),
        facts={"payee": payee.id, "amount": amount_minor},
        ceilings=(Ceiling(payee.wallet_id, desk.catalogue.tiers[payee.tier].balance_minor),),
    )
    return _post(desk, draft).receipt
