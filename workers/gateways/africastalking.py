"""SMS through the africastalking SDK; every trap of its wire form is met here and nowhere else.

The SDK (2.0.3, pinned) forms the request and checks the number; the request is carried by a pooled
HTTP session of ours in place of the SDK's, which opens a connection per message and hides the
status. The two underscore methods that this rests on are covered by a test.
Sources: the provider's documentation of /version1/messaging; the SDK's code.
"""

import json
from decimal import Decimal, InvalidOperation

import requests
from africastalking.SMS import SMSService

from workers.gateways import http
from workers.gateways.sms import Done, Outcome, Postponed, Refused, Unknown

TAKEN = frozenset({100, 101, 102})
"""Processed, Sent, Queued."""

NEVER = {401: "RiskHold", 402: "InvalidSenderId", 403: "InvalidPhoneNumber",
         404: "UnsupportedNumberType", 406: "UserInBlacklist"}  # fmt: skip
LATER = {405: "InsufficientBalance", 407: "CouldNotRoute", 500: "InternalServerError",
         501: "GatewayError", 502: "RejectedByGateway"}  # fmt: skip


class _PooledSms(http.Carried, SMSService):  # type: ignore[misc]
    """The SDK's service with its base URL and its carrier replaced."""

    def __init__(self, username: str, api_key: str, base_url: str, connections: int) -> None:
        self._root = base_url.rstrip("/")
        super().__init__(username, api_key)
        self.session = http.session(self._root, connections)

    def _init_service(self) -> None:
        self._baseUrl = self._contentUrl = self._root + "/version1"


class AfricasTalking:
    """The gateway. `connections` is how many calls may be in flight at once."""

    def __init__(
        self, username: str, api_key: str, base_url: str, sender: str | None, connections: int = 16
    ) -> None:
        self._service = _PooledSms(username, api_key, base_url, connections)
        self._sender = sender

    def send(self, msisdn: str, text: str) -> Outcome:
        """Hand over one message; see `SmsGateway`."""
        try:
            response = self._service.send(text, [msisdn], sender_id=self._sender)
        except ValueError:
            return Refused("InvalidPhoneNumber")
        except requests.RequestException as failure:
            return _failure(failure)
        return read(response.status_code, response.content)

    def close(self) -> None:
        """Let go of the pooled connections."""
        self._service.session.close()


def _failure(failure: requests.RequestException) -> Outcome:
    """A call without an answer: it never began only when no connection was made."""
    never = http.never_began(failure)
    return Postponed(never) if never else Unknown(type(failure).__name__)


def read(status: int, body: bytes) -> Outcome:
    """The meaning of an HTTP answer to one message."""
    if status in http.NOT_NOW_STATUSES:
        return Postponed(f"HTTP {status}")
    if 400 <= status < 500:
        return Refused(f"HTTP {status}")
    if not 200 <= status < 300:
        return Unknown(f"HTTP {status}")
    try:
        said = json.loads(body)
        batch = said["SMSMessageData"]
        recipients = batch["Recipients"]
    except (ValueError, KeyError, TypeError):
        return Unknown("an answer of another form")
    if not isinstance(recipients, list):
        return Unknown("an answer of another form")
    if not recipients:
        return _batch_refusal(batch.get("Message"))
    return _recipient(recipients[0])


def _batch_refusal(message: object) -> Outcome:
    """HTTP 201 without recipients: nobody was written to, and `Message` says why."""
    name = str(message)[:40]
    later = name in LATER.values()
    return Postponed(name) if later else Refused(name)


def _recipient(said: object) -> Outcome:
    if not isinstance(said, dict):
        return Unknown("an answer of another form")
    code = said.get("statusCode")
    number = int(code) if isinstance(code, int | str) and str(code).isdigit() else None
    provider_id = _identity(said.get("messageId"))
    if number in TAKEN or (number is None and said.get("status") == "Success"):
        cost = said.get("cost")
        return Done(provider_id, cost if isinstance(cost, str) else None, kes_minor(cost))
    if number in NEVER:
        return Refused(NEVER[number])
    if number in LATER:
        return Postponed(LATER[number])
    return Unknown(f"status code {number}")


def _identity(value: object) -> str | None:
    """A usable message id: rejections are seen to carry 'None' in its place."""
    return value if isinstance(value, str) and 8 <= len(value) <= 128 else None


def kes_minor(value: object) -> int | None:
    """'KES 0.8000' as 80 cents; None in another currency or form. Halves round up."""
    currency, _, amount = str(value).partition(" ")
    if currency != "KES":
        return None
    try:
        return int((Decimal(amount) * 100).to_integral_value(rounding="ROUND_HALF_UP"))
    except InvalidOperation:
        return None
