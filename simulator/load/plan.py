"""What a load is to do, and with whom. Knows no socket; other people's machines are refused."""

import ipaddress
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from simulator import wire
from simulator.load.day import Outlet, Town

FIRST_PERSON: Final = 1_000_000
PIN: Final = "4826"
FIRST_OUTLET: Final = 60_001
FIRST_BUSINESS: Final = 600_001
MOST_PEOPLE: Final = 900_000
MOST_AT_ONCE: Final = 5_000


class NotHere(ValueError):
    """Load is for this machine only."""


def person(number: int) -> str:
    """The msisdn of the n-th generated person, from 0: +254711000000 and on."""
    if not 0 <= number < MOST_PEOPLE:
        raise ValueError(f"there are {MOST_PEOPLE} people at most")
    return f"+25471{FIRST_PERSON + number:07d}"


def town(first: int, outlets: int = 20, tills: int = 20) -> tuple[Town, list[str]]:
    """A town whose people are the generated ones from `first` on, and who owns its businesses.

    Returns the town and the owners of its tills and, last, of its biller.
    """
    agents = [Outlet(person(first + n), str(FIRST_OUTLET + n), "1") for n in range(outlets)]
    numbers = [str(FIRST_BUSINESS + n) for n in range(tills)]
    owners = [person(first + outlets + n) for n in range(tills + 1)]
    return Town(agents, numbers, str(FIRST_BUSINESS + tills), "ACC1"), owners


@dataclass(frozen=True)
class Plan:
    """What to do: until `sessions` were begun or `seconds` have passed, `concurrency` at once.

    With a `town` they make the visits of a mixed day; `navigation` and `amount_minor` say nothing.
    `people` are msisdns that the server knows, each with `pin` and with money. `navigation` is the
    share of sessions that only walk the menus. `think_s` is how long a person takes to answer, from
    and to. A hop without an answer is delivered again up to `retries` times, `retry_pause_s` apart,
    as networks do. `stop` ends the load from another thread.
    """

    url: str
    people: Sequence[str]
    sessions: int = 1_000
    seconds: float = 10.0
    concurrency: int = 50
    navigation: float = 0.5
    amount_minor: int = 10_00
    pin: str = PIN
    service_code: str = "*383#"
    think_s: tuple[float, float] = (0.0, 0.0)
    answer_within_s: float = wire.ANSWER_WITHIN_S
    retries: int = 0
    retry_pause_s: float = 0.5
    seed: int = 1
    town: Town | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> tuple[str, int, str]:
        """Host, port and path of the callback. Raises NotHere, ValueError."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme != "http" or not _is_loopback(host):
            raise NotHere(f"load is for this machine only, not for {host or self.url!r}")
        if len(self.people) < 2:
            raise ValueError("a transfer takes two people")
        if not 1 <= self.concurrency <= MOST_AT_ONCE:
            raise ValueError(f"from 1 to {MOST_AT_ONCE} sessions at once")
        return host, parts.port or 80, parts.path or "/"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
