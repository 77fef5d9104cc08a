"""Large payments, released when Safaricom's own list has them: whoever knows our doors cannot write
there.

Nobody is asked while rows are locked, and nobody waits for the asking: what must be asked about is
put off, looked for beside the work, and due again at once when it was found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain.mpesa.arrival import Payment
from workers import inbox, pulled
from workers.gateways.daraja import Daraja
from workers.inbox import Heard
from workers.pulled import NotListed
from workers.queueing import nudge
from workers.shop import Shop

UNLISTED = "large, and not in Safaricom's list"
UNASKED = "large, and Safaricom could not be asked about it"
MOST_LOOKS = 6
"""So often a payment that the list lacks is looked for, within ten minutes; then people decide."""
MOST_WAITS = 12
"""So often one waits for a list that cannot be had, for an hour and more."""
AROUND_S = (2.0, 60.0)
"""So near to its own time a payment is looked for in the list, and then farther away."""
APART_S = 60.0
LONGEST_S = 900.0
"""Payments are looked for together that were paid one so soon after the other, up to so long."""

log = logs.get(__name__)

Some = Sequence[tuple[int, Payment]]
"""Payments with their rows of the inbox."""


def released(
    shop: Shop, connection: Connection, heard: Heard, payment: Payment, now: datetime
) -> Payment | None:
    """The payment as it may be entered now, in doubt where nobody confirms it; None while it
    waits to be asked about by `confirm`."""
    above = shop.app.settings.daraja_confirm_above * 100
    if not 0 < above < payment.amount_minor or inbox.is_confirmed(heard):
        return payment
    missing = inbox.is_missing(heard)
    why = UNLISTED if missing else UNASKED
    if heard.attempts >= (MOST_LOOKS if missing else MOST_WAITS):
        return replace(payment, doubt=why)
    inbox.later(connection, heard.id, now + inbox.pause(heard.attempts), why)
    shop.unconfirmed[heard.id] = payment
    return None


def confirm(shop: Shop) -> None:
    """Ask Safaricom for the payments that wait for it, beside what people wait for."""
    if shop.unconfirmed and shop.daraja is not None:
        shop.aside("confirm", _ask)


def _ask(shop: Shop) -> None:
    """Look for them in the list; what is there is due at once."""
    assert shop.daraja is not None
    while shop.unconfirmed:
        wanted = [shop.unconfirmed.popitem() for _ in range(len(shop.unconfirmed))]
        for some in _together(sorted(wanted, key=lambda it: it[1].paid_at)):
            if shop.stopping.is_set():
                return
            try:
                found = _listed(shop.daraja, some)
            except NotListed as why:
                log.warning("Safaricom did not list payments", why=str(why))
                continue
            with shop.app.engine.begin() as connection:
                inbox.confirm(connection, sorted(found), shop.app.clock.now())
                inbox.miss(connection, [id_ for id_, _ in some if id_ not in found])
            nudge(shop.app.redis)


def _together(some: Some) -> Iterator[Some]:
    """Those that were paid at about the same time, of payments in the order of their times."""
    begin = 0
    for place in range(1, len(some) + 1):
        first, last = some[begin][1].paid_at, some[place - 1][1].paid_at
        following = some[place][1].paid_at if place < len(some) else None
        if (
            following is None
            or following - last > timedelta(seconds=APART_S)
            or following - first > timedelta(seconds=LONGEST_S)
        ):
            yield some[begin:place]
            begin = place


def _listed(safaricom: Daraja, some: Some) -> set[int]:
    """The rows of those that the list has. Raises NotListed."""
    since, until = some[0][1].paid_at, some[-1][1].paid_at
    found: set[int] = set()
    for around in (timedelta(seconds=seconds) for seconds in AROUND_S):
        rows = pulled.listed(safaricom, since - around, until + around)
        there = {(row.receipt, row.amount_minor) for row in rows}
        found = {id_ for id_, it in some if (it.mpesa, it.amount_minor) in there}
        if len(found) == len(some):
            break
    return found
