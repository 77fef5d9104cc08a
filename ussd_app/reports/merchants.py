"""A shop's day as its owner's bookkeeper wants it: what was there, what came and went, what is
left, and that all of it is in the ledger, to the cent.

Changes nothing. Opening and closing are sums of all that the account ever did, worked out apart
from the day's movements; so they can disagree, and then somebody must know.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements, takings
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.shops import KINDS
from ussd_app.domain.takings import Takings
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.money import format_minor
from ussd_app.ledger.statements import balance

_HELD = """
SELECT coalesce(sum(s.delta) FILTER (WHERE e.happened_at < %(since)s), 0)::bigint,
       coalesce(sum(s.delta) FILTER (WHERE e.happened_at < %(until)s), 0)::bigint,
       coalesce(sum(s.delta), 0)::bigint
FROM (SELECT entry_id, amount_minor AS delta FROM legs WHERE to_id = %(account)s
      UNION ALL
      SELECT entry_id, -amount_minor FROM legs WHERE from_id = %(account)s) s
JOIN entries e ON e.id = s.entry_id
"""


@dataclass(frozen=True)
class ShopDay:
    """One Nairobi day of a shop, in minor units; `ledger_minor` is its balance now, in the book,
    and `posted_minor` the sum of everything that was ever posted to it."""

    shop: Agreement
    day: date
    opening_minor: int
    takings: Takings
    closing_minor: int
    posted_minor: int
    ledger_minor: int

    @property
    def faults(self) -> list[str]:
        """What does not add up; empty when all does."""
        expected = self.opening_minor + self.takings.net_minor
        found = []
        if expected != self.closing_minor:
            found.append(f"the day comes to {format_minor(expected)}")
        if self.posted_minor != self.ledger_minor:
            found.append(f"the ledger holds {format_minor(self.ledger_minor)}")
        return found


def shops_by_number(engine: Engine, number: str) -> list[Agreement]:
    """Every shop that goes by a number: a till and a pay bill number may share one."""
    found = (agreements.by_number(engine, kind, number) for kind in KINDS)
    return [shop for shop in found if shop is not None]


def shop_day(engine: Engine, shop: Agreement, day: date) -> ShopDay:
    """What a day was for a shop, seen at one moment."""
    repeatable = engine.execution_options(isolation_level="REPEATABLE READ")
    with repeatable.connect() as connection:
        since, until = takings.bounds(day)
        opening, closing, posted = _held(connection, shop.account_id, since, until)
        moved = takings.of_day(connection, shop.account_id, day)
        now = balance(connection, shop.account_id)
    return ShopDay(shop, day, opening, moved, closing, posted, now)


def _held(
    connection: Connection, account_id: int, since: datetime, until: datetime
) -> tuple[int, int, int]:
    given = {"account": account_id, "since": since, "until": until}
    opening, closing, posted = connection.exec_driver_sql(_HELD, given).one()
    return opening, closing, posted


def lines(one: ShopDay) -> list[str]:
    """The day as a page of plain text."""
    moved = one.takings
    rows = [
        ("Opening", "", one.opening_minor),
        ("Payments", str(moved.payments), moved.paid_minor),
        ("Charges", "", -moved.charges_minor),
        ("Refunds", str(moved.refunds), -moved.refunded_minor),
        ("Settlements", str(moved.settlements), -moved.settled_minor),
        ("Closing", "", one.closing_minor),
    ]
    since = nairobi(takings.bounds(one.day)[0])
    head = f"{one.shop.name}, {one.shop.kind} {one.shop.number}, {since:%A %d %B %Y}"
    told = "It adds up, to the ledger too."
    if one.faults:
        told = f"IT DOES NOT ADD UP: {'; '.join(one.faults)}."
    return [
        head,
        *(f"  {name:<12}{count:>8}{format_minor(minor):>18}" for name, count, minor in rows),
        told,
    ]
