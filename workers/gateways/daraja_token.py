"""Leave to ask: one token for all workers, for each that is made may end the one before it.

It lies on a shelf that all of them see, under a lock while one of them fetches another; it is taken
off a minute before it ends. Whoever is refused with it brings back what it used: only the first of
them fetches.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from ussd_app.kernel.daraja import Token

EARLY_S = 60
"""How long before its end a token is used no more."""


class NoToken(Exception):
    """None can be had now; nobody was asked for anything with it."""


class Shelf(Protocol):
    """Where all workers see the same. Each of these raises NoToken when it is out of reach."""

    def read(self, name: str) -> str | None:
        """What lies there, while it may."""

    def put(self, name: str, value: str, ttl_s: int) -> None:
        """Put something there for a while."""

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Hold it against everybody else, waiting for a turn that may not come (NoToken)."""


class Tokens:
    """The tokens of one application at Safaricom. `fetch` asks for a new one and raises NoToken."""

    def __init__(self, shelf: Shelf, account: str, fetch: Callable[[], Token]) -> None:
        self._shelf = shelf
        self._name = f"daraja:{hashlib.sha256(account.encode()).hexdigest()[:16]}"
        self._fetch = fetch

    def current(self) -> str:
        """The token that holds now. Raises NoToken."""
        return self._shelf.read(self._name) or self._another(refused=None)

    def instead_of(self, refused: str) -> str:
        """Another than the one that was refused: somebody may have fetched it. Raises NoToken."""
        return self._another(refused)

    def _another(self, refused: str | None) -> str:
        with self._shelf.alone(self._name):
            shared = self._shelf.read(self._name)
            if shared is not None and shared != refused:
                return shared
            token = self._fetch()
            life_s = max(token.life_s - EARLY_S, token.life_s // 2, 1)
            self._shelf.put(self._name, token.text, life_s)
            return token.text
