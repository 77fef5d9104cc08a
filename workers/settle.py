"""What became of messages whose sending was cut short: evidence decides, nobody guesses.

A message is `unknown` when the call had no answer, or when its worker died while it was `sending`.
Then, in this order:

1. a delivery report for it arrives: it was sent, and is done (`workers.callbacks`);
2. there is evidence that it was never taken: at least `WITNESSES` later messages to the same
   network were taken, all but a few of them have been reported on, and after `PATIENCE_S` this one
   has not: it is sent again, unless a report that named no message may have been about it;
3. neither within `LONGEST_DOUBT_S`: it goes to the dead letters, for a person to decide.

A message with a one-time code is never sent again: its code has expired by then. Nobody reports on
mail, so it bears witness for none and ends as the third says.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import phonenumbers
from phonenumbers import carrier
from sqlalchemy import Connection, Row

from ussd_app import logs
from workers import outbox
from workers.outbox import Ending
from workers.shop import Shop

PATIENCE_S = 600.0
WITNESSES = 3
REPORTED_SHARE = 0.95
LONGEST_DOUBT_S = 86_400.0
LOOK_AGAIN_S = 60.0
MOST_ROWS = 200
MOST_WITNESSES = 300

MAY_BE_TAKEN = "a report may have been about this one"
"""Noted on a message when a report settled another one of the same number in its place."""

_ABANDONED = """
UPDATE outbox SET state = 'unknown', error = 'its worker was lost'
WHERE state = 'sending' AND claimed_at < %s
RETURNING id
"""

_DOUBTFUL = """
SELECT id, address, claimed_at, facts ? 'code' AS secret, kind, error
FROM outbox WHERE state = 'unknown' AND claimed_at < %s AND due_at <= %s
ORDER BY due_at, id LIMIT %s FOR UPDATE SKIP LOCKED
"""

_LATER_ONES = """
SELECT d.id, w.address, w.reported_at IS NOT NULL AS reported
FROM unnest(%s::bigint[], %s::timestamptz[]) AS d (id, claimed_at)
CROSS JOIN LATERAL (
    SELECT address, reported_at FROM outbox o
    WHERE o.state = 'done' AND o.kind <> 'email'
      AND o.claimed_at > d.claimed_at AND o.claimed_at < %s
    ORDER BY o.claimed_at LIMIT %s
) AS w
"""

_LOOK_AGAIN = "UPDATE outbox SET due_at = %s WHERE id = ANY(%s) AND state = 'unknown'"

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
        endings = _decide(connection, now)
        outbox.end(connection, endings)
    for ending in endings:
        shop.app.metrics.sms("retry" if ending.state == "queued" else ending.state)
        log.warning("an unknown message was settled", id=ending.id, state=ending.state)


def _decide(connection: Connection, now: datetime) -> list[Ending]:
    """Judge a batch of unknown messages; those that stay unknown are looked at again later."""
    patience = now - timedelta(seconds=PATIENCE_S)
    doubtful = connection.exec_driver_sql(_DOUBTFUL, (patience, now, MOST_ROWS)).all()
    if not doubtful:
        return []
    heard = _witnesses(connection, doubtful, patience)
    endings = []
    for row in doubtful:
        if row.secret:
            verdict = ("dead", "its code expired while it was unknown")
        elif row.kind != "email" and row.error != MAY_BE_TAKEN and never_taken(heard[row.id]):
            verdict = ("queued", "never taken, by the reports of others")
        elif (now - row.claimed_at).total_seconds() > LONGEST_DOUBT_S:
            verdict = ("dead", "nobody learned what became of it")
        else:
            continue
        endings.append(Ending(row.id, verdict[0], now, now, error=verdict[1]))
    decided = {ending.id for ending in endings}
    undecided = [row.id for row in doubtful if row.id not in decided]
    again = now + timedelta(seconds=LOOK_AGAIN_S)
    connection.exec_driver_sql(_LOOK_AGAIN, (again, undecided))
    return endings


def _witnesses(
    connection: Connection, doubtful: Sequence[Row[Any]], until: datetime
) -> dict[int, list[bool]]:
    """For each doubtful message: later ones to its network, each whether it was reported on."""
    networks = {row.id: network_of(row.address) for row in doubtful}
    columns = (list(networks), [row.claimed_at for row in doubtful])
    found: dict[int, list[bool]] = {id_: [] for id_ in networks}
    later = connection.exec_driver_sql(_LATER_ONES, (*columns, until, MOST_WITNESSES))
    for id_, address, reported in later:
        if network_of(address) == networks[id_]:
            found[id_].append(reported)
    return found


def never_taken(later_reported: list[bool]) -> bool:
    """Whether reports on later messages to the network show that ours was never taken."""
    reported = sum(later_reported)
    return reported >= WITNESSES and reported >= REPORTED_SHARE * len(later_reported)
