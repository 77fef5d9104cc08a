"""What Safaricom says of money that comes in: from the inbox to its meaning.

Payments are entered many at a time, on several lines: at the end of a month they come by thousands
in a minute. Whatever cannot be entered now is tried again for as long as it takes, for the money
has come.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.mpesa.arrival import Each, Outcome, Payment, Placed
from ussd_app.kernel.daraja import C2b, NotUnderstood, read_c2b
from ussd_app.kernel.errors import RefusalCode, Refused
from workers import inbox
from workers.inbox import Heard
from workers.shop import Shop

PAYMENT, UNKNOWN = "mpesa_c2b", "mpesa_unknown"

LINES = 4
"""Payments that are entered at once. On two cores four lines are as good as eight: the ledger and
Python have one each."""
PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0

log = logs.get(__name__)


def payments(shop: Shop, connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
    """Payments into our pay bill: each is entered once, whatever we say of it."""
    came: list[tuple[Heard, Payment]] = []
    for each in heard:
        try:
            came.append((each, _payment(shop, read_c2b(each.body["raw"]))))
        except NotUnderstood as strange:
            _for_people(connection, each, now, strange.why)
    read = [payment for _, payment in came]
    outcomes = arrival.place(shop.app.bank.desk, connection, read, _on_lines(shop))
    done = []
    for (each, _), outcome in zip(came, outcomes, strict=True):
        if isinstance(outcome, Placed):
            shop.app.metrics.mpesa(_event(outcome))
            done.append(each.id)
        else:
            _not_entered(shop, connection, each, now, outcome)
    inbox.done(connection, done, now)


def strange(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """A shape that nobody knows: a person looks at it."""
    inbox.dead(connection, heard.id, now, "a shape that nobody knows")


def _payment(shop: Shop, paid: C2b) -> Payment:
    if paid.shortcode != shop.app.bank.desk.mpesa_shortcode:
        raise NotUnderstood("paid to another pay bill than ours")
    return Payment(paid.receipt, paid.amount_minor, paid.account, paid.payer, paid.name, paid.at)


def _event(placed: Placed) -> str:
    if placed.repeated:
        return "repeated"
    return "placed" if placed.because is None else "kept_aside"


def _on_lines(shop: Shop) -> Each:
    """Several payments at a time, where the shop has lines."""
    pool = shop.pool
    if pool is None:
        return map

    def each(one: Callable[[Payment], Outcome], came: Iterable[Payment]) -> Iterable[Outcome]:
        every = list(came)
        slices = [every[line::LINES] for line in range(LINES)]
        done = list(pool.map(lambda part: [one(payment) for payment in part], slices))
        return [done[place % LINES][place // LINES] for place in range(len(every))]

    return each


def _not_entered(
    shop: Shop, connection: Connection, heard: Heard, now: datetime, failure: Exception
) -> None:
    """A contradiction is for people; anything else is tried again, however long it takes."""
    if isinstance(failure, Refused) and failure.code is RefusalCode.KEY_CONFLICT:
        shop.app.metrics.mpesa("contradicted")
        _for_people(connection, heard, now, "another amount was entered under its receipt")
        return
    first = failure if not heard.attempts else None
    log.error("a payment could not be entered", id=heard.id, exc_info=first)
    inbox.later(connection, heard.id, now + pause(heard.attempts), type(failure).__name__)


def _for_people(connection: Connection, heard: Heard, now: datetime, why: str) -> None:
    log.error("what Safaricom said needs a person", id=heard.id, kind=heard.kind, why=why)
    inbox.dead(connection, heard.id, now, why)


def pause(attempts: int) -> timedelta:
    """So long before something is tried again that has failed so often."""
    return timedelta(seconds=min(PAUSE_S * 2.0 ** min(attempts, 20), LONGEST_PAUSE_S))


MEANINGS: Mapping[str, Callable[[Shop, Connection, Heard, datetime], None]] = {
    UNKNOWN: strange,
}
