"""Pushes: each phone asked once, and how it ended learnt by all ways there are.

A call without an answer is never made again: the phone may be asked already. What Safaricom has
named to us is asked about; of the others a payment that comes in speaks. The answer to a question
names no receipt, and without a receipt nothing is entered: it comes by the callback, or by the
payment's own confirmation, sooner or later.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.bootstrap import App
from ussd_app.domain.mpesa import pushes
from ussd_app.domain.mpesa.pushes import BUSY, NOT_TAKEN, SORRY, Push
from ussd_app.kernel.daraja import StkStanding, account_number
from workers import pulled, push_rows
from workers.gateways.daraja import Daraja, Pushed
from workers.gateways.errands import Declined, Open, Postponed
from workers.lines import Lines
from workers.pulled import NotListed
from workers.queueing import nudge

DESCRIPTION = "Kabambe"
PAID = "0"
LOOKS_BEFORE_PULL = 2
"""A callback has had its time by then."""
PAID_WITHIN = timedelta(minutes=5)
"""A phone is asked for a minute or two. What is paid later still is for the hourly list to find."""
LONG_S = 60.0
"""Whoever holds the phone does not wait longer for the question than this."""
PAUSE_S = 5.0

log = logs.get(__name__)


class Pushes:
    """All pushes of one worker. `lines` is how many calls may be out at once."""

    def __init__(self, app: App, safaricom: Daraja, name: str, lines: int) -> None:
        self._app = app
        self._safaricom = safaricom
        self._name = name
        self._lines = Lines(app, "push", lines)

    def turn(self) -> int:
        """Ask for what is due. Returns how many. Raises SQLAlchemyError."""
        now = self._app.clock.now()
        return self._lines.each(lambda it: push_rows.claim(it, self._name, now), self._ask)

    def sweep(self) -> None:
        """Find pushes whose worker was lost, and ask what became of those without an end."""
        now = self._app.clock.now()
        with self._app.engine.begin() as connection:
            lost = push_rows.abandon(connection, now)
        if lost:
            log.warning("pushes were out when their worker died", count=lost)
        self._lines.each(lambda it: push_rows.doubtful(it, now), self._look)

    def close(self) -> None:
        """Begin nothing new, and wait for the calls that are out."""
        self._lines.close()

    # asking

    def _ask(self, push: Push) -> None:
        try:
            told = self._safaricom.push(push.msisdn, push.amount_minor, push.account, DESCRIPTION)
        except Exception as failure:
            log.exception("Safaricom's client failed", id=push.id)
            told = Open(type(failure).__name__)
        with self._app.engine.begin() as connection:
            self._record(connection, push, told, self._app.clock.now())

    def _record(
        self,
        connection: Connection,
        push: Push,
        told: Pushed | Declined | Postponed | Open,
        now: datetime,
    ) -> None:
        match told:
            case Pushed(merchant, checkout):
                if not push_rows.taken(connection, push, merchant, checkout, now):
                    log.error("a push was taken that has moved on", id=push.id)
            case Open(why):
                push_rows.in_doubt(connection, push, now, why)
                log.warning("a push may be on a phone or not", id=push.id, why=why)
            case Declined(why):
                log.warning("a push was refused", id=push.id, why=why)
                self._fail(connection, push, NOT_TAKEN, now)
            case Postponed(why, pause_s):
                log.warning("a push was not taken", id=push.id, why=why)
                self._postpone(connection, push, now, why, pause_s)

    def _postpone(
        self, connection: Connection, push: Push, now: datetime, why: str, pause_s: float | None
    ) -> None:
        """Ask again in a moment; whoever would have to wait longer is told that it failed."""
        due = now + timedelta(seconds=pause_s or PAUSE_S * 2.0 ** (push.attempts - 1))
        if due - push.created_at <= timedelta(seconds=LONG_S):
            push_rows.not_now(connection, push, due, why)
        else:
            self._fail(connection, push, BUSY if pause_s else NOT_TAKEN, now)

    def _fail(self, connection: Connection, push: Push, code: str, now: datetime) -> None:
        if push_rows.failed(connection, push, code, now):
            pushes.sorry(self._app.bank.desk, connection, push, code)
            self._app.metrics.mpesa("push_failed")

    # looking

    def _look(self, push: Push) -> None:
        """Ask Safaricom, where it knows the push by name; then see whether its money has come."""
        code = push.result_code
        if code is None and push.checkout_id is not None:
            code = self._standing(push, push.checkout_id)
        if code == PAID and push.looks >= LOOKS_BEFORE_PULL:
            self._pull(push)
        now = self._app.clock.now()
        with self._app.engine.begin() as connection:
            if code is not None and code != PAID:
                not_paid(self._app, connection, push, code, now)
                return
            if code == PAID and push.result_code is None:
                push_rows.said(connection, push, PAID)
            self._find(connection, push, now, code)

    def _standing(self, push: Push, checkout: str) -> str | None:
        """How it ended, by Safaricom's code; None while nobody knows. A code that we do not know
        is asked about again: it may be another word for `wait`."""
        try:
            stands = self._safaricom.push_standing(checkout)
        except Exception:
            log.exception("Safaricom's client failed", id=push.id)
            return None
        if not isinstance(stands, StkStanding):
            return None
        if stands.code == PAID or stands.code in SORRY:
            return stands.code
        log.warning("a push stands nobody knows how", id=push.id, code=stands.code)
        return None

    def _pull(self, push: Push) -> None:
        """What was paid and is not confirmed stands in Safaricom's list, receipt and all. What else
        stands there is for others to find."""
        since = push.created_at - timedelta(seconds=push_rows.EARLIER_S)
        until = min(push.created_at + PAID_WITHIN, self._app.clock.now())
        account = account_number(push.account)
        try:
            for row in pulled.listed(self._safaricom, since, until):
                wanted = row.came_in and row.amount_minor == push.amount_minor
                if wanted and account_number(row.account) == account:
                    pulled.hear(self._app.inbox, row)
        except NotListed as why:
            log.warning("Safaricom's list could not be had", why=str(why))
        except Exception:
            log.exception("Safaricom's client failed", id=push.id)
        nudge(self._app.redis)

    def _find(self, connection: Connection, push: Push, now: datetime, code: str | None) -> None:
        """The money may have come by its own confirmation. Of several alike the oldest is taken:
        all of them are entered, and the others are left for their own pushes."""
        told = code == PAID or push.checkout_id is None
        found = push_rows.receipts_for(connection, push) if told else []
        if found:
            push_rows.paid(connection, push, found[0], now, guessed=True)
            self._app.metrics.mpesa("push_paid")
        elif now - push.created_at > push_rows.MOST_AGE:
            push_rows.give_up(connection, push, "nobody can be asked any more")
            if code == PAID:
                log.error("a push was paid and its money never came", id=push.id)
                self._app.metrics.alarm("push_without_receipt")


def not_paid(app: App, connection: Connection, push: Push, code: str, now: datetime) -> None:
    """Safaricom says that nothing was paid, and by which code. Whoever was asked is told so, once,
    unless money has come that may be just that; what was paid stays paid."""
    if not push_rows.failed(connection, push, code, now):
        return
    app.metrics.mpesa("push_failed")
    if push_rows.receipts_for(connection, push):
        app.metrics.alarm("mpesa_contradicted")
        log.error("a push is said to have failed, and its money is here", id=push.id)
    else:
        pushes.sorry(app.bank.desk, connection, push, code)
