"""A shop's takings on their way to its owner's wallet, at once or every night, or every night to a
bank or to M-PESA, and what the night says of the day.

Free, and never more than the wallet may hold: what does not fit stays where it is.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from sqlalchemy import Connection

from ussd_app.domain import (
    guards,
    orders,
    parties,
    payouts,
    pricing,
    roles,
    room,
    shop_banks,
    takings,
)
from ussd_app.domain.agreements import COLUMNS, Agreement
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.commands import NotYet
from ussd_app.domain.desk import SYSTEM, Ask, Desk, Facts
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.orders import Order
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET
from ussd_app.domain.shops import BANK, KINDS, MPESA, OWNER, acting, term
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

TRIES = 3
"""So often a night's settlement is worked out anew when money moved under it."""
MOVED = frozenset({RefusalCode.TAKINGS_SHORT, RefusalCode.WALLET_FULL})
"""Refusals that may be due to what moved meanwhile."""
HEALS = frozenset({RefusalCode.MAINTENANCE, RefusalCode.BANK_SILENT, RefusalCode.MPESA_SILENT})
"""Refusals after which the same night is tried again."""
TOO_LITTLE = frozenset({RefusalCode.TAKINGS_SHORT, RefusalCode.AMOUNT_TOO_SMALL})
"""Refusals that are no news: there is nothing, or less than may go."""

_ALL = f"""
SELECT {", ".join(f"a.{column}" for column in COLUMNS)} FROM agreements a
JOIN parties p ON p.id = a.party_id
WHERE a.kind = ANY (%s) AND a.state = 'active' AND p.status = 'active' ORDER BY a.id
"""  # noqa: S608 - our own columns


def settle_shop(desk: Desk, ask: Ask) -> Facts:
    """Move an amount, or all that there is and fits, to the owner's own wallet, with the PIN."""

    def make(party: Party) -> Order:
        shop = acting(desk, party, ask.text("shop"), OWNER)
        amount = ask.args.get("amount")
        return _settlement(desk, shop, party, None if amount is None else int(str(amount)))

    return orders.order(desk, "settle_shop", ask, make)


def _settlement(desk: Desk, shop: Agreement, owner: Party, amount: int | None) -> Order:
    """The order that moves an amount, or as much as can be. Raises Refused."""
    kind = desk.catalogue.types[f"settle_{shop.kind}"]
    till = roles.of(desk, kind.parties[PAYER], shop, owner)
    wallet = roles.own(desk, WALLET, owner)
    balances = desk.book.balances([till.account_id, wallet.account_id])
    there = balances[till.account_id].available
    most = room.ceiling(desk, kind, owner)
    fits = there if most is None else most - balances[wallet.account_id].total
    moved = min(there, fits) if amount is None else amount
    if moved > fits or fits <= 0:
        raise Refused(RefusalCode.WALLET_FULL)
    if moved > there or there <= 0:
        raise Refused(RefusalCode.TAKINGS_SHORT)
    sides = {PAYER: till, PAYEE: wallet}
    day = business_day(desk.clock.now())
    price = pricing.price(desk.catalogue, kind, moved, day)
    return Order(kind, sides, price, short=RefusalCode.TAKINGS_SHORT)


def settle_all(desk: Desk) -> int:
    """Settle every shop whose owner wants that, once a day. Returns how many had something.

    A shop that fails leaves the others to their turn, and the first failure is raised at the end.
    Raises NotYet when some were kept only by what heals: the same night is tried again.
    """
    day = business_day(desk.clock.now())
    settled, waiting = 0, False
    failure: Exception | None = None
    for shop in _every_shop(desk):
        way = NIGHTLY.get(term(desk, shop, "settle"))
        if way is None:
            continue
        try:
            refused = _settle_one(desk, shop, day, way)
        except Exception as wrong:
            failure = failure or wrong
            continue
        settled += refused is None
        waiting = waiting or refused in HEALS
        if refused is not None and refused not in HEALS | TOO_LITTLE:
            _tell_unsettled(desk, shop, day)
    if failure is not None:
        raise failure
    if waiting:
        raise NotYet
    return settled


def _to_wallet(desk: Desk, shop: Agreement, owner: Party) -> Order:
    settlement = _settlement(desk, shop, owner, None)
    guards.must_be_open(desk, settlement.kind, owner)
    return settlement


NIGHTLY: Mapping[str, Callable[[Desk, Agreement, Party], Order]] = {
    "wallet": _to_wallet,
    BANK: shop_banks.everything,
    MPESA: payouts.takings,
}
"""Where takings can go every night, by what owners choose, and the order that moves all of them."""


def _settle_one(
    desk: Desk, shop: Agreement, day: date, way: Callable[[Desk, Agreement, Party], Order]
) -> RefusalCode | None:
    """Settle one shop's day, once. Returns why not; None when it is settled."""
    digest = fingerprint("settle", str(shop.id), day.isoformat())
    code = None
    for _ in range(TRIES):
        owner = parties.by_id(desk.reads, shop.party_id)
        try:
            orders.carry_out(
                desk, way(desk, shop, owner), SYSTEM, f"settle:{shop.id}:{day}", digest
            )
        except Refused as refused:
            code = refused.code
            if code not in MOVED:
                return code
        else:
            return None
    return code


def _tell_unsettled(desk: Desk, shop: Agreement, day: date) -> None:
    """Tell an owner, once a day, that the takings stayed where they are."""
    _tell_once(desk, shop, f"unsettled:{shop.id}:{day}", "shop_unsettled", lambda _: {})


def tell_all(desk: Desk) -> int:
    """Tell every shop that sold something yesterday what it was, once. Returns how many."""
    day = business_day(desk.clock.now()) - timedelta(days=1)
    return sum(_tell_one(desk, shop, day) for shop in _every_shop(desk))


def _tell_one(desk: Desk, shop: Agreement, day: date) -> bool:
    def facts(connection: Connection) -> Mapping[str, object] | None:
        return _day_facts(desk, connection, shop, day)

    return _tell_once(desk, shop, f"told:{shop.id}:{day}", "shop_day", facts)


def _tell_once(
    desk: Desk,
    shop: Agreement,
    key: str,
    template: str,
    facts: Callable[[Connection], Mapping[str, object] | None],
) -> bool:
    """Send a shop's owner an SMS once a key, unless its facts are None. Whether it was sent."""
    digest = fingerprint(key)
    with desk.engine.begin() as connection:
        if desk.book.recall(SYSTEM, key, digest, connection) is not None:
            return False
        said = facts(connection)
        if said is None:
            return False
        owner = parties.by_id(desk.reads, shop.party_id)
        parties.say(
            desk, connection, owner.msisdn, owner.language, template, name=shop.name, **said
        )
        desk.book.remember(SYSTEM, key, digest, {"facts": {}}, connection=connection)
    return True


def _day_facts(
    desk: Desk, connection: Connection, shop: Agreement, day: date
) -> Mapping[str, object] | None:
    """What the summary of a day says; None when nothing was sold."""
    found = takings.of_day(connection, shop.account_id, day)
    if not found.payments:
        return None
    return {
        "day": day.isoformat(),
        "sales": found.payments,
        "sold": found.paid_minor,
        "refunded": found.refunded_minor,
        "charges": found.charges_minor,
        "balance": desk.book.balances([shop.account_id])[shop.account_id].available,
    }


def _every_shop(desk: Desk) -> list[Agreement]:
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(_ALL, (list(KINDS),)).all()
    return [Agreement(*row) for row in rows]
