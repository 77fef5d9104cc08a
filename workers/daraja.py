"""What Safaricom says of money that comes in: from the inbox to its meaning.

Payments are entered many at a time, on several lines: at the end of a month they come by thousands
in a minute. Whatever cannot be entered now is tried again for as long as it takes, for the money
has come.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.mpesa.arrival import Each, Outcome, Payment, Placed
from ussd_app.domain.mpesa.pushes import Push
from ussd_app.kernel.daraja import NotUnderstood, Stk, read_c2b, read_stk
from ussd_app.kernel.errors import RefusalCode, Refused
from workers import confirming, inbox, pulled, push_rows
from workers.inbox import Heard
from workers.pulled import PULLED
from workers.pushes import not_paid
from workers.shop import Shop

PAYMENT, PUSH, NOTICE, UNKNOWN = "mpesa_c2b", "mpesa_stk", "mpesa_pull", "mpesa_unknown"
PAID, PENDING = "0", "4999"
NOT_UNDERSTOOD, CONTRADICTED = "mpesa_not_understood", "mpesa_contradicted"

LINES = 8
"""Payments that are entered at once. Measured with nine in ten to one pay bill, whose number is
looked for in billers' books, worker and PostgreSQL on two cores of which four times as much was
asked: 1 line enters 73 to 120 a second, 2 lines 155, 4 lines 177 to 243, 8 lines 322."""
FIRST_WAIT_S = 1.0
MOST_WAITS = 18
"""How often the end of a push waits for its beginning: a quarter of an hour in all."""

log = logs.get(__name__)


class Elsewhere(NotUnderstood):
    """A payment into another pay bill than ours: its money is not with us."""


def payments(shop: Shop, connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
    """Payments into our pay bill: each is entered once, whatever we say of it."""
    came: list[tuple[Heard, Payment]] = []
    for each in heard:
        try:
            payment = _payment(shop, each)
        except NotUnderstood as strange:
            alarm = "mpesa_elsewhere" if isinstance(strange, Elsewhere) else NOT_UNDERSTOOD
            _for_people(shop, connection, each, now, strange.why, alarm)
            continue
        if each.kind == PULLED:
            came.append((each, payment))
        elif free := confirming.released(shop, connection, each, payment, now):
            came.append((each, free))
    read = [payment for _, payment in came]
    outcomes = arrival.place(shop.app.bank.desk, connection, read, _on_lines(shop))
    done = []
    for (each, _), outcome in zip(came, outcomes, strict=True):
        if isinstance(outcome, Placed):
            shop.app.metrics.mpesa(_event(outcome))
            if each.kind == PULLED and not outcome.repeated:
                log.error("nobody told us of a payment; Safaricom's list did", id=each.id)
                shop.app.metrics.alarm("mpesa_untold")
            done.append(each.id)
        else:
            _not_entered(shop, connection, each, now, outcome)
    inbox.done(connection, done, now)


def push(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """How a push ended. Held against what was asked for before any money is entered by it."""
    try:
        said = read_stk(heard.body["raw"])
    except NotUnderstood as strange:
        _for_people(shop, connection, heard, now, strange.why, NOT_UNDERSTOOD)
        return
    row = push_rows.by_checkout(connection, said.checkout_request_id)
    if row is None and said.paid:
        row = _nameless(connection, said)
    if row is None:
        _wait(shop, connection, heard, now, said)
    elif said.paid:
        _paid(shop, connection, heard, now, row, said)
    else:
        _not_paid(shop, connection, row, said, now)
        inbox.done(connection, [heard.id], now)


def _nameless(connection: Connection, said: Stk) -> Push | None:
    """The push whose name we never learned, by number and amount; None while its call is out, and
    where there are several."""
    if said.msisdn is None or said.amount_minor is None:
        return None
    alike = push_rows.nameless(connection, said.msisdn, said.amount_minor)
    if len(alike) != 1 or alike[0].state == "sent":
        return None
    push_rows.name(connection, alike[0], said.checkout_request_id, said.merchant_request_id)
    return alike[0]


def _paid(
    shop: Shop, connection: Connection, heard: Heard, now: datetime, row: Push, said: Stk
) -> None:
    assert said.receipt is not None
    if said.amount_minor != row.amount_minor or said.msisdn not in (None, row.msisdn):
        why = "another amount or payer than was asked for"
        _for_people(shop, connection, heard, now, why, "push_mismatched")
        return
    if row.mpesa not in (None, said.receipt) and not row.guessed:
        why = "its push was paid by another receipt"
        _for_people(shop, connection, heard, now, why, CONTRADICTED)
        return
    if row.state == "failed":
        shop.app.metrics.alarm("push_paid_after_all")
        log.error("a push that was said to have failed was paid", id=row.id, code=row.result_code)
    elif row.mpesa not in (None, said.receipt):
        log.warning("a push has another receipt than was thought", id=row.id)
    paid = (said.receipt, row.amount_minor, row.account, row.msisdn, "", said.at or now, row.facts)
    (outcome,) = arrival.place(shop.app.bank.desk, connection, [Payment(*paid)])
    if not isinstance(outcome, Placed):
        _not_entered(shop, connection, heard, now, outcome)
        return
    push_rows.paid(connection, row, said.receipt, now)
    shop.app.metrics.mpesa(_event(outcome))
    shop.app.metrics.mpesa("push_paid")
    inbox.done(connection, [heard.id], now)


def _not_paid(shop: Shop, connection: Connection, row: Push, said: Stk, now: datetime) -> None:
    """The customer is told why, once; what was paid stays paid."""
    if said.code == PENDING:
        return
    if said.code == PAID:
        push_rows.said(connection, row, PAID)
    elif row.state == "succeeded":
        shop.app.metrics.alarm(CONTRADICTED)
        log.error("a push that was paid is said to have failed", id=row.id, code=said.code)
    else:
        not_paid(shop.app, connection, row, said.code, now)


def _wait(shop: Shop, connection: Connection, heard: Heard, now: datetime, said: Stk) -> None:
    """The answer to the call may not be written down yet. One that was never ours is for people
    when it speaks of money; the money itself comes by its own confirmation."""
    why = "its push is not known"
    if inbox.put_off(connection, heard, now, why, first_s=FIRST_WAIT_S, most=MOST_WAITS):
        return
    if said.paid:
        _for_people(shop, connection, heard, now, "about no push of ours", "push_unknown")
    else:
        inbox.done(connection, [heard.id], now, "about no push of ours")


def strange(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """A shape that nobody knows: a person looks at it."""
    _for_people(shop, connection, heard, now, "a shape that nobody knows", NOT_UNDERSTOOD)


def notice(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """Something about the list, at a door without a signature: kept, and nothing follows from it.
    The list itself is what we ask for."""
    inbox.done(connection, [heard.id], now, "a notice of the list")


def waiting(shop: Shop, connection: Connection) -> dict[str, int]:
    """What we were told of and have not entered yet: cents by receipt."""
    waits: dict[str, int] = {}
    for heard in inbox.waiting(connection, (PAYMENT, PULLED, PUSH)):
        try:
            if heard.kind == PUSH:
                said = read_stk(heard.body["raw"])
                if said.paid and said.receipt and said.amount_minor:
                    waits[said.receipt] = said.amount_minor
            else:
                payment = _payment(shop, heard)
                waits[payment.mpesa] = payment.amount_minor
        except NotUnderstood:
            continue
    return waits


def _payment(shop: Shop, heard: Heard) -> Payment:
    if heard.kind == PULLED:
        return pulled.read(heard.body)
    paid = read_c2b(heard.body["raw"])
    if paid.shortcode != shop.app.bank.desk.mpesa_shortcode:
        raise Elsewhere("paid to another pay bill than ours")
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
        why = "another amount was entered under its receipt"
        _for_people(shop, connection, heard, now, why, CONTRADICTED)
        return
    first = failure if not heard.attempts else None
    log.error("a payment could not be entered", id=heard.id, exc_info=first)
    inbox.later(connection, heard.id, now + inbox.pause(heard.attempts), type(failure).__name__)


def _for_people(
    shop: Shop, connection: Connection, heard: Heard, now: datetime, why: str, alarm: str
) -> None:
    """Keep it: `python -m ussd_app inbox` shows what is kept."""
    shop.app.metrics.alarm(alarm)
    log.error("what Safaricom said needs a person", id=heard.id, kind=heard.kind, why=why)
    inbox.dead(connection, heard.id, now, why)


MEANINGS: Mapping[str, Callable[[Shop, Connection, Heard, datetime], None]] = {
    PUSH: push,
    NOTICE: notice,
    UNKNOWN: strange,
}
