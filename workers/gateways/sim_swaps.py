"""When a SIM was last replaced, asked of Safaricom while somebody holds the phone.

A hop waits two seconds and no longer, and only a few hops at once: a silent network must not take
every thread. What is still out then ends by itself.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from ussd_app.kernel.errors import Unavailable
from workers.gateways.daraja import Daraja
from workers.gateways.errands import Declined, Open, Postponed

WAIT_S = 2.0
MOST_QUESTIONS = 3


class NetworkSims:
    """SIMs as Safaricom knows them; what was replaced within `days` is recent."""

    def __init__(self, daraja: Daraja, days: int, now: Callable[[], datetime]) -> None:
        self._daraja = daraja
        self._recent = timedelta(days=days)
        self._now = now
        self._free = BoundedSemaphore(MOST_QUESTIONS)
        self._pool = ThreadPoolExecutor(MOST_QUESTIONS, thread_name_prefix="sims")

    def is_recent(self, msisdn: str) -> bool:
        """Whether a SIM was replaced within the days that matter. Raises Unavailable."""
        if not self._free.acquire(blocking=False):
            raise Unavailable("mpesa")
        asked = self._pool.submit(self._daraja.swapped, msisdn)
        asked.add_done_callback(lambda _: self._free.release())
        try:
            swapped = asked.result(WAIT_S)
        except TimeoutError:
            raise Unavailable("mpesa") from None
        if isinstance(swapped, Declined | Postponed | Open):
            raise Unavailable("mpesa")
        return swapped is not None and self._now() - swapped < self._recent

    def close(self) -> None:
        """Ask nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
