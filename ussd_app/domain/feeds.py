"""Where the rates of coins come from: whoever says them, and one that makes them up.

A feed answers at once, from what it knows; one that must ask the world lives with the workers and
leaves its rates in the table (`rates.record`). Knows neither prices nor the house.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from math import isqrt
from typing import Protocol

from ussd_app.domain.catalogue import Catalogue

TICK_S = 10
LEVELS = 16
_MILLION = 1_000_000
_A_BP = _MILLION // 10_000


@dataclass(frozen=True)
class Rate:
    """The middle rate of a coin at a moment: minor units of KES for one whole unit of it."""

    coin: str
    minor: int
    at: datetime


class Feed(Protocol):
    """Anything that knows rates."""

    def latest(self, coin: str, now: datetime) -> Rate | None:
        """The newest rate of a coin; None when it knows none."""


class Silence:
    """The feed of an installation that was given none: no coin is traded there."""

    def latest(self, coin: str, now: datetime) -> Rate | None:
        return None


class SimulatedFeed:
    """A random walk that is the same for whoever knows the seed, and can be asked for any moment.

    Each window of 2^16 ticks begins and ends at the coin's rate in the catalogue. Between them the
    way is cut in half again and again, and each middle displaced by a noise that depends on the
    seed and its place alone: any moment costs sixteen hashes, and nothing is kept.
    """

    def __init__(self, catalogue: Catalogue, seed: str = "kabambe") -> None:
        self._rules = catalogue.rules
        self._seed = seed.encode()

    def latest(self, coin: str, now: datetime) -> Rate | None:
        rules = self._rules[coin]
        tick = int(now.timestamp()) // TICK_S
        away = self._walk(coin, tick, rules["swing_bp"] * _A_BP)
        minor = rules["simulated_minor"] * (_MILLION + away) // _MILLION
        return Rate(coin, minor, datetime.fromtimestamp(tick * TICK_S, UTC))

    def _walk(self, coin: str, tick: int, swing: int) -> int:
        """How far a coin is from the catalogue's rate at a tick, in millionths of it."""
        window, place = divmod(tick, 2**LEVELS)
        low, high, left, right = 0, 2**LEVELS, 0, 0
        for level in range(LEVELS):
            middle = (low + high) // 2
            noise = self._noise(f"{coin}:{window}:{middle}")
            bent = (left + right) // 2 + noise * swing // isqrt(_MILLION**2 * 2**level)
            if place < middle:
                high, right = middle, bent
            else:
                low, left = middle, bent
        return left

    def _noise(self, place: str) -> int:
        """Between minus and plus a million, always the same for a place."""
        digest = blake2b(place.encode(), key=self._seed, digest_size=8).digest()
        return int.from_bytes(digest, "big") % (2 * _MILLION + 1) - _MILLION
