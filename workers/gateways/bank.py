"""The bank switch: whose account it is, a transfer, and what became of one.

Its wire is plain: forms in, JSON out, each body signed with a key that both know. The switch tells
our requests apart by `reference`: the same one twice is one transfer. See docs/decisions/0010.
"""

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import requests

from ussd_app.kernel.errors import Unavailable
from ussd_app.kernel.signing import sign
from workers.gateways import http
from workers.gateways.errands import (
    Agreed,
    Declined,
    Errand,
    Look,
    Open,
    Outcome,
    Postponed,
    Unheard,
)

FORM = "application/x-www-form-urlencoded"
SIGNATURE = "X-Signature"

NAME_CONNECT_S = 0.5
NAME_READ_S = 1.5
"""A hop waits for a name: two seconds in all, of the ten that the network gives."""
MOST_NAMES = 3
"""Names that are waited for at once by one process; a silent switch must not take every thread."""
LONGEST_NAME = 60
LONGEST_REASON = 80


class BankSwitch:
    """The switch as its client sees it: a carrier of errands, and it knows account names."""

    def __init__(self, base_url: str, key: str) -> None:
        self._root = base_url.rstrip("/")
        self._key = key
        self._waiting = threading.BoundedSemaphore(MOST_NAMES)

    def holder(self, bank: str, account: str) -> str | None:
        """The name on an account, None when there is no such account. Raises Unavailable."""
        if not self._waiting.acquire(blocking=False):
            raise Unavailable("bank")
        try:
            fields = {"bank": bank, "account": account}
            response = self._post("/names", fields, (NAME_CONNECT_S, NAME_READ_S))
        except requests.RequestException:
            raise Unavailable("bank") from None
        finally:
            self._waiting.release()
        said = _json(response)
        if response.status_code == 404 and said.get("error") == "unknown_account":
            return None
        holder = said.get("holder")
        if response.status_code != 200 or not isinstance(holder, str) or not holder.strip():
            raise Unavailable("bank")
        return holder.strip()[:LONGEST_NAME]

    def ask(self, errand: Errand) -> Outcome:
        """Ask for a transfer; see `Carrier`."""
        facts = errand.facts
        fields = {
            "reference": errand.reference,
            "bank": str(facts["bank"]),
            "account": str(facts["account"]),
            "amount": errand.amount,
            "currency": "KES",
        }
        try:
            timeout = (http.CONNECT_TIMEOUT_S, http.READ_TIMEOUT_S)
            response = self._post("/transfers", fields, timeout)
        except requests.RequestException as failure:
            never = http.never_began(failure)
            return Postponed(never) if never else Open(type(failure).__name__)
        status = response.status_code
        if status in http.NOT_NOW_STATUSES:
            return Postponed(f"HTTP {status}")
        if status in (400, 404, 422):
            return Declined(f"HTTP {status}")
        return _standing(response) or Open(f"HTTP {status}")

    def look(self, errand: Errand) -> Look:
        """Ask what became of a transfer; see `Carrier`."""
        path = f"/transfers/{quote(errand.reference)}"
        try:
            with http.session(self._root, connections=1) as carry:
                response = carry.get(
                    self._root + path,
                    headers={SIGNATURE: self._sign(path.encode())},
                    timeout=(http.CONNECT_TIMEOUT_S, http.READ_TIMEOUT_S),
                    allow_redirects=False,
                )
        except requests.RequestException as failure:
            return Open(type(failure).__name__)
        unknown = response.status_code == 404
        if unknown and _json(response).get("error") == "unknown_reference":
            return Unheard()
        return _standing(response) or Open(f"HTTP {response.status_code}")

    def _post(
        self, path: str, fields: Mapping[str, str], timeout: tuple[float, float]
    ) -> requests.Response:
        """Post a signed form. A connection a call: one gone stale would leave us in doubt."""
        body = urlencode(fields).encode()
        headers = {"Content-Type": FORM, SIGNATURE: self._sign(body)}
        url = self._root + path
        with http.session(self._root, connections=1) as carry:
            return carry.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            )

    def _sign(self, body: bytes) -> str:
        return sign(self._key, body)


def _standing(response: requests.Response) -> Agreed | Declined | Open | None:
    """What an answer says of a transfer; None when it is no answer to that."""
    if not 200 <= response.status_code < 300:
        return None
    said = _json(response)
    match said.get("status"):
        case "accepted":
            return Agreed()
        case "rejected":
            return Declined(str(said.get("reason") or "rejected")[:LONGEST_REASON])
        case "pending":
            return Open("pending")
    return None


def _json(response: requests.Response) -> Mapping[str, Any]:
    try:
        said = json.loads(response.content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
