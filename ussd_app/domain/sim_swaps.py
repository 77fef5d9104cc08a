"""When somebody's SIM card was replaced: a question that only the network can answer.

Whoever steals a number has its SIM replaced first. What answers is handed in, and knows how many
days matter here; nothing here waits by itself.
"""

from typing import Protocol


class SimSwaps(Protocol):
    """Somebody who can ask the network. Called from many threads at once."""

    def is_recent(self, msisdn: str) -> bool:
        """Whether the SIM of a number (E.164) was replaced within the days that matter.

        Answers within the time that a hop has for it. Raises Unavailable when nobody answers.
        """


class NotAsked:
    """An installation that does not ask."""

    def is_recent(self, msisdn: str) -> bool:
        """No."""
        return False
