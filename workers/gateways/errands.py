"""What somebody outside is asked to do with held value, and the ends that a call can have.

`Open` is never guessed: it says that it may be done, or may still be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Errand:
    """What to ask for. `reference` is ours and tells two requests apart; facts are the product's,
    amounts in minor units."""

    reference: str
    facts: Mapping[str, object]

    @property
    def amount(self) -> str:
        """The amount as it goes over a wire: '500', or '500.50'."""
        whole, cents = divmod(int(str(self.facts["amount"])), 100)
        return f"{whole}.{cents:02d}" if cents else str(whole)


@dataclass(frozen=True)
class Agreed:
    """It is done, or surely will be. `provider_id` is their name for it."""

    provider_id: str | None = None


@dataclass(frozen=True)
class Declined:
    """It is certain that it was not done and never will be."""

    reason: str


@dataclass(frozen=True)
class Postponed:
    """It was certainly not taken now, and may be later. `pause_s` when they say how much later;
    `ours` when nothing of its kind is taken before people have mended our account there."""

    reason: str
    pause_s: float | None = None
    ours: bool = False


@dataclass(frozen=True)
class Open:
    """It may be done or not; who was asked will know. `provider_id` is their name for it, where
    they took it and say later what became of it."""

    reason: str
    provider_id: str | None = None


@dataclass(frozen=True)
class Unheard:
    """Asked what became of it, they have never heard of it: it may be asked for again."""


Outcome = Agreed | Declined | Postponed | Open
Look = Agreed | Declined | Open | Unheard


class Carrier(Protocol):
    """Somebody outside who does one kind of errand. Called from many threads at once."""

    def ask(self, errand: Errand) -> Outcome:
        """Ask for it, once. Never raises for what the provider or the network does."""

    def look(self, errand: Errand) -> Look | None:
        """What became of it; None from one who cannot be asked. Never raises either."""
