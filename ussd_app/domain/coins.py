"""Trading coins with the house and sending them: quotes at a rate of the moment, what somebody has.

A quote binds the house to its rate until it expires, which is soon; accepting it is the ordinary
`accept_quote`. The arithmetic is `exchange`'s, the house's position `vault`'s.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import (
    guards,
    limits,
    name_checks,
    parties,
    pins,
    pricing,
    rates,
    roles,
    room,
    vault,
)
from ussd_app.domain.catalogue import PAYEE, PAYER, Type
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.exchange import BUY, COINS, SELL, SEND, Coin, Dealing, coin, dealing
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Offer
from ussd_app.domain.roles import Side
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import KES_SCALE, format_minor
from ussd_app.kernel.units import format_units, to_minor

BY_KES, BY_COINS = "kes", "coins"
LINE_WIDTH = 43
RATE_WIDTH = 28
_WHOLE_SHILLINGS_FROM = 100_000_00
"""Rates from here on are told without cents."""


def quote(desk: Desk, ask: Ask) -> Facts:
    """Price a trade of `quantity`, counted `by` shillings or coins, and remember the offer.

    Nothing moves. `cost` is what a buyer pays, a seller gets, and what is sent is worth.
    """
    coin_ = coin(desk.catalogue, ask.text("coin"))
    side = ask.text("side")
    kind = desk.catalogue.types[f"{side}_{coin_.name}"]
    payer = parties.known(desk.reads, ask.msisdn)
    if payer.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    if payer.tier < coin_.least_tier:
        raise Refused(RefusalCode.NOT_YOURS)
    in_time = guards.must_be_open(desk, kind, payer)
    sides = _sides(desk, kind, side, payer, str(ask.args.get("payee", "")))
    rate = rates.current(desk, coin_)
    terms = dealing(coin_, side, rate.minor)
    amount, coins = _amounts(terms, ask.text("by"), ask.text("quantity"))
    offer = _offer(desk, kind, sides, terms, amount, coins)
    if kind.limits:
        if not in_time:
            raise Refused(RefusalCode.TOO_FAST)
        limits.must_fit(desk, payer, amount)
    _check_funds(desk, offer, coin_, side)
    pricing.must_be_meant(desk, offer)
    units = format_units(coins, coin_.asset)
    said = {"units": units, "rate": terms.rate_minor, "rate_at": rate.at.isoformat()}
    quote_id = pricing.remember(desk, offer, said, coin_.quote_life_s)
    name_checks.must_be_few(desk, sides[PAYER], sides[PAYEE], quote_id)
    return {
        "quote_id": quote_id,
        "units": units,
        "cost": amount,
        "rate": terms.rate_minor,
        "life": coin_.quote_life_s,
        "payee_name": two_names(sides[PAYEE].name),
    }


def _sides(desk: Desk, kind: Type, side: str, payer: Party, number: str) -> dict[str, Side]:
    """Both accounts: of a trade with the house both are the caller's. Raises Refused."""
    mine = roles.own(desk, kind.parties[PAYER], payer)
    if side == SEND:
        theirs = roles.payee(desk, kind, payer, number)
        assert theirs is not None
        return {PAYER: mine, PAYEE: theirs}
    return {PAYER: mine, PAYEE: roles.own(desk, kind.parties[PAYEE], payer)}


def _amounts(terms: Dealing, by: str, quantity: str) -> tuple[int, int]:
    """Cents of KES, and minor units of the coin, for what was typed. Raises Refused(too_fine)."""
    scale = KES_SCALE if by == BY_KES else terms.scale
    minor = to_minor(quantity, scale)
    if minor is None:
        raise Refused(RefusalCode.TOO_FINE, places=scale)
    return (minor, terms.coins_for(minor)) if by == BY_KES else (terms.amount_for(minor), minor)


def _offer(
    desk: Desk, kind: Type, sides: Mapping[str, Side], terms: Dealing, amount: int, coins: int
) -> Offer:
    """The price of a trade. Raises Refused(amount_too_small | amount_too_large)."""
    most = desk.catalogue.tiers[sides[PAYER].party.tier].per_transaction_minor
    if amount > most:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=min(most, kind.most_minor or most))
    if not coins:
        raise Refused(RefusalCode.AMOUNT_TOO_SMALL, least=kind.least_minor)
    settled = {"coins": coins, "middle": terms.middle_minor, "scale": terms.scale}
    day = business_day(desk.clock.now())
    return Offer(kind, pricing.price(desk.catalogue, kind, amount, day, settled), sides)


def _check_funds(desk: Desk, offer: Offer, coin_: Coin, side: str) -> None:
    """Say no early where the ledger would say no later: both wallets, then the house."""
    mine, theirs = offer.sides[PAYER], offer.sides[PAYEE]
    balances = desk.book.balances([mine.account_id, theirs.account_id])
    most = room.ceiling(desk, offer.kind, theirs.party)
    after = balances[theirs.account_id].total + pricing.income(offer.kind, offer.price)
    if most is not None and after > most:
        raise Refused(RefusalCode.WALLET_FULL)
    have = balances[mine.account_id].available
    if have < pricing.outgo(offer.kind, offer.price):
        if side == BUY:
            raise Refused(RefusalCode.INSUFFICIENT_FUNDS)
        raise Refused(RefusalCode.INSUFFICIENT_COINS, have=format_units(have, coin_.asset))
    if side != SEND and not _house_can(desk, offer, coin_, side):
        raise Refused(RefusalCode.NO_INVENTORY)


def _house_can(desk: Desk, offer: Offer, coin_: Coin, side: str) -> bool:
    position = vault.position(desk, coin_)
    if side == BUY:
        return offer.price["coins"] <= position.vault_minor
    room = position.room_minor
    fits = room is None or offer.price["coins"] <= room
    return fits and offer.price["value"] <= vault.shillings(desk)


def balance(desk: Desk, ask: Ask) -> Facts:
    """The caller's coins, each with what it would fetch now if a rate is fresh."""

    def then(connection: Connection, party: Party) -> Facts:
        lines = _holdings(desk, party)
        return {"lines": [{"key": str(n), "label": line} for n, line in enumerate(lines, 1)]}

    return pins.with_pin(desk, "coin_balance", ask, then)


def _holdings(desk: Desk, party: Party) -> list[str]:
    lines = []
    for name in COINS:
        coin_ = coin(desk.catalogue, name)
        ids = list(desk.book.accounts([f"{name}/{party.owner}"], coin_.asset).values())
        minor = sum(held.total for held in desk.book.balances(ids).values())
        if minor:
            lines.append(format_units(minor, coin_.asset) + _worth(desk, coin_, minor))
    return lines


def _worth(desk: Desk, coin_: Coin, minor: int) -> str:
    try:
        terms = dealing(coin_, SELL, rates.current(desk, coin_).minor)
    except Refused:
        return ""
    return f" KES {format_minor(terms.amount_for(minor))}"


def told_rates(desk: Desk, ask: Ask) -> Facts:
    """What one of each coin costs and fetches, as rows."""
    lines = rate_lines(desk)
    return {"lines": [{"key": str(n), "label": line} for n, line in enumerate(lines, 1)]}


def rate_lines(desk: Desk) -> list[str]:
    """`BTC 13,093,500/12,706,500` a coin: to buy, to sell. Raises Refused(rate_stale)."""
    lines = []
    for name in COINS:
        coin_ = coin(desk.catalogue, name)
        middle = rates.current(desk, coin_).minor
        buy, sell = (dealing(coin_, side, middle).rate_minor for side in (BUY, SELL))
        lines.append(f"{coin_.asset} {_short(buy, up=True)}/{_short(sell, up=False)}")
    return lines


def _short(rate_minor: int, *, up: bool) -> str:
    """A rate as told: large ones in whole shillings, against the customer."""
    if rate_minor < _WHOLE_SHILLINGS_FROM:
        return format_minor(rate_minor)
    return format_minor(-(-rate_minor // 100) if up else rate_minor // 100, 0)
