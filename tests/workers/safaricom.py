"""A Safaricom of a few lines: it remembers what it was asked and answers what it is told to.

Not the simulator's, which holds accounts and rings phones: this one misbehaves on request.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

from simulator.serving import Served
from ussd_app.settings import SIMULATED_CERTIFICATE
from workers.gateways.daraja import Daraja
from workers.gateways.daraja_keys import Account
from workers.gateways.daraja_token import NoToken

NOW = datetime(2026, 11, 20, 5, 45, 12, tzinfo=UTC)
JANE = "+254700000001"
FIXTURES = Path(__file__).parent.parent / "fixtures" / "daraja"

Said = tuple[int, bytes]
"""Status and body."""

ACCEPTED = (200, (FIXTURES / "b2c" / "response-accepted.json").read_bytes())
BAD_TOKEN = (404, (FIXTURES / "errors" / "invalid-access-token.http404.json").read_bytes())


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_bytes())


@dataclass(frozen=True)
class Asked:
    """One request: where, by whom, and what."""

    path: str
    token: str
    body: dict[str, Any]


@dataclass
class Double:
    """`answer` decides on requests, `token` on those for a token; None is the usual."""

    url: str = ""
    answer: Callable[[Asked], Said] = lambda asked: ACCEPTED
    token: Callable[[], Said] | None = None
    asked: list[Asked] = field(default_factory=list)
    basic: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    strict: bool = False
    """Whether only the last token is good, as Safaricom's words say."""
    slow_s: float = 0.0

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self.released = threading.Event()

    def give_token(self) -> Said:
        with self._lock:
            self.basic.append(request.headers.get("Authorization", ""))
            if self.token is not None:
                return self.token()
            self.tokens.append(f"token-{next(self._numbers):023d}")
            said = {"access_token": self.tokens[-1], "expires_in": "3599"}
        self.released.wait(self.slow_s)
        return 200, json.dumps(said).encode()

    def take(self) -> Said:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        asked = Asked(request.path, token, json.loads(request.get_data()))
        with self._lock:
            self.asked.append(asked)
        if self.strict and token != self.tokens[-1]:
            return BAD_TOKEN
        return self.answer(asked)

    @property
    def last(self) -> dict[str, Any]:
        """What was asked for last."""
        return self.asked[-1].body


@contextmanager
def double() -> Iterator[Double]:
    """A Safaricom on loopback."""
    made = Double()
    api = Flask("safaricom")

    @api.get("/oauth/v1/generate")
    def token() -> Response:
        assert request.args["grant_type"] == "client_credentials"
        return _said(made.give_token())

    @api.post("/<path:path>")
    def take(path: str) -> Response:
        return _said(made.take())

    with Served(api) as served:
        made.url = served.url
        try:
            yield made
        finally:
            made.released.set()


def _said(said: Said) -> Response:
    return Response(said[1], said[0], content_type="application/json")


class Pocket:
    """A shelf in this process."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, int]] = {}
        self.broken = False
        self._lock = threading.Lock()

    def read(self, name: str) -> str | None:
        if self.broken:
            raise NoToken("ConnectionError")
        return self.kept[name][0] if name in self.kept else None

    def put(self, name: str, value: str, ttl_s: int) -> None:
        self.kept[name] = (value, ttl_s)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        with self._lock:
            yield


def account(url: str, certificate: Path = SIMULATED_CERTIFICATE, code: str = "600992") -> Account:
    """The account of the captured requests."""
    return Account(
        url=url,
        consumer_key="consumer-key",
        consumer_secret="consumer-secret",
        shortcode=code,
        passkey="0" * 64,
        initiator="kabambeapi",
        initiator_password="pass#word",
        certificate=certificate,
        callbacks="https://kabambe.example/cb/5f2c",
    )


def client(url: str, **more: Any) -> Daraja:
    """Our client with that account, whose shelf nobody shares."""
    return Daraja(account(url, **more), Pocket(), now=lambda: NOW)
