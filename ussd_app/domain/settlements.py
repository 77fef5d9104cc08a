"""A shop's takings on their way to its owner's wallet, at once or every night, or every night to a
bank or to M-PESA, and what the night says of the day.

Free, and never more than the wallet may hold: what does not fit stays where it is.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from sqlalchemy import Connection

from ussd_app.domain import orders, parties, payouts, pricing, roles, room, shop_banks, takings
from ussd_app.domain.agreements import COLUMNS, Agreement
from ussd_app.domain.catalogue import PAYEE, PAYER
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
    """Settle every shop whose owner wants that, once a day. Returns how many had something."""
    day = business_day(desk.clock.now())
    chosen = ((shop, NIGHTLY.get(term(desk, shop, "settle"))) for shop in _every_shop(desk))
    return sum(_settle_one(desk, shop, day, way) for shop, way in chosen if way is not None)


def _to_wallet(desk: Desk, shop: Agreement, owner: Party) -> Order:
    return _settlement(desk, shop, owner, None)


NIGHTLY: Mapping[str, Callable[[Desk, Agreement, Party], Order]] = {
    "wallet": _to_wallet,
    BANK: shop_banks.everything,
    MPESA: payouts.takings,
}
"""Where takings can go every night, by what owners choose, and the order that moves all of them."""


def _settle_one(
    desk: Desk, shop: Agreement, day: date, way: Callable[[Desk, Agreement, Party], Order]
) -> bool:
    digest = fingerprint("settle", str(shop.id), day.isoformat())
    for _ in range(TRIES):
        owner = parties.by_id(desk.reads, shop.party_id)
        try:
            orders.carry_out(
                desk, way(desk, shop, owner), SYSTEM, f"settle:{shop.id}:{day}", digest
            )
        except Refused as refused:
            if refused.code is RefusalCode.TAKINGS_SHORT:
                continue
            return False
        return True
    return False


def tell_all(desk: Desk) -> int:
    """Tell every shop that sold something yesterday what it was, once. Returns how many."""
    day = business_day(desk.clock.now()) - timedelta(days=1)
    return sum(_tell_one(desk, shop, day) for shop in _every_shop(desk))


def _tell_one(desk: Desk, shop: Agreement, day: date) -> bool:
    digest = fingerprint("told", str(shop.id), day.isoformat())
    key = f"told:{shop.id}:{day}"
    with desk.engine.begin() as connection:
        if desk.book.recall(SYSTEM, key, digest, connection) is not None:
            return False
        facts = _day_facts(desk, connection, shop, day)
        if facts is None:
            return False
        owner = parties.by_id(desk.reads, shop.party_id)
        parties.say(desk, connection, owner.msisdn, owner.language, "shop_day", **facts)
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
        "name": shop.name,
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
