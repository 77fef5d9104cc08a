"""One call to Safaricom: with a token, a time limit, a breaker, and once more with a new token.

An API that refuses every token is not ours to ask, whatever it says: people have to look at it.

Knows HTTP and nothing of what is asked for. A connection a call: one gone stale would leave us in
doubt.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from ussd_app import logs
from ussd_app.kernel.daraja import NotUnderstood, Token, read_token
from workers.gateways import http
from workers.gateways.daraja_breaker import Breaker
from workers.gateways.daraja_errors import Meaning, Verdict, judge
from workers.gateways.daraja_keys import Account
from workers.gateways.daraja_token import NoToken, Shelf, Tokens
from workers.gateways.errands import Declined, Open, Postponed

TIMEOUT = (http.CONNECT_TIMEOUT_S, http.READ_TIMEOUT_S)
TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - a path
LATEST_START_S = 35.0
"""A request that has waited longer for its token is not sent: errands.SENDING_LIMIT_S is near."""
RESTING = "left alone for a while"
NOT_ALLOWED = "mpesa_not_allowed"
"""The alarm when our application has no leave for an API."""

Alarm = Callable[[str], None]
Payload = Mapping[str, str | int]
Failed = Declined | Postponed | Open

log = logs.get(__name__)


@dataclass(frozen=True)
class Answer:
    """A body that came with a status of success and is no error."""

    body: bytes


class _Resting(Exception):
    """The breaker is open."""


class Line:
    """The way to Safaricom for one application. Used from many threads at once."""

    def __init__(self, account: Account, shelf: Shelf, alarm: Alarm) -> None:
        self._account = account
        self._alarm = alarm
        self._root = account.url.rstrip("/")
        self._tokens = Tokens(shelf, f"{self._root} {account.consumer_key}", self._fetch)
        self._breakers: dict[str, Breaker] = {}
        self._lock = threading.Lock()

    def ask(self, path: str, payload: Payload) -> Answer | Failed:
        """Carry one request. Never raises for what Safaricom or the network does."""
        latest = time.monotonic() + LATEST_START_S
        try:
            answer = self._guarded(path, lambda: self._with_token(path, payload, latest))
        except (NoToken, _Resting) as why:
            return Postponed(str(why))
        except requests.RequestException as failure:
            never = http.never_began(failure)
            return Postponed(never) if never else Open(type(failure).__name__)
        if not isinstance(answer, Verdict):
            return answer
        if answer.meaning in (Meaning.TOKEN, Meaning.NO_LEAVE):
            log.error("Safaricom gives us no leave", path=path, why=answer.reason)
            self._alarm(NOT_ALLOWED)
        return answer.outcome()

    def _guarded(self, path: str, call: Callable[[], Answer | Verdict]) -> Answer | Verdict:
        """Call through the path's breaker. Raises _Resting, and whatever the call raises."""
        with self._lock:
            breaker = self._breakers.setdefault(path, Breaker())
        if not breaker.admits():
            raise _Resting(RESTING)
        try:
            answer = call()
        except NoToken:
            breaker.not_made()
            raise
        except BaseException:
            breaker.failed()
            raise
        if isinstance(answer, Verdict) and answer.meaning in (Meaning.SICK, Meaning.TOKEN):
            breaker.failed()
        else:
            breaker.succeeded()
        return answer

    def _with_token(self, path: str, payload: Payload, latest: float) -> Answer | Verdict:
        """Ask; refused for the token, with another one once more: nothing was taken."""
        token = self._tokens.current()
        answer = self._once(path, payload, token, latest)
        if isinstance(answer, Verdict) and answer.meaning is Meaning.TOKEN:
            another = self._tokens.instead_of(token)
            answer = self._once(path, payload, another, latest)
        return answer

    def _once(self, path: str, payload: Payload, token: str, latest: float) -> Answer | Verdict:
        """One request. Whoever waited too long for a token asks no more: somebody else may hold
        this to be lost by now."""
        if time.monotonic() > latest:
            raise NoToken("no token in time")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps(payload).encode()
        return self._carry("POST", path, headers, body)

    def _carry(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Answer | Verdict:
        with http.session(self._root, connections=1) as carry:
            response = carry.request(
                *(method, self._root + path),
                headers=dict(headers),
                data=body,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        return judge(response.status_code, response.content) or Answer(response.content)

    def _fetch(self) -> Token:
        """Ask for a token. Raises NoToken, whatever it is that goes wrong."""
        headers = {"Authorization": self._account.basic()}
        try:
            answer = self._guarded(TOKEN_PATH, lambda: self._carry("GET", TOKEN_PATH, headers))
            if isinstance(answer, Verdict):
                raise NoToken(f"no token: {answer.reason}")
            return read_token(answer.body)
        except requests.RequestException as failure:
            raise NoToken(f"no token: {type(failure).__name__}") from None
        except (NotUnderstood, _Resting) as why:
            raise NoToken(f"no token: {why}") from None
