"""What became of messages whose sending was cut short: evidence decides, nobody guesses.

A message is `unknown` when the call had no answer, or when its worker died while it was `sending`.
Then, in this order:

1. a delivery report for it arrives: it was sent, and is done (`workers.callbacks`);
2. there is evidence that it was never taken: at least `WITNESSES` later messages to the same
   network were taken, all but a few of them have been reported on, and after `PATIENCE_S` this one
   has not: it is sent again;
3. neither within `LONGEST_DOUBT_S`: it goes to the dead letters, for a person to decide.

A message with a one-time code is never sent again: its code has expired by then.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache

import phonenumbers
from phonenumbers import carrier
from sqlalchemy import Connection

from ussd_app import logs
from workers import outbox
from workers.outbox import Ending
from workers.shop import Shop

PATIENCE_S = 600.0
WITNESSES = 3
REPORTED_SHARE = 0.95
LONGEST_DOUBT_S = 86_400.0
MOST_ROWS = 1_000

_ABANDONED = """
UPDATE outbox SET state = 'unknown', error = 'its worker was lost'
WHERE state = 'sending' AND claimed_at < %s
RETURNING id
"""

_DOUBTFUL = """
SELECT id, address, claimed_at, facts ? 'code' AS secret
FROM outbox WHERE state = 'unknown' AND claimed_at < %s
ORDER BY claimed_at LIMIT %s
"""

_WITNESSES = """
SELECT address, claimed_at, reported_at IS NOT NULL AS reported
FROM outbox WHERE state = 'done' AND claimed_at > %s AND claimed_at < %s
ORDER BY claimed_at LIMIT %s
"""

log = logs.get(__name__)


@lru_cache(maxsize=65_536)
def network_of(msisdn: str) -> str:
    """The network that the number was given out to; a ported one is elsewhere, which only adds a
    little noise to the evidence."""
    try:
        return carrier.name_for_number(phonenumbers.parse(msisdn), "en")
    except phonenumbers.NumberParseException:
        return ""


def settle(shop: Shop) -> None:
    """Look for lost messages and for evidence about unknown ones. Raises SQLAlchemyError."""
    now = shop.app.clock.now()
    with shop.app.engine.begin() as connection:
        lost = connection.exec_driver_sql(
            _ABANDONED, (now - timedelta(seconds=outbox.SENDING_LIMIT_S),)
        ).all()
    if lost:
        log.warning("messages were in flight when their worker died", count=len(lost))
    with shop.app.engine.begin() as connection:
        endings = list(_decide(connection, now))
        outbox.end(connection, endings)
    for ending in endings:
        shop.app.metrics.sms("retry" if ending.state == "queued" else ending.state)
        log.warning("an unknown message was settled", id=ending.id, state=ending.state)


def _decide(connection: Connection, now: datetime) -> Iterable[Ending]:
    patience = now - timedelta(seconds=PATIENCE_S)
    doubtful = connection.exec_driver_sql(_DOUBTFUL, (patience, MOST_ROWS)).all()
    if not doubtful:
        return
    witnesses = _witnesses(connection, doubtful[0].claimed_at, patience)
    for row in doubtful:
        later = [
            told for at, told in witnesses.get(network_of(row.address), ()) if at > row.claimed_at
        ]
        if row.secret:
            yield Ending(row.id, "dead", now, now, error="its code expired while it was unknown")
        elif never_taken(later):
            yield Ending(row.id, "queued", now, now, error="never taken, by the reports of others")
        elif (now - row.claimed_at).total_seconds() > LONGEST_DOUBT_S:
            yield Ending(row.id, "dead", now, now, error="nobody learned what became of it")


def _witnesses(
    connection: Connection, since: datetime, until: datetime
) -> dict[str, list[tuple[datetime, bool]]]:
    """By network: when later messages were sent, and whether they were reported on."""
    found: dict[str, list[tuple[datetime, bool]]] = {}
    rows = connection.exec_driver_sql(_WITNESSES, (since, until, MOST_ROWS))
    for row in rows:
        found.setdefault(network_of(row.address), []).append((row.claimed_at, row.reported))
    return found


def never_taken(later_reported: list[bool]) -> bool:
    """Whether reports on later messages to the network show that ours was never taken."""
    reported = sum(later_reported)
    return reported >= WITNESSES and reported >= REPORTED_SHARE * len(later_reported)
