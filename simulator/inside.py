"""What a Kabambe lets its simulator see: menus, the session, ledger sentences, customers.

Other people's applications have no such doors; then every question is answered with nothing.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from ussd_app.domain.seeds import Planted

WITHIN_S: Final = 3.0
MOST_BATCHES: Final = 200


@dataclass(frozen=True)
class Entry:
    """An entry of the ledger as people read it."""

    id: int
    receipt: str
    type: str
    sentences: list[str]

    @property
    def lines(self) -> list[str]:
        """As a `Ledger` block shows it: receipt and type, then each sentence with its amount."""
        parted = (sentence.partition(" ") for sentence in self.sentences)
        legs = [f"{amount:>12} {way}" for amount, _, way in parted]
        return [f"{self.receipt} {self.type}", *legs]


@dataclass(frozen=True)
class Customer:
    """Somebody the application knows."""

    msisdn: str
    name: str
    language: str
    balance_minor: int
    frozen: bool = False
    agreements: tuple[Planted, ...] = ()


class Inside:
    """A reader of `/inspect` at one base URL, under the callbacks' secret if there is one.

    An application without it is asked no harder.
    """

    def __init__(self, base_url: str, secret: str | None = None) -> None:
        self._doors = f"{base_url.rstrip('/')}/inspect" + (f"/{secret}" if secret else "")
        self._threads = threading.local()

    def graph(self) -> Mapping[str, Any]:
        """The menus by flow; empty when they cannot be had."""
        return dict((self._get("/graph") or {}).get("flows", {}))

    def session(self, session_id: str) -> Mapping[str, Any] | None:
        """Where a session stands, its slots with secrets masked; None when it is gone."""
        found: Mapping[str, Any] | None = self._get(f"/session/{session_id}")
        return found

    def last_entry(self) -> int:
        """The id of the newest entry, 0 for none: found by halving, since ids only grow."""
        low, high = 0, 1
        while (self._get(f"/entries?after={high}") or {}).get("entries"):
            low, high = high, high * 2
        while low < high:
            middle = (low + high) // 2
            if (self._get(f"/entries?after={middle}") or {}).get("entries"):
                low = middle + 1
            else:
                high = middle
        return low

    def entries(self, after: int, most_batches: int = MOST_BATCHES) -> list[Entry]:
        """The entries written after this id, oldest first; a batch has fifty of them."""
        found: list[Entry] = []
        for _ in range(most_batches):
            batch = self._get(f"/entries?after={after}")
            if not batch or not batch["entries"]:
                break
            after = batch["last"]
            found += [
                Entry(each["id"], each["receipt"], each["type"], each["sentences"])
                for each in batch["entries"]
            ]
        return found

    def customers(self) -> list[Customer]:
        """Everybody the application knows, as far as it lists them."""
        found = self._get("/customers")
        return [
            Customer(
                *(each["msisdn"], each["name"], each["language"], each["balance_minor"]),
                frozen=each["frozen"],
                agreements=tuple(Planted(**held) for held in each["agreements"]),
            )
            for each in (found or {}).get("customers", [])
        ]

    def forget_sessions(self) -> bool:
        """Have the application lose its sessions, as a flushed Redis would; whether it did."""
        try:
            url = f"{self._doors}/faults"
            answer = self._session().post(url, json={"redis": "forget"}, timeout=WITHIN_S)
        except requests.RequestException:
            return False
        return answer.status_code == 200

    def _get(self, path: str) -> Any:
        try:
            answer = self._session().get(self._doors + path, timeout=WITHIN_S)
            return answer.json() if answer.status_code == 200 else None
        except (requests.RequestException, ValueError):
            return None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = self._threads.session = requests.Session()
            session.trust_env = False
        return session
