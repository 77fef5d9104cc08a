"""The way in to Safaricom: tokens, faults, the checker, the right API, and the journal.

Takes plain values and gives an answer; `doors` puts it behind HTTP.
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from simulator.answers import DROPPED, ApiAnswer, json_answer
from simulator.safaricom import asking, checks, collecting, initiators, paying_out
from simulator.safaricom.checks import Body
from simulator.safaricom.codes import Refused
from simulator.safaricom.faults import Faults
from simulator.safaricom.lipa import CONFIRMATION
from simulator.safaricom.model import Safaricom
from simulator.safaricom.prompts import Prompts

TOKEN_S: Final = 3_599
LARGEST_BYTES: Final = 100_000
TOKENS: Final = "oauth/v1/generate"
OAUTH: Final = "token"

Handler = Callable[[Prompts, Body], dict[str, Any]]


@dataclass(frozen=True)
class Api:
    """One API: what the checker calls it, and what it does."""

    name: str
    handler: Handler


def _of(handler: Callable[[Safaricom, Body], dict[str, Any]]) -> Handler:
    return lambda prompts, body: handler(prompts.safaricom, body)


APIS: Final[Mapping[str, Api]] = {
    "mpesa/stkpush/v1/processrequest": Api("stk push", collecting.push),
    "mpesa/stkpushquery/v1/query": Api("stk query", collecting.push_query),
    "mpesa/c2b/v1/registerurl": Api(
        "c2b register", _of(lambda safaricom, body: collecting.register(safaricom, body, "v1"))
    ),
    "mpesa/c2b/v2/registerurl": Api(
        "c2b register", _of(lambda safaricom, body: collecting.register(safaricom, body, "v2"))
    ),
    "mpesa/c2b/v1/simulate": Api("c2b simulate", _of(collecting.simulate)),
    "mpesa/c2b/v2/simulate": Api("c2b simulate", _of(collecting.simulate)),
    "mpesa/b2c/v1/paymentrequest": Api(
        "b2c v1", _of(lambda safaricom, body: paying_out.b2c(safaricom, body, "b2c v1"))
    ),
    "mpesa/b2c/v3/paymentrequest": Api("b2c", _of(paying_out.b2c)),
    "mpesa/b2pochi/v1/paymentrequest": Api(
        "b2pochi", _of(lambda safaricom, body: paying_out.b2c(safaricom, body, "b2pochi"))
    ),
    "mpesa/b2b/v1/paymentrequest": Api("b2b", _of(paying_out.b2b)),
    "mpesa/accountbalance/v1/query": Api("balance", _of(asking.balance)),
    "mpesa/transactionstatus/v1/query": Api("status", _of(asking.status)),
    "mpesa/reversal/v1/request": Api("reversal", _of(paying_out.reversal)),
    "pulltransactions/v1/register": Api("pull register", _of(asking.pull_register)),
    "pulltransactions/v1/query": Api("pull query", _of(asking.pull)),
    "imsi/v1/checkATI": Api("sim swap", _of(asking.sim_swap)),
    "imsi/v2/checkATI": Api("sim swap", _of(asking.sim_swap)),
}
CALLS: Final = (OAUTH, *dict.fromkeys(api.name for api in APIS.values()), CONFIRMATION)
"""What something can go wrong with alone: a request of each API, and a confirmation told."""
BOTH_VERBS: Final = ("pulltransactions/v1/query",)
"""The portal says GET for it, and shows a body."""


@dataclass(frozen=True)
class Call:
    """One HTTP request, as far as Safaricom looks at it."""

    verb: str
    path: str
    authorization: str
    grant_type: str
    content_type: str
    body: bytes


@dataclass
class Front:
    """Who lets requests in."""

    prompts: Prompts

    @property
    def safaricom(self) -> Safaricom:
        """Behind this front."""
        return self.prompts.safaricom

    def answer(self, call: Call) -> ApiAnswer:
        """Answer one request, and write it down."""
        faults = self.safaricom.faults
        if faults.slow_ms:
            time.sleep(faults.slow_ms / 1000)
        wrong, note = "", ""
        try:
            if call.path == TOKENS:
                answer, wrong = self._token(call)
            else:
                answer, note = self._api(call)
        except Refused as refused:
            answer, wrong = self._refusal(refused), refused.why
        status = "line dropped" if answer.dropped else str(answer.status)
        body = call.body.decode("utf-8", "replace")
        now = self.safaricom.clock.now()
        what = f"{call.verb} /{call.path}"
        self.safaricom.journal.add(now, "asked", what, body, status, answer.body, wrong, note)
        self.safaricom.flush()
        return answer

    # tokens

    def _token(self, call: Call) -> tuple[ApiAnswer, str]:
        safaricom = self.safaricom
        faults = safaricom.take(OAUTH) or Faults()
        self._sick(faults, before=True)
        if call.verb != "GET":
            raise Refused("405.001", "the token is fetched with GET", "Method Not Allowed")
        scheme, _, credentials = call.authorization.partition(" ")
        if scheme.lower() != "basic":
            raise Refused("400.008.01", "Authorization must be Basic consumerKey:consumerSecret")
        if call.grant_type != "client_credentials":
            why = "the query must be ?grant_type=client_credentials"
            raise Refused("400.008.02", why)
        key, wrong = self._consumer(credentials)
        if wrong:
            return ApiAnswer(400, ""), wrong
        token = safaricom.names.token()
        until = safaricom.clock.now() + timedelta(seconds=TOKEN_S)
        with safaricom.lock:
            now = safaricom.clock.now()
            for other in [name for name, (_, end) in safaricom.tokens.items() if end <= now]:
                del safaricom.tokens[other]
            safaricom.tokens[key] = (token, until)
            expires: object = TOKEN_S if safaricom.next_turn() % 2 else str(TOKEN_S)
        self._sick(faults, before=False)
        answer = json_answer(200, {"access_token": token, "expires_in": expires})
        return DROPPED if faults.drop else answer, ""

    def _consumer(self, credentials: str) -> tuple[str, str]:
        """Whose Basic credentials these are, and what is wrong with them: empty when nothing is.
        To who is wrong Safaricom says nothing at all."""
        try:
            key, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return "", "the credentials are no base64 of consumerKey:consumerSecret"
        known = self.safaricom.consumers.get(key)
        if known is None:
            return "", "that consumer key is not known here: a sandbox key against production?"
        if not hmac.compare_digest(known.encode(), secret.encode()):
            return "", "the consumer secret is not that of this consumer key"
        return key, ""

    def _authorize(self, call: Call) -> None:
        scheme, _, token = call.authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused("404.001.04", "Authorization must be Bearer and the token")
        now = self.safaricom.clock.now()
        for held, until in self.safaricom.tokens.values():
            if held == token:
                if until <= now:
                    raise Refused("404.001.03", "the token is older than its 3599 seconds")
                return
        why = "this token does not hold: each new one of a consumer key ends the one before"
        raise Refused("404.001.03", why)

    # the APIs

    def _api(self, call: Call) -> tuple[ApiAnswer, str]:
        api = APIS.get(call.path)
        if api is None:
            raise Refused("404.001.01", f"there is no /{call.path}", "Resource not found")
        if call.verb != "POST" and not (call.verb == "GET" and call.path in BOTH_VERBS):
            why = f"this API is asked with POST, and this was {call.verb}"
            raise Refused("405.001", why, f"{call.verb} Method Not Allowed")
        self._forget(api)
        self._authorize(call)
        aimed = self.safaricom.take(api.name)
        faults = aimed or self.safaricom.faults
        self._sick(faults, before=True)
        if faults.drop == "request":
            return DROPPED, "lost before it was read"
        body = _read(api.name, call)
        odd = checks.check(api.name, body)
        said = self._handled(api, body, aimed)
        if "SecurityCredential" in body:
            payer = str(body.get("PartyA") or body.get("ReceiverParty"))
            odd += filter(None, [initiators.trouble(self.safaricom, payer, body)])
        self.safaricom.flush(early=True)
        self._sick(faults, before=False)
        if faults.drop:
            return DROPPED, "done, and the answer lost"
        return json_answer(200, said), "; ".join(odd)

    def _forget(self, api: Api) -> None:
        """Let no token hold any more, where that is to go wrong with this API."""
        safaricom = self.safaricom
        with safaricom.lock:
            aim = safaricom.aims.get(api.name)
            if aim is not None and aim.faults.forgets:
                safaricom.take(api.name)
                safaricom.tokens.clear()

    def _handled(self, api: Api, body: Body, aimed: Faults | None) -> dict[str, Any]:
        safaricom = self.safaricom
        with safaricom.lock:
            safaricom.aimed = aimed
            try:
                return api.handler(self.prompts, body)
            finally:
                safaricom.aimed = None

    def _sick(self, faults: Faults, *, before: bool) -> None:
        """The errors that Safaricom was told to answer with. Raises Refused."""
        if before and faults.throttled:
            raise Refused("500.003.02", "Safaricom throttles: too many requests in a second")
        if before and "." in faults.refuses:
            raise Refused(faults.refuses, "Safaricom was told to refuse with this")
        if faults.http_status and before is not faults.yet_does:
            why = f"Safaricom was told to answer {faults.http_status}"
            refused = Refused("500.003.1001", why + (", and did it" if faults.yet_does else ""))
            refused.status = faults.http_status
            raise refused

    def _refusal(self, refused: Refused) -> ApiAnswer:
        return json_answer(
            refused.status,
            {
                "requestId": self.safaricom.names.request_id(),
                "errorCode": refused.code,
                "errorMessage": refused.message,
            },
        )


def _read(api: str, call: Call) -> Body:
    """The JSON of a request. Raises Refused."""
    if len(call.body) > LARGEST_BYTES:
        raise Refused("400.002.05", "the body is larger than any request")
    if "json" not in call.content_type:
        field = checks.FIELDS[api][0].name
        why = f"Content-Type must be application/json, and was {call.content_type or 'absent'}"
        raise Refused("400.002.02", why, f"Bad Request - Invalid {field}")
    try:
        body = json.loads(call.body)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused("400.002.05", "the body is no JSON") from None
    if not isinstance(body, dict):
        raise Refused("400.002.05", "the body is no JSON object")
    return body
