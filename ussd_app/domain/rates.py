"""The rates that were told to anybody, and whether one is fresh enough to trade at.

Every rate that a price was made of stays in the table `rates`, so that it can be explained.
"""

from ussd_app.domain.desk import Desk
from ussd_app.domain.exchange import Coin
from ussd_app.domain.feeds import Rate
from ussd_app.kernel.errors import RefusalCode, Refused


def record(desk: Desk, rate: Rate) -> None:
    """Write a rate down; one that stands there already stays."""
    with desk.reads.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO rates (coin, at, minor) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (rate.coin, rate.at, rate.minor),
        )


def current(desk: Desk, coin: Coin) -> Rate:
    """The rate at which a coin is traded now, written down. Raises Refused(rate_stale)."""
    now = desk.clock.now()
    rate = desk.feed.latest(coin.name, now)
    if rate is not None:
        record(desk, rate)
    else:
        rate = _last(desk, coin.name)
    if rate is None or abs((now - rate.at).total_seconds()) > coin.stale_s:
        raise Refused(RefusalCode.RATE_STALE)
    return rate


def _last(desk: Desk, coin: str) -> Rate | None:
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(
            "SELECT coin, minor, at FROM rates WHERE coin = %s ORDER BY at DESC LIMIT 1", (coin,)
        ).fetchone()
    return Rate(*row) if row else None
