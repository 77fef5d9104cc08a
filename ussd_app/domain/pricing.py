"""`quote`: what would it cost, and to whom does it go. Moves nothing.

A quote is binding on the price and the parties until it expires; limits and funds are looked at
here to say no early, and once more by the ledger when it is accepted.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ussd_app.domain import checks, gates, guards, limits, name_checks, parties, roles, room
from ussd_app.domain.catalogue import (
    AMOUNT,
    EXCISE,
    FEE,
    PAYEE,
    PAYER,
    TAXED,
    ByPolicy,
    ByTariff,
    ByTerm,
    Catalogue,
    PriceRule,
    ShareOf,
    TariffBook,
    Type,
)
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.policies import POLICIES
from ussd_app.domain.roles import Side
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import share_of

Price = Mapping[str, int]
"""What one use of a type moves: minor units of each of its quantities."""

_QUOTE = """
WITH soon AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO quotes (id, type, payer_id, payee_id, agreements, roles, price, facts, catalogue,
                    expires_at)
SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM soon
"""


_ASKED_BEFORE = """
SELECT EXISTS (SELECT FROM quotes WHERE expires_at > %s AND type = %s AND payer_id = %s
    AND (facts->>'moved')::bigint = %s AND roles = %s::jsonb)
"""


def price(
    catalogue: Catalogue,
    kind: Type,
    amount_minor: int,
    day: date,
    terms: Mapping[str, object] | None = None,
) -> Price:
    """Price a type by the tariffs of a day and the terms of the payee's agreement.

    Raises Refused(amount_too_small | amount_too_large).
    """
    if amount_minor < kind.least_minor:
        raise Refused(RefusalCode.AMOUNT_TOO_SMALL, least=kind.least_minor)
    if kind.most_minor is not None and amount_minor > kind.most_minor:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=kind.most_minor)
    parts = {AMOUNT: amount_minor}
    tariffs = catalogue.tariffs_on(day)
    for quantity, rule in kind.prices.items():
        parts[quantity] = _part(rule, parts, tariffs, terms or {})
    parts[EXCISE] = share_of(sum(parts.get(taxed, 0) for taxed in TAXED), tariffs.excise)
    return parts


def _part(
    rule: PriceRule, parts: Mapping[str, int], tariffs: TariffBook, terms: Mapping[str, object]
) -> int:
    match rule:
        case ByTariff(tariff):
            return _by_tariff(tariffs, tariff, parts[AMOUNT])
        case ByTerm(term, choices):
            chosen = str(terms.get(term, next(iter(choices))))
            return _by_tariff(tariffs, choices[chosen], parts[AMOUNT])
        case ShareOf(share, quantity):
            return share_of(parts[quantity], share)
        case ByPolicy(policy):
            return POLICIES[policy](parts, terms)


def _by_tariff(tariffs: TariffBook, tariff: str | None, amount_minor: int) -> int:
    if tariff is None:
        return 0
    minor = tariffs.fee_minor(tariff, amount_minor)
    if minor is None:
        most = tariffs.tariffs[tariff][-1].up_to_minor
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=most)
    return minor


def outgo(kind: Type, price_: Price) -> int:
    """What leaves the payer's account, in minor units."""
    return sum(
        price_[leg.quantity] * ((leg.source == PAYER) - (leg.target == PAYER)) for leg in kind.legs
    )


def income(kind: Type, price_: Price) -> int:
    """What comes into the payee's account, in minor units."""
    return sum(
        price_[leg.quantity] * ((leg.target == PAYEE) - (leg.source == PAYEE)) for leg in kind.legs
    )


@dataclass(frozen=True)
class Offer:
    """A price for certain parties, not yet remembered."""

    kind: Type
    price: Price
    sides: Mapping[str, Side]


def quote(desk: Desk, ask: Ask) -> Facts:
    """Price a payment, check what can be checked, and remember the offer.

    The payee is named by `payee` (a customer's number) or by `number` (of a till, an agent, …);
    `reference` is the account at a biller, `outlet` the agreement out of which an agent pays.
    """
    offer = work_out(desk, ask)
    said = {"reference": ask.args["reference"]} if "reference" in ask.args else {}
    other = offer.sides.get(PAYEE, offer.sides[PAYER])
    name = two_names(other.name) if other.agreement is None else other.name.upper()
    quote_id = remember(desk, offer, said)
    name_checks.must_be_few(desk, offer.sides[PAYER], other, quote_id)
    return {
        "quote_id": quote_id,
        "payee_name": name,
        "fee": offer.price.get(FEE, 0),
    }


def work_out(desk: Desk, ask: Ask) -> Offer:
    """The offer for what is asked, checked and not yet remembered. Raises Refused."""
    kind = desk.catalogue.types[ask.text("type")]
    amount = int(ask.text("amount"))
    payer = parties.known(desk.reads, ask.msisdn)
    if payer.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    dialled = str(ask.args.get("payee") or ask.args.get("number") or "")
    in_time = guards.must_be_open(desk, kind, payer)
    sides = roles.all_of(desk, kind, payer, dialled, str(ask.args.get("outlet", "")))
    gates.judge_parties(desk, ask, kind, sides)
    checks.must_be_known(_terms(sides), str(ask.args.get("reference", "")))
    offer = priced(desk, kind, sides, amount)
    offer = replace(offer, price=gates.price(desk, kind, sides, offer.price))
    if kind.limits and not in_time:
        raise Refused(RefusalCode.TOO_FAST)
    gates.judge_amount(desk, kind, sides, offer.price)
    _check_limits(desk, payer, offer)
    must_be_meant(desk, offer)
    return offer


def must_be_meant(desk: Desk, offer: Offer) -> None:
    """Refuse what is far above the payer's habit until they ask for the very same again.

    The first time is remembered as an offer, and forgotten with it. Raises Refused(unusual).
    """
    mine, price = offer.sides[PAYER].account_id, offer.price
    moved = max(price[leg.quantity] for leg in offer.kind.legs if leg.source == PAYER)
    if not offer.kind.asks_twice or not guards.is_unusual(desk, mine, price[AMOUNT], moved):
        return
    now = desk.clock.now()
    asked = (now, offer.kind.name, offer.sides[PAYER].party.id, moved, _accounts(offer))
    with desk.reads.connect() as connection:
        meant = connection.exec_driver_sql(_ASKED_BEFORE, asked).scalar_one()
    if not meant:
        remember(desk, offer, {"moved": moved})
        raise Refused(RefusalCode.UNUSUAL, amount=price[AMOUNT])


def priced(desk: Desk, kind: Type, sides: Mapping[str, Side], amount: int) -> Offer:
    """A type's price today for certain sides, within what its payer may move at once.

    Raises Refused(fat_finger | amount_too_large | amount_too_small).
    """
    if amount > desk.catalogue.fat_finger_minor:
        raise Refused(RefusalCode.FAT_FINGER, most=desk.catalogue.fat_finger_minor)
    tier = desk.catalogue.tiers[sides[PAYER].party.tier]
    if amount > tier.per_transaction_minor:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=tier.per_transaction_minor)
    day = business_day(desk.clock.now())
    return Offer(kind, price(desk.catalogue, kind, amount, day, _terms(sides)), sides)


def _terms(sides: Mapping[str, Side]) -> Mapping[str, object]:
    """What was agreed with the payee."""
    agreement = sides[PAYEE].agreement if PAYEE in sides else None
    return agreement.terms if agreement else {}


def remember(
    desk: Desk, offer: Offer, said: Mapping[str, object], life_s: int | None = None
) -> str:
    """Write an offer down; `said` are further facts for its receipts. Returns the quote's id.

    It binds for `life_s` seconds, or as long as any.
    """
    quote_id = desk.ids.token()
    facts = names(offer.sides)
    payer, payee = offer.sides[PAYER], offer.sides.get(PAYEE)
    dealing = {side.agreement.id for side in (payer, payee) if side and side.agreement}
    with desk.reads.connect() as connection:
        connection.exec_driver_sql(
            _QUOTE,
            (
                *(quote_id, offer.kind.name, payer.party.id),
                *(payee and payee.party.id, sorted(dealing)),
                _accounts(offer),
                json.dumps(offer.price),
                json.dumps(facts | dict(said)),
                desk.catalogue.digest,
                desk.clock.now() + timedelta(seconds=life_s or desk.catalogue.quote_life_s),
            ),
        )
    return quote_id


def _accounts(offer: Offer) -> str:
    return json.dumps({role: side.account_id for role, side in offer.sides.items()})


def names(sides: Mapping[str, Side]) -> dict[str, object]:
    """What receipts say of the sides."""
    return {role: {"name": side.name, "number": side.number} for role, side in sides.items()}


def _check_limits(desk: Desk, payer: Party, offer: Offer) -> None:
    """Say no early where the ledger would say no later. In order of precedence."""
    if offer.kind.limits:
        limits.must_fit(desk, payer, offer.price[AMOUNT])
    mine, theirs = offer.sides[PAYER], offer.sides.get(PAYEE)
    balances = desk.book.balances([side.account_id for side in (mine, theirs) if side])
    if theirs is not None:
        most = room.ceiling(desk, offer.kind, theirs.party)
        after = balances[theirs.account_id].total + income(offer.kind, offer.price)
        if most is not None and after > most:
            raise Refused(RefusalCode.PAYEE_BALANCE_LIMIT)
    if balances[mine.account_id].available < outgo(offer.kind, offer.price):
        raise Refused(RefusalCode.INSUFFICIENT_FUNDS)
