"""Standing orders: agreed to with one PIN, listed, stopped. How they are paid is `due`'s business.

The consent is to these terms and no others: payee, amount, days, until when. Whoever wants others
stops the order and agrees to a new one.
"""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app.domain import name_checks, parties, pins, pricing, roles
from ussd_app.domain.catalogue import FEE, PAYEE, Type
from ussd_app.domain.days import YEAR_DAYS, at_hour, must_be_within
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET, Side
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import format_minor

TYPE = "standing_order"
NAME_WIDTH = 12

COLUMNS = (
    *("id", "party_id", "payee_id", "amount_minor", "every", "first_day", "until_day"),
    *("next_day", "tries"),
)
_OPEN = f"""
SELECT {", ".join(f"s.{column}" for column in COLUMNS)}, p.name
FROM standing_orders s JOIN parties p ON p.id = s.payee_id
WHERE s.party_id = %s AND s.state = 'active' ORDER BY s.id
"""  # noqa: S608 - our own columns


class Order(NamedTuple):
    """A standing order in force; the amount in minor units, days in Nairobi."""

    id: int
    party_id: int
    payee_id: int
    amount_minor: int
    every: str
    first_day: date
    until_day: date
    next_day: date
    tries: int


def orders_of(source: Engine | Connection, party: Party) -> list[tuple[Order, str]]:
    """The party's orders in force, oldest first, each with its payee's name."""
    if isinstance(source, Engine):
        with source.connect() as connection:
            return orders_of(connection, party)
    rows = source.exec_driver_sql(_OPEN, (party.id,))
    return [(Order(*row[:-1]), row[-1]) for row in rows]


def price(desk: Desk, ask: Ask) -> Facts:
    """Whether an order for a payee and an amount could be set up, and what each payment would cost
    today."""
    party = parties.known(desk.reads, ask.msisdn)
    if party.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    side, fee = _priced(desk, party, ask, len(orders_of(desk.reads, party)))
    name_checks.must_be_few(desk, roles.own(desk, WALLET, party), side)
    return {"payee_name": two_names(side.name), "fee": fee}


def check_days(desk: Desk, ask: Ask) -> Facts:
    """Whether an order could have these days. Raises Refused(date_out_of_range)."""
    parties.known(desk.reads, ask.msisdn)
    _must_fit(desk, ask)
    return {}


def set_up(desk: Desk, ask: Ask) -> Facts:
    """Agree to an order, once; the PIN is the consent to all of its payments."""

    def then(connection: Connection, party: Party) -> Facts:
        side, _ = _priced(desk, party, ask, len(orders_of(connection, party)))
        _must_fit(desk, ask)
        first, until, every = ask.text("first"), ask.text("until"), ask.text("every")
        amount = int(ask.text("amount"))
        starts = at_hour(date.fromisoformat(first), _rules(desk)["first_hour"])
        connection.exec_driver_sql(
            "INSERT INTO standing_orders (party_id, payee_id, amount_minor, every, first_day,"
            " until_day, next_day, try_at, agreed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                *(party.id, side.party.id, amount, every, first, until, first),
                *(starts, desk.clock.now()),
            ),
        )
        parties.say(
            *(desk, connection, party.msisdn, party.language, f"standing_set_{every}"),
            amount=amount,
            name=side.name,
            first=first,
            until=until,
        )
        return {}

    return pins.with_pin(desk, "set_standing_order", ask, then)


def _priced(desk: Desk, party: Party, ask: Ask, there: int) -> tuple[Side, int]:
    """The payee and today's fee. Raises Refused for a payee or an amount that cannot be."""
    rules, kind, amount = _rules(desk), _kind(desk), int(ask.text("amount"))
    side = roles.all_of(desk, kind, party, ask.text("payee"))[PAYEE]
    if amount > rules["most_minor"]:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=rules["most_minor"])
    today = business_day(desk.clock.now())
    fee = pricing.price(desk.catalogue, kind, amount, today).get(FEE, 0)
    if there >= rules["orders"]:
        raise Refused(RefusalCode.TOO_MANY, most=rules["orders"])
    return side, fee


def _must_fit(desk: Desk, ask: Ask) -> None:
    """The first day within a year, the last within years. Raises Refused(date_out_of_range)."""
    today = business_day(desk.clock.now())
    first, until = date.fromisoformat(ask.text("first")), date.fromisoformat(ask.text("until"))
    last = today + timedelta(days=YEAR_DAYS * _rules(desk)["years"])
    must_be_within(first, today + timedelta(days=1), today + timedelta(days=YEAR_DAYS))
    must_be_within(until, first, last)


def listed(desk: Desk, ask: Ask) -> Facts:
    """The caller's orders as rows: to whom, how much, when next."""
    party = parties.known(desk.reads, ask.msisdn)
    return {
        "orders": [
            {"key": str(order.id), "label": _label(order, name)}
            for order, name in orders_of(desk.reads, party)
        ]
    }


def _label(order: Order, name: str) -> str:
    day = order.next_day
    short = two_names(name)[:NAME_WIDTH].rstrip()
    return f"{short} {format_minor(order.amount_minor)} {day.day}/{day.month}"


def look(desk: Desk, ask: Ask) -> Facts:
    """One order of the caller's. Raises Refused(not_yours)."""
    order, name = _mine(desk.reads, parties.known(desk.reads, ask.msisdn), ask)
    return {
        "payee_name": two_names(name),
        "amount": order.amount_minor,
        "every": order.every,
        "next": order.next_day.isoformat(),
        "until": order.until_day.isoformat(),
    }


def stop(desk: Desk, ask: Ask) -> Facts:
    """End an order of the caller's, once; nothing more is paid by it."""

    def then(connection: Connection, party: Party) -> Facts:
        order, name = _mine(connection, party, ask)
        connection.exec_driver_sql(
            "UPDATE standing_orders SET state = 'stopped' WHERE id = %s", (order.id,)
        )
        parties.say(
            *(desk, connection, party.msisdn, party.language, "standing_stopped"),
            amount=order.amount_minor,
            name=name,
        )
        return {}

    return pins.with_pin(desk, "stop_standing_order", ask, then)


def _mine(source: Engine | Connection, party: Party, ask: Ask) -> tuple[Order, str]:
    for order, name in orders_of(source, party):
        if str(order.id) == ask.text("order"):
            return order, name
    raise Refused(RefusalCode.NOT_YOURS)


def _rules(desk: Desk) -> dict[str, int]:
    return dict(desk.catalogue.rules["standing"])


def _kind(desk: Desk) -> Type:
    return desk.catalogue.types[TYPE]
