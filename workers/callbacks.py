"""From the inbox to its meaning: delivery reports settle messages, keywords are answered, what is
said of errands goes to `answers`, what M-PESA says of money that comes in to `daraja`.

A report may come before the answer to the call that it is about has been written down, for a
message whose id we never learned, twice, or in the wrong order; each has one outcome here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain import keywords
from workers import confirming, daraja, inbox
from workers.answers import ANSWERS
from workers.inbox import Heard
from workers.pulled import PULLED
from workers.settle import MAY_BE_TAKEN
from workers.shop import Shop

DELIVERY, INCOMING, OPT_OUT = "sms_delivery", "sms_incoming", "sms_opt_out"
STOP = "STOP"

BATCH = 200
MOST_ATTEMPTS = 5
RETRY_S = 30.0

FINAL = frozenset({"Success", "Failed", "Rejected"})

_REPORTED = """
UPDATE outbox o SET report = v.status, report_reason = v.reason, reported_at = %s
FROM unnest(%s::text[], %s::text[], %s::text[]) AS v (provider_id, status, reason)
WHERE o.provider_id = v.provider_id
  AND (o.report IS NULL OR o.report NOT IN ('Success', 'Failed', 'Rejected'))
"""

_KNOWN = "SELECT provider_id FROM outbox WHERE provider_id = ANY(%s)"

_OPEN_TO = """
SELECT id, state FROM outbox
WHERE address = %s AND state IN ('sending', 'unknown')
ORDER BY claimed_at, id FOR UPDATE
"""

_SETTLED = """
UPDATE outbox SET state = 'done', provider_id = %s, report = %s, report_reason = %s,
    reported_at = %s, ended_at = %s, facts = facts - 'code'
WHERE id = %s
"""

_IN_DOUBT = "UPDATE outbox SET error = %s WHERE id = ANY(%s)"

log = logs.get(__name__)


def hear(shop: Shop) -> int:
    """Understand a batch of what is due. Returns how many rows it looked at.

    Raises SQLAlchemyError when the database does not answer.
    """
    now = shop.app.clock.now()
    with shop.app.engine.connect() as connection:
        waiting = inbox.due(connection, now, BATCH)
    for together in TOGETHER:
        ids = [id_ for id_, kind in waiting if kind == together]
        if ids and not _try(shop, ids):
            for id_ in ids:
                _try(shop, [id_])
    for id_, kind in waiting:
        if kind not in TOGETHER:
            _try(shop, [id_])
    confirming.confirm(shop)
    return len(waiting)


def _try(shop: Shop, ids: Sequence[int]) -> bool:
    """Understand these rows in one transaction; a failure is noted on a single row, not on many."""
    try:
        with shop.app.engine.begin() as connection:
            _understand(shop, connection, inbox.take(connection, ids))
    except Exception as failure:
        if len(ids) == 1:
            log.exception("something heard could not be understood", id=ids[0])
            _note_failure(shop, ids[0], type(failure).__name__)
        return False
    return True


def _understand(shop: Shop, connection: Connection, heard: Sequence[Heard]) -> None:
    now = shop.app.clock.now()
    for kind, understand in TOGETHER.items():
        some = [each for each in heard if each.kind == kind]
        if some:
            understand(shop, connection, some, now)
    for each in heard:
        if each.kind in (INCOMING, OPT_OUT):
            text = each.body["text"] if each.kind == INCOMING else STOP
            desk = shop.app.bank.desk
            keywords.answer(desk, shop.app.keywords, connection, each.body["phone"], text)
            inbox.done(connection, [each.id], now)
        elif each.kind in MEANINGS:
            MEANINGS[each.kind](shop, connection, each, now)
        elif each.kind not in TOGETHER:
            inbox.dead(connection, each.id, now, "a kind that nobody understands")


def _note_failure(shop: Shop, id_: int, name: str) -> None:
    now = shop.app.clock.now()
    with shop.app.engine.begin() as connection:
        for each in inbox.take(connection, [id_]):
            if each.attempts + 1 >= MOST_ATTEMPTS:
                inbox.dead(connection, id_, now, name)
            else:
                pause = timedelta(seconds=RETRY_S * 2**each.attempts)
                inbox.later(connection, id_, now + pause, name)


def _reports(shop: Shop, connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
    """Write reports onto the messages they name; those that name none wait or settle a doubt."""
    strongest: dict[str, Heard] = {}
    for each in heard:
        shop.app.metrics.report(each.body["status"])
        known = strongest.get(each.body["id"])
        if known is None or known.body["status"] not in FINAL:
            strongest[each.body["id"]] = each
    columns = [
        list(strongest),
        [each.body["status"] for each in strongest.values()],
        [each.body.get("reason") or None for each in strongest.values()],
    ]
    connection.exec_driver_sql(_REPORTED, (now, *columns))
    ours = set(connection.exec_driver_sql(_KNOWN, (list(strongest),)).scalars())
    inbox.done(connection, [each.id for each in heard if each.body["id"] in ours], now)
    for each in heard:
        if each.body["id"] not in ours and _orphan(shop, connection, each, now):
            ours.add(each.body["id"])


def _orphan(shop: Shop, connection: Connection, report: Heard, now: datetime) -> bool:
    """A report with an id that we do not know. True when it settled a message.

    The message may be in flight, its answer not yet written down: then wait. If none is, one of the
    unknown ones to that number was taken. The oldest is called done; which it was cannot be known,
    so the others wait for reports of their own and are never sent again by themselves.
    """
    open_ = connection.exec_driver_sql(_OPEN_TO, (report.body.get("phone", ""),)).all()
    in_flight = any(row.state == "sending" for row in open_)
    if open_ and not in_flight:
        told = (report.body["id"], report.body["status"], report.body.get("reason") or None)
        connection.exec_driver_sql(_SETTLED, (*told, now, now, open_[0].id))
        others = [row.id for row in open_[1:]]
        if others:
            connection.exec_driver_sql(_IN_DOUBT, (MAY_BE_TAKEN, others))
        inbox.done(connection, [report.id], now)
        shop.app.metrics.sms("done")
        log.debug("a report settled an unknown message", id=open_[0].id)
        return True
    if not inbox.put_off(connection, report, now, "its message is not known"):
        inbox.done(connection, [report.id], now, "about no message of ours")
    return False


MEANINGS = {**ANSWERS, **daraja.MEANINGS}
"""What is done with a message of a kind, one a transaction."""
TOGETHER: Mapping[str, Callable[[Shop, Connection, Sequence[Heard], datetime], None]] = {
    DELIVERY: _reports,
    daraja.PAYMENT: daraja.payments,
    PULLED: daraja.payments,
}
"""What is done with all messages of a kind that are due, in one transaction."""
