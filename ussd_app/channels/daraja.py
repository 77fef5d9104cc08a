"""The doors for Safaricom's Daraja: what it tells us is stored as it came, and understood later by
a worker. One question is answered at once: whether a payment may be made.

The same message twice is one row. Another message about the same thing is another row, however
like the first: it may correct it, complete it or contradict it, and which is the worker's to say.

Nothing is signed. Who knows the secret in the path, and comes from an address that is allowed, is
believed to be Safaricom; and what is said is held against our own rows before money moves by it. A
shape that nobody knows is kept for people and acknowledged: told otherwise, Safaricom may stop
telling us anything.
"""

import hashlib
import ipaddress
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog
from flask import Blueprint, Response, abort, request
from sqlalchemy.exc import SQLAlchemyError

from ussd_app.domain.desk import Desk
from ussd_app.domain.inbox import Inbox
from ussd_app.domain.mpesa import validation
from ussd_app.domain.mpesa.validation import Verdict
from ussd_app.kernel.daraja import (
    C2b,
    NotUnderstood,
    conversation_of,
    read_c2b,
    read_result,
    read_stk,
)
from ussd_app.kernel.environ import Network
from ussd_app.kernel.errors import Unavailable
from ussd_app.metrics import Metrics

RESULTS = ("b2c", "b2b", "balance", "status", "reversal")
"""What ends by a result, told at a door of its own, or by a time-out at another."""
UNKNOWN = "mpesa_unknown"
PATIENCE_S = 5.0
"""So long one payment is judged in all, waits for connections and locks among it. Safaricom hears
nothing any more after eight seconds, and then decides by itself."""
JUDGES = 8
"""So many payments are judged at once by a process; of a database that hangs no more is held."""
ACKNOWLEDGED = json.dumps({"ResultCode": 0, "ResultDesc": "Success"})
JSON = "application/json"

_log = structlog.get_logger("daraja")

Named = Callable[[bytes], str]
"""From a body to what it is about. Raises NotUnderstood."""


class Doors:
    """What is told, by kind, and the one question."""

    def __init__(
        self, inbox: Inbox, desk: Desk, metrics: Metrics, nudge: Callable[[], None]
    ) -> None:
        self._inbox = inbox
        self._desk = desk
        self._metrics = metrics
        self._nudge = nudge
        self._judges = ThreadPoolExecutor(JUDGES, thread_name_prefix="judge")

    def keep(self, kind: str, named: Named) -> Response:
        """Store what was told, once, and acknowledge it."""
        body = request.get_data(cache=False)
        try:
            about = named(body)
        except NotUnderstood as strange:
            _log.warning("Safaricom said something of an unknown shape", kind=kind, why=strange.why)
            self._metrics.mpesa("unknown_shape")
            kind, about = UNKNOWN, kind
        key = f"{about}:{hashlib.sha256(body).hexdigest()}"
        if self._inbox.hear(kind, key, {"raw": _text(body)}):
            self._nudge()
        return Response(ACKNOWLEDGED, content_type=JSON)

    def validation(self) -> Response:
        """Whether a payment may be made. What we cannot judge is refused: nothing has moved yet."""
        try:
            verdict = self._judged(read_c2b(request.get_data(cache=False)))
        except NotUnderstood as strange:
            _log.warning("a payment to be validated has an unknown shape", why=strange.why)
            self._metrics.mpesa("unknown_shape")
            verdict = Verdict.OTHER_ERROR
        except (SQLAlchemyError, Unavailable, TimeoutError) as silent:
            _log.error("a payment was not validated", kind=type(silent).__name__)
            verdict = Verdict.OTHER_ERROR
        accepted = verdict is Verdict.ACCEPTED
        self._metrics.mpesa("accepted" if accepted else "rejected")
        said = {"ResultCode": verdict.value, "ResultDesc": "Accepted" if accepted else "Rejected"}
        return Response(json.dumps(said), content_type=JSON)

    def _judged(self, asked: C2b) -> Verdict:
        """Raises TimeoutError when that takes too long, and whatever judging raises."""
        judged = self._judges.submit(validation.judge, self._desk, asked)
        try:
            return judged.result(PATIENCE_S)
        finally:
            judged.cancel()

    def views(self) -> dict[str, Callable[[], Response]]:
        """Every door by what follows the secret."""
        doors: dict[str, Callable[[], Response]] = {
            "stk": partial(self.keep, "mpesa_stk", _push),
            "c2b/confirmation": partial(self.keep, "mpesa_c2b", _payment),
            "c2b/validation": self.validation,
            "pull": partial(self.keep, "mpesa_pull", _notice),
        }
        for what in RESULTS:
            doors[f"{what}/result"] = partial(self.keep, f"mpesa_{what}_result", _result)
            doors[f"{what}/timeout"] = partial(self.keep, f"mpesa_{what}_timeout", _timeout)
        return doors


def blueprint(doors: Doors, under: str, allowed: Sequence[Network]) -> Blueprint:
    """The doors, under a path with their secret, for the allowed addresses where some are."""
    blue = Blueprint("daraja", __name__)
    for path, view in doors.views().items():
        blue.add_url_rule(f"{under}/{path}", path.replace("/", "_"), view, methods=["POST"])

    @blue.before_request
    def _must_be_allowed() -> None:
        if allowed and not _is_in(request.remote_addr or "", allowed):
            abort(404)

    return blue


def _is_in(address: str, allowed: Sequence[Network]) -> bool:
    try:
        at = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(at, ipaddress.IPv6Address) and at.ipv4_mapped:
        at = at.ipv4_mapped
    return any(at in network for network in allowed)


def _text(body: bytes) -> str:
    """A body as text that a database takes: what is no UTF-8, or NUL, is written as an escape."""
    return body.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def _push(body: bytes) -> str:
    push = read_stk(body)
    return f"{push.checkout_request_id}:{push.code}"


def _payment(body: bytes) -> str:
    return read_c2b(body).receipt


def _result(body: bytes) -> str:
    result = read_result(body)
    return f"{result.originator_id}|{result.conversation_id}:{result.code}"


def _notice(body: bytes) -> str:
    """What comes to whoever may list payments is not documented: any text is one."""
    return hashlib.sha256(body).hexdigest()


def _timeout(body: bytes) -> str:
    return "|".join(conversation_of(body))
