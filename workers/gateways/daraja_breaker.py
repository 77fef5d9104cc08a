"""A circuit breaker: somebody who has failed often is left alone for a while, then tried once.

One of a process and of each thing that is asked for: what one worker's broken network does to it
stops no other, and a switch that is ill for one thing is asked for the rest. Own code: pybreaker
holds its lock during the call, which would make sixteen lines one.
"""

import threading
import time
from collections.abc import Callable

MOST_FAILURES = 5
"""In a row, before the breaker opens."""
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 120.0


class Breaker:
    """Closed while all is well. What is admitted must end as `succeeded`, `failed` or `not_made`.

    Open it admits nobody; after a pause it lets one through, whose end decides. Each failure of
    such a one doubles the pause.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._open_until: float | None = None
        self._trying = False

    def admits(self) -> bool:
        """Whether to call now."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._trying or self._now() < self._open_until:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        """The call had an answer: whoever gives it is well, whatever it says."""
        with self._lock:
            self._failures, self._pause_s = 0, FIRST_PAUSE_S
            self._open_until, self._trying = None, False

    def not_made(self) -> None:
        """The call was never made, for a reason that says nothing of who would have answered."""
        with self._lock:
            self._trying = False

    def failed(self) -> None:
        """The call had no answer, or one that says that they are sick."""
        with self._lock:
            self._failures += 1
            if self._trying:
                self._trying = False
                self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            elif self._open_until is not None or self._failures < MOST_FAILURES:
                return
            self._open_until = self._now() + self._pause_s
