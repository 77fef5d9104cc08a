"""`accept` and `apply`: the commands by which a payer's money begins to move.

One read, one PIN check, one write: the write carries the legs, the limits, the receipts and the
idempotency outcome, and commits them together. A type with a hold only promises here; `promises`
says what became of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from ussd_app.domain import consent, guards, limits, parties, pricing
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import (
    SCOPE,
    SYSTEM,
    Ask,
    Desk,
    Facts,
    answered,
    refusal_in,
    request_print,
)
from ussd_app.domain.drafting import (
    Move,
    between,
    ceilings,
    done,
    entered,
    head,
    promised,
    usages,
)
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.book import (
    AboveCeiling,
    AnsweredOtherwise,
    BelowFloor,
    KeyConflict,
    LimitPassed,
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
       ({guards.CLOSED.format(now="$4", type="q.type")}),
       {", ".join(f"p.{column}" for column in parties.COLUMNS)},
       {", ".join(f"r.{column}" for column in parties.COLUMNS)}
FROM quotes q
JOIN parties p ON p.id = q.payer_id
LEFT JOIN parties r ON r.id = q.payee_id
WHERE q.id = $3
""",  # noqa: S608 - our own columns
    4,
)


SCHEDULE = "schedule"

_FACTS, _WIDTH = 9, len(parties.COLUMNS)


class _Offer(NamedTuple):
    """A quote with its two sides, and whether this very request was answered before.

    `in_force` says that every agreement that takes part still is; `closed_until` is the end of a
    window of maintenance, which may have begun after the price was told.
    """

    move: Move
    quote_id: str
    expires_at: datetime
    in_force: bool
    answered: bool
    closed_until: datetime | None


def accept(desk: Desk, ask: Ask) -> Facts:
    """Do what was quoted, once: the PIN is the payer's consent.

    Gives the receipt and the payer's balance after. Whoever repeats the key, or accepts the same
    quote again, gets the first outcome.
    """
    digest = request_print("accept_quote", ask)
    offer = _offer(desk, ask)

    def act() -> Written:
        if offer is None:
            raise Refused(RefusalCode.QUOTE_EXPIRED)
        _judge(desk, ask, offer)
        return _settle(desk, offer.move, SCOPE, ask.key, digest, offer.quote_id)

    before = answered(desk, ask.key, digest) if offer is None or offer.answered else None
    written = before or consent.remembered(desk, ask, digest, act)
    payer = offer.move.roles[PAYER] if offer else consent.paid(desk, written).account_id
    return {
        "receipt": written.receipt,
        "balance": consent.balance_after(desk, written, payer),
    }


def _offer(desk: Desk, ask: Ask) -> _Offer | None:
    """Everything that accepting needs to know, in one round trip."""
    quote_id = ask.text("quote")
    row = _OFFER.read(desk.reads, (SCOPE, ask.key, quote_id, desk.clock.now()))
    if row is None:
        return None
    type_, roles, price, said, catalogue, *rest = row[:_FACTS]
    told = {PAYER: Party(*row[_FACTS : _FACTS + _WIDTH])}
    payee = row[_FACTS + _WIDTH :]
    if payee[0] is not None:
        told[PAYEE] = Party(*payee)
    move = Move(desk.catalogue.types[type_], roles, told, price, said, catalogue)
    return _Offer(move, quote_id, *rest)


def _judge(desk: Desk, ask: Ask, offer: _Offer) -> None:
    """Everything that can be refused before the ledger is asked, in order of precedence."""
    payer, payee = offer.move.parties[PAYER], offer.move.parties.get(PAYEE)
    if payer.msisdn != ask.msisdn:
        raise Refused(RefusalCode.QUOTE_EXPIRED)
    payer.must_be_active()
    consent.must_match(desk, "accept_quote", ask, payer)
    guards.must_not_be_closed(offer.closed_until)
    if payee is not None:
        payee.must_be_active(RefusalCode.PAYEE_FROZEN)
    if not offer.in_force:
        raise Refused(RefusalCode.PAYEE_FROZEN)
    if offer.expires_at <= desk.clock.now():
        raise Refused(RefusalCode.QUOTE_EXPIRED)


def _settle(
    desk: Desk, move: Move, scope: str, key: str, digest: bytes, quote: str | None = None
) -> Written:
    """Hand the ledger one draft. Its refusals become ours."""
    payer = move.parties[PAYER]
    draft = head(desk, move, scope, key, digest)
    draft = replace(
        draft,
        usages=usages(desk, move.kind, payer, move.price, draft.happened_at),
        ceilings=ceilings(desk, move),
        quote=quote,
    )
    try:
        return done(desk, move, draft) if move.kind.promise is None else promised(desk, move, draft)
    except (BelowFloor, AboveCeiling) as short:
        raise _bound_refusal(desk, move, short) from None
    except LimitPassed as passed:
        raise limits.passed(desk, payer, passed) from None
    except KeyConflict:
        raise Refused(RefusalCode.KEY_CONFLICT) from None
    except AnsweredOtherwise as stored:
        raise refusal_in(stored.outcome) from None


def _bound_refusal(desk: Desk, move: Move, passed: BelowFloor | AboveCeiling) -> Refused:
    """Whose bound was passed: the house's, or that of one of the sides."""
    if passed.account_id in desk.house.values():
        return Refused(RefusalCode.NO_INVENTORY)
    if isinstance(passed, BelowFloor):
        return Refused(RefusalCode.INSUFFICIENT_FUNDS)
    return consent.too_full(move)


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
    before = entered(desk, key)
    if before is not None:
        return before.receipt
    payer, payee = sides[PAYER].party, sides[PAYEE].party if PAYEE in sides else None
    payer.must_be_active()
    if payee is not None:
        payee.must_be_active(RefusalCode.PAYEE_FROZEN)
    guards.must_be_open(desk, kind, payer)
    price = pricing.priced(desk, kind, sides, amount_minor).price
    move = between(desk, kind, sides, price)
    digest = fingerprint(kind_name, *sorted(move.roles.items()), amount_minor)
    return _settle(desk, move, SYSTEM, key, digest).receipt
