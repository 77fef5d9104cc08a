"""How much one address may ask. Counted in this process, in bounded memory, before any work.

What one phone may ask is counted with its session, in the round trip that opens a hop.
"""

import time
from collections.abc import Callable

WINDOW_S = 60
MOST_ADDRESSES = 10_000


class AddressLimit:
    """A fixed window of a minute for each address.

    When more addresses come than there is room for, the newcomers share one count: memory stays
    bounded and a flood from many addresses limits itself.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._window = -1
        self._counts: dict[str, int] = {}

    def allows(self, address: str) -> bool:
        """Count a request and say whether it is within the limit."""
        window = int(self._clock()) // WINDOW_S
        if window != self._window:
            self._window, self._counts = window, {}
        counts = self._counts
        if address not in counts and len(counts) >= MOST_ADDRESSES:
            address = "others"
        count = counts[address] = counts.get(address, 0) + 1
        return count <= self._per_minute
