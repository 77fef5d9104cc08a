"""The doors for what the gateway tells us about SMS and sessions, stored as it came, acknowledged
at once, and understood later by a worker.

Knows neither keywords nor the outbox. A message's text is never logged.
"""

from collections.abc import Callable

import redis
from flask import Blueprint, Response, request

from ussd_app.channels import answers, callbacks
from ussd_app.channels.callbacks import Keeper
from ussd_app.channels.limits import NumberLimit
from ussd_app.channels.schemas import (
    DeliveryReportSchema,
    IncomingSchema,
    OptOutSchema,
    SessionEndSchema,
    read_form,
)
from ussd_app.channels.sessions import Sessions
from ussd_app.domain.inbox import Inbox, SessionEnd
from ussd_app.kernel.clock import Clock
from ussd_app.metrics import Metrics

FORM = "application/x-www-form-urlencoded"
"""What every callback of this gateway is sent as."""


class Doors:
    """Four callbacks: delivery reports, incoming messages, opt-outs and ends of sessions."""

    def __init__(
        self,
        inbox: Inbox,
        sessions: Sessions,
        metrics: Metrics,
        nudge: Callable[[], None],
        steps: frozenset[str],
        limit: NumberLimit,
        clock: Clock,
    ) -> None:
        self._inbox = inbox
        self._sessions = sessions
        self._metrics = metrics
        self._keeper = Keeper(inbox, nudge)
        self._steps = steps
        self._limit = limit
        self._clock = clock

    def delivery(self) -> Response:
        """A report on an SMS of ours. One row a message and status: reports come in any order."""
        report = read_form(DeliveryReportSchema(), request)
        key = f"{report['id']}:{report['status']}:{report['retries']}"
        return self._keeper.keep("sms_delivery", key, report)

    def incoming(self) -> Response:
        """An SMS from a customer; redelivered by the gateway until it hears 200, so one too many
        hears it as well."""
        message = read_form(IncomingSchema(), request)
        if not self._limit.allows(message["phone"]):
            self._metrics.rejected("sms", "flood")
            return answers.say(200, "Too many messages from this number: not kept.")
        return self._keeper.keep("sms_incoming", message["id"], message)

    def opt_out(self) -> Response:
        """A customer had the gateway stop our messages: the same as sending STOP.

        The notice has no id. Within an hour the same one is a repeat; later it is a new wish, since
        a START may lie in between.
        """
        notice = read_form(OptOutSchema(), request)
        hour = f"{self._clock.now():%Y%m%d%H}"
        key = f"{notice['phone']}:{notice['sender']}:{hour}"
        return self._keeper.keep("sms_opt_out", key, notice)

    def session_end(self) -> Response:
        """How a session ended and at which step: by our own label, or where Redis left it."""
        event = read_form(SessionEndSchema(), request)
        try:
            live = self._sessions.peek(event["session_id"])
        except redis.RedisError:
            live = None
        step = live[2] if live else event["labels"].rpartition("|")[2]
        end = SessionEnd(
            session_id=event["session_id"],
            status=event["status"],
            network=event["network"],
            step=step if step in self._steps else "unknown",
            hops=int(event["hops"]),
            duration_ms=int(event["duration_ms"]),
            cost=event["cost"],
        )
        if self._inbox.session_ended(end):
            self._metrics.session_ended(end.status, end.step)
        return answers.say(200, "Received.")


def blueprint(doors: Doors, metrics: Metrics, secret: str | None) -> Blueprint:
    """The four doors, each under the secret where there is one."""
    views = {
        "/sms/delivery": doors.delivery,
        "/sms/incoming": doors.incoming,
        "/sms/opt-out": doors.opt_out,
        "/ussd/events": doors.session_end,
    }
    return callbacks.blueprint("sms", views, metrics, secret)
