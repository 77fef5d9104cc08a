"""One deposit is not split into several: an agent's commission on the parts would be more.

From one owner's outlets to the same customer, within `split_within_s` seconds (the products' rules
for agents): no more than `split_most` entries of the type, and no two that together reach a higher
band of the commission than the largest of them. The window moves with the clock, so what is counted
is read from the book itself; whoever writes holds a lock on the customer meanwhile.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app.domain.alone import alone
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER, ByTariff, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.drafts import Draft
from ussd_app.ledger.statements import MOST_LINES, last_postings

FIRST_LOOK = 32

_OUTLETS = """
SELECT other.account_id FROM agreements own
JOIN agreements other ON other.party_id = own.party_id AND other.kind = own.kind
WHERE own.account_id = %s ORDER BY other.id
"""


def amount(desk: Desk, kind: Type, sides: Mapping[str, Side], price: Mapping[str, int]) -> None:
    """Raises Refused(split_deposit)."""
    pair = (_outlets(desk, sides[PAYER].account_id), sides[PAYEE].account_id)
    with desk.reads.connect() as connection:
        _judge(desk, connection, kind, pair, price[AMOUNT], desk.clock.now(), None)


@contextmanager
def entry(desk: Desk, draft: Draft) -> Iterator[None]:
    """Raises Refused(split_deposit), Unavailable."""
    kind = desk.catalogue.types[draft.type]
    roles, price = draft.facts["roles"], draft.facts["price"]
    assert isinstance(roles, Mapping)
    assert isinstance(price, Mapping)
    pair = (_outlets(desk, int(roles[PAYER])), int(roles[PAYEE]))
    with alone(desk, f"{kind.name}:{pair[1]}") as connection:
        _judge(desk, connection, kind, pair, price[AMOUNT], draft.happened_at, draft.quote)
        yield


def _outlets(desk: Desk, account_id: int) -> list[int]:
    """The accounts of everything that the owner of one has of its kind, the oldest first."""
    with desk.reads.connect() as connection:
        return list(connection.exec_driver_sql(_OUTLETS, (account_id,)).scalars())


def _judge(
    desk: Desk,
    connection: Connection,
    kind: Type,
    pair: tuple[list[int], int],
    amount_minor: int,
    now: datetime,
    quote: str | None,
) -> None:
    rules = desk.catalogue.rules["agents"]
    since = now - timedelta(seconds=rules["split_within_s"])
    before = list(_entries(connection, kind.name, pair, since, quote))
    if not before:
        return
    amounts = [amount_minor, *(minor for _, minor in before)]
    if len(amounts) > rules["split_most"] or _steps_up(desk, kind, amounts, now):
        last = max(at for at, _ in before)
        wait_s = (last - since).total_seconds()
        raise Refused(RefusalCode.SPLIT_DEPOSIT, wait=math.ceil(wait_s / 60))


def _steps_up(desk: Desk, kind: Type, amounts: list[int], now: datetime) -> bool:
    """Whether they reach a higher band of the commission together than the largest alone."""
    rule = kind.prices["commission"]
    assert isinstance(rule, ByTariff)
    assert rule.tariff is not None
    tariffs = desk.catalogue.tariffs_on(business_day(now))
    return tariffs.fee_minor(rule.tariff, sum(amounts)) != tariffs.fee_minor(
        rule.tariff, max(amounts)
    )


def _entries(
    connection: Connection,
    type_: str,
    pair: tuple[list[int], int],
    since: datetime,
    quote: str | None,
) -> Iterator[tuple[datetime, int]]:
    """Moment and amount of each entry of the type between the pair since a moment; not that of
    the quote, which is only told again."""
    sources, target = pair
    most = FIRST_LOOK
    while True:
        lines = last_postings(connection, target, most)
        if len(lines) < most or lines[-1].happened_at <= since or most >= MOST_LINES:
            break
        most = min(4 * most, MOST_LINES)
    own = connection.exec_driver_sql("SELECT id FROM entries WHERE quote = %s", (quote,)).scalar()
    for line in lines:
        named = line.type == type_ and line.other_id in sources and line.entry_id != own
        if named and line.happened_at > since:
            yield line.happened_at, line.amount_minor
