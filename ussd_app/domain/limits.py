"""What a tier allows in a Nairobi day and in a calendar month, and what is left of it.

The ledger counts, in the commit of the entry itself; here is only what is counted, and what a
passed limit is called. Knows no prices and no accounts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from ussd_app.domain.catalogue import Tier
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.drafts import Usage
from ussd_app.ledger.prepared import Prepared
from ussd_app.ledger.refusals import LimitPassed

SENT = "sent"
"""The counter of what a party has sent on a Nairobi day."""
SENT_MONTHLY = "sent_monthly"
"""The same of a calendar month, kept under its first day."""

_USED = Prepared(
    "kabambe_used",
    """
SELECT coalesce(d.amount_minor, 0), coalesce(d.times, 0),
       coalesce(m.amount_minor, 0), coalesce(m.times, 0)
FROM (SELECT $1 AS owner, $2 AS counter, $3::date AS day) k
LEFT JOIN usages d ON d.owner = k.owner AND d.counter = k.counter AND d.day = k.day
LEFT JOIN usages m ON m.owner = k.owner AND m.counter = $4 AND m.day = $5::date
""",
    5,
)


@dataclass(frozen=True)
class Limit:
    """One counter of a party: its most, and which refusals say that it is passed."""

    counter: str
    day: date
    most_minor: int
    most_count: int
    by_value: RefusalCode
    by_count: RefusalCode


def limits(tier: Tier, now: datetime) -> tuple[Limit, Limit]:
    """Today's and this month's limit, in order of precedence."""
    day = business_day(now)
    return (
        Limit(
            *(SENT, day, tier.daily_value_minor, tier.daily_count),
            *(RefusalCode.DAILY_LIMIT, RefusalCode.DAILY_COUNT),
        ),
        Limit(
            *(SENT_MONTHLY, day.replace(day=1), tier.monthly_value_minor, tier.monthly_count),
            *(RefusalCode.MONTHLY_LIMIT, RefusalCode.MONTHLY_COUNT),
        ),
    )


def usages(tier: Tier, party: Party, amount_minor: int, now: datetime) -> Iterator[Usage]:
    """What an entry of an amount uses up of each limit."""
    for limit in limits(tier, now):
        yield Usage(
            *(party.owner, limit.counter, limit.day, amount_minor, 1),
            *(limit.most_minor, limit.most_count),
        )


@dataclass(frozen=True)
class Left:
    """What is left of one limit: minor units, and number of times."""

    limit: Limit
    minor: int
    count: int

    @property
    def spendable_minor(self) -> int:
        """Nothing once the count is used up."""
        return self.minor if self.count else 0


def left(desk: Desk, party: Party) -> tuple[Left, Left]:
    """What a party may still send today and this month. One statement."""
    today, month = limits(desk.catalogue.tiers[party.tier], desk.clock.now())
    asked = (party.owner, today.counter, today.day, month.counter, month.day)
    minor, count, month_minor, month_count = _USED.read(desk.reads, asked) or (0, 0, 0, 0)
    return _left(today, minor, count), _left(month, month_minor, month_count)


def _left(limit: Limit, used_minor: int, used_count: int) -> Left:
    return Left(limit, max(0, limit.most_minor - used_minor), max(0, limit.most_count - used_count))


def must_fit(desk: Desk, party: Party, amount_minor: int) -> None:
    """Say no early where the ledger would say no later.

    Raises Refused(daily_limit | daily_count | monthly_limit | monthly_count).
    """
    for each in left(desk, party):
        if amount_minor > each.minor:
            raise Refused(each.limit.by_value, left=each.minor)
        if not each.count:
            raise Refused(each.limit.by_count, most=each.limit.most_count)


def passed(desk: Desk, party: Party, what: LimitPassed) -> Refused:
    """The refusal for a limit that the ledger found passed."""
    found = limits(desk.catalogue.tiers[party.tier], desk.clock.now())
    limit = next(limit for limit in found if limit.counter == what.counter)
    if what.by == "count":
        return Refused(limit.by_count, most=limit.most_count)
    return Refused(limit.by_value, left=max(0, limit.most_minor - what.used))


def spendable_today(desk: Desk, party: Party) -> int:
    """What a party may still send today, in minor units, by the day's limit and the month's."""
    return min(each.spendable_minor for each in left(desk, party))
