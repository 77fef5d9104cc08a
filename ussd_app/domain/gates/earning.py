"""What agents earn by one customer's deposits of a day ends at `earns_a_day_minor` (the products'
rules for agents): as much as the largest deposit earns alone.

Above it a deposit is taken like any and earns nothing, so that money which goes round (in at an
agent, through a till, out by a bank) does not bring more with each round. What was earned is read
from the book; a price that was told before somebody else's deposit holds no more. Belongs behind
`splitting`, whose lock of the customer it is judged under.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from ussd_app.domain.catalogue import PAYEE, ShareOf, Type
from ussd_app.domain.days import at_hour
from ussd_app.domain.desk import Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import share_of
from ussd_app.ledger.drafts import Draft

COMMISSION = "commission"
MOST_ENTRIES = 500
"""So many of a wallet's latest are looked at."""

_EARNED = """
SELECT coalesce(sum((e.facts->'price'->>'commission')::bigint), 0)
FROM (SELECT entry_id FROM legs WHERE to_id = %(wallet)s AND to_shard = 0
      ORDER BY to_version DESC LIMIT %(most)s) l
JOIN entries e ON e.id = l.entry_id
WHERE e.type = %(type)s AND e.happened_at >= %(midnight)s AND e.quote IS DISTINCT FROM %(quote)s
"""


def price(
    desk: Desk, kind: Type, sides: Mapping[str, Side], price: Mapping[str, int]
) -> dict[str, int]:
    """The price with no more commission than is left of the customer's day, nor shares of it."""
    left = _left(desk, kind.name, sides[PAYEE].account_id, desk.clock.now(), None)
    parts = {**price, COMMISSION: min(price[COMMISSION], left)}
    for quantity, rule in kind.prices.items():
        if isinstance(rule, ShareOf) and rule.quantity == COMMISSION:
            parts[quantity] = share_of(parts[COMMISSION], rule.share)
    return parts


@contextmanager
def entry(desk: Desk, draft: Draft) -> Iterator[None]:
    """Raises Refused(quote_expired) when others have earned it since the price was told."""
    roles, priced = draft.facts["roles"], draft.facts["price"]
    assert isinstance(roles, Mapping)
    assert isinstance(priced, Mapping)
    given = (draft.type, int(roles[PAYEE]), draft.happened_at, draft.quote)
    if priced[COMMISSION] > _left(desk, *given):
        raise Refused(RefusalCode.QUOTE_EXPIRED)
    yield


def _left(desk: Desk, type_: str, wallet: int, now: datetime, quote: str | None) -> int:
    """What can still be earned by deposits to a wallet today, that of the quote left out."""
    asked = {"wallet": wallet, "type": type_, "quote": quote, "most": MOST_ENTRIES}
    asked["midnight"] = at_hour(business_day(now), 0)
    with desk.reads.connect() as connection:
        earned = int(connection.exec_driver_sql(_EARNED, asked).scalar_one())
    return max(0, desk.catalogue.rules["agents"]["earns_a_day_minor"] - earned)
