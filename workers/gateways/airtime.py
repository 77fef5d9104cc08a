"""Airtime through the africastalking SDK; every trap of its wire form is met here.

A service object is made for each call: the SDK keeps the idempotency key in headers that all later
calls share. Nor are connections kept: one that has gone stale would leave us in doubt.
Sources: the provider's documentation of /version1/airtime/send; the SDK's code (2.0.3, pinned).
"""

import json
from collections.abc import Mapping

import requests
from africastalking.Airtime import AirtimeService

from ussd_app.kernel.msisdn import parse
from workers.gateways import http
from workers.gateways.errands import Agreed, Declined, Errand, Open, Outcome, Postponed

NONE = "None"
"""What the provider says in place of an error."""
DUPLICATE = "duplicate request"
DUPLICATE_PAUSE_S = 330.0
"""The same number and amount are refused within five minutes; a little longer is asked again."""
LATER = ("insufficient", "balance", "try again", "internal")
LONGEST_REASON = 80


class _OneCall(http.Carried, AirtimeService):  # type: ignore[misc]
    """The SDK's service with its base URL and its carrier replaced."""

    def __init__(self, username: str, api_key: str, root: str, carry: requests.Session) -> None:
        self._root = root
        self.session = carry
        super().__init__(username, api_key)

    def _init_service(self) -> None:
        self._baseUrl = self._root + "/version1/airtime"


class Airtime:
    """The reseller. Its carrier; nobody there can be asked what became of a purchase."""

    def __init__(self, username: str, api_key: str, base_url: str) -> None:
        self._account = (username, api_key)
        self._root = base_url.rstrip("/")

    def ask(self, errand: Errand) -> Outcome:
        """Send airtime; see `Carrier`. Our reference is the idempotency key."""
        msisdn = parse(str(errand.facts["reference"]))
        try:
            with http.session(self._root, connections=1) as carry:
                response = _OneCall(*self._account, self._root, carry).send(
                    msisdn, errand.amount, "KES", idempotency_key=errand.reference
                )
        except ValueError:
            return Declined("InvalidPhoneNumber")
        except requests.RequestException as failure:
            never = http.never_began(failure)
            return Postponed(never) if never else Open(type(failure).__name__)
        return read(response.status_code, response.content)

    def look(self, errand: Errand) -> None:
        """There is no question for it; the provider calls back."""


def read(status: int, body: bytes) -> Outcome:
    """The meaning of an HTTP answer to one purchase."""
    if status in http.NOT_NOW_STATUSES:
        return Postponed(f"HTTP {status}")
    if 400 <= status < 500:
        return Declined(f"HTTP {status}")
    if not 200 <= status < 300:
        return Open(f"HTTP {status}")
    try:
        said = json.loads(body)
        responses = said["responses"]
    except (ValueError, KeyError, TypeError):
        return Open("an answer of another form")
    if not isinstance(responses, list) or not all(isinstance(each, dict) for each in responses):
        return Open("an answer of another form")
    if not responses:
        return _refusal(str(said.get("errorMessage")))
    return _recipient(responses[0])


def _refusal(message: str) -> Outcome:
    """Nothing was sent to anybody, and `errorMessage` says why.

    A duplicate is another purchase of the same amount for the same number: what is in doubt is
    never asked for a second time, so it cannot be this one.
    """
    reason, lower = message[:LONGEST_REASON], message.lower()
    if DUPLICATE in lower:
        return Postponed(reason, DUPLICATE_PAUSE_S)
    if message == NONE:
        return Open("an answer without a recipient")
    return Postponed(reason) if any(word in lower for word in LATER) else Declined(reason)


def _recipient(said: Mapping[str, object]) -> Outcome:
    error, status = str(said.get("errorMessage")), said.get("status")
    request_id = said.get("requestId")
    if error == NONE and status in ("Sent", "Success"):
        usable = isinstance(request_id, str) and 8 <= len(request_id) <= 128
        return Agreed(str(request_id) if usable else None)
    if error == NONE:
        return Open(f"status {str(status)[:LONGEST_REASON]}")
    return _refusal(error)
