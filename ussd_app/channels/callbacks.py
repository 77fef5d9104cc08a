"""What every door for a provider's callbacks does: take it under the secret where there is one,
keep it once, wake whoever understands it, and answer what is malformed by its own status.
"""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from ussd_app.channels import answers
from ussd_app.channels.schemas import FormInvalid
from ussd_app.domain.inbox import Inbox
from ussd_app.metrics import Metrics


class Keeper:
    """Stores what was told, once, and nudges the workers when it is new."""

    def __init__(self, inbox: Inbox, nudge: Callable[[], None]) -> None:
        self._inbox = inbox
        self._nudge = nudge

    def keep(self, source: str, key: str, payload: Mapping[str, str]) -> Response:
        """Acknowledge a callback; `key` is what makes it the same one when it comes again."""
        if self._inbox.hear(source, key, payload):
            self._nudge()
        return answers.say(200, "Received.")


def blueprint(
    name: str, views: Mapping[str, Callable[[], Response]], metrics: Metrics, secret: str | None
) -> Blueprint:
    """The doors by path, each under the secret where there is one."""
    blue = Blueprint(name, __name__)
    tail = f"/{secret}" if secret else ""
    for path, view in views.items():
        blue.add_url_rule(path + tail, view.__name__, view, methods=["POST"])

    @blue.errorhandler(FormInvalid)
    def _invalid(invalid: FormInvalid) -> Response:
        metrics.rejected(request.path.split("/")[1], invalid.reason)
        return answers.say(invalid.status, invalid.sentence)

    return blue
