"""How much one address may ask, and how often one phone may write.

Addresses are counted in this process, in bounded memory, before any work. What one phone may dial
is counted with its session, in the round trip that opens a hop.
"""

import time
from collections.abc import Callable

import redis

WINDOW_S = 60
PREFIX = "kb:t:"
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


class NumberLimit:
    """A fixed window of a minute for the SMS of each number, shared by all processes.

    Every SMS is answered by one that costs money. A silent Redis lets all pass: losing a customer's
    message is worse than paying for an answer.
    """

    def __init__(self, client: redis.Redis, per_minute: int) -> None:
        self._client = client
        self._per_minute = per_minute

    def allows(self, msisdn: str) -> bool:
        """Count a message and say whether it is within the limit."""
        key = PREFIX + msisdn
        try:
            with self._client.pipeline(transaction=True) as pipeline:
                pipeline.set(key, 0, ex=WINDOW_S, nx=True)
                pipeline.incr(key)
                _, count = pipeline.execute()
        except redis.RedisError:
            return True
        return int(count) <= self._per_minute
