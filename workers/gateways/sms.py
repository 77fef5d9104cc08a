"""What an SMS gateway is to us, whichever provider it is, and the four ends a call can have.

`Unknown` is never guessed: it says that the message may or may not be on its way.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Done:
    """The gateway took the message. `cost` is as it was said ('KES 0.8000'), `cost_minor` the same
    in cents when it is in shillings; any of them may be absent."""

    provider_id: str | None
    cost: str | None = None
    cost_minor: int | None = None


@dataclass(frozen=True)
class Refused:
    """The gateway will never take this message; it is certain that it did not."""

    reason: str


@dataclass(frozen=True)
class Postponed:
    """The gateway did certainly not take the message now, and may later."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """The message may or may not have been taken. Only evidence settles it."""

    reason: str


Outcome = Done | Refused | Postponed | Unknown


class SmsGateway(Protocol):
    """Somebody who takes SMS. Called from many threads at once."""

    def send(self, msisdn: str, text: str) -> Outcome:
        """Hand over one message. Never raises for what the provider or the network does."""

    def close(self) -> None:
        """Let go of connections."""
