"""Lines on which calls to the world go out, each for a row that was taken; a silent provider holds
up nobody else. And byways, for what takes long and nobody waits for.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.bootstrap import App
from workers.queueing import nudge

Row = TypeVar("Row")

LONG_S = 900.0
"""Whoever is at one job for longer is stuck, or has far too much to do."""

log = logs.get(__name__)


class Lines:
    """So many calls may be out at once; with 1 each is made here and now."""

    def __init__(self, app: App, name: str, most: int) -> None:
        self._app = app
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name) if most > 1 else None
        self._free = threading.Semaphore(most)
        self._stopping = threading.Event()

    def each(self, take: Callable[[Connection], Row | None], do: Callable[[Row], None]) -> int:
        """Take rows one by one, each in a commit of its own, while there is a free line, and deal
        with each on it. Returns how many."""
        taken = 0
        while not self._stopping.is_set() and self._free.acquire(blocking=False):
            row = None
            try:
                with self._app.engine.begin() as connection:
                    row = take(connection)
                if row is not None and self._pool is None:
                    do(row)
            finally:
                if row is None or self._pool is None:
                    self._free.release()
            if row is None:
                break
            taken += 1
            if self._pool is not None:
                self._pool.submit(do, row).add_done_callback(self._landed)
        return taken

    def close(self) -> None:
        """Begin nothing new, and wait for the calls that are out."""
        self._stopping.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def _landed(self, future: "Future[None]") -> None:
        self._free.release()
        failure = future.exception()
        if failure is not None:
            log.error("a call failed", kind=type(failure).__name__, exc_info=failure)
        if not self._stopping.is_set():
            nudge(self._app.redis)


class Byways:
    """Long jobs, each on a thread of its own and once at a time, beside what people wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._out: dict[str, tuple[threading.Thread, float]] = {}

    def begin(self, name: str, job: Callable[[], None]) -> bool:
        """Do a job, unless the last one of its name is not over yet. `job` raises nothing."""
        with self._lock:
            thread, since = self._out.get(name, (None, 0.0))
            if thread is not None and thread.is_alive():
                if time.monotonic() - since > LONG_S:
                    log.error("a job takes very long", job=name)
                return False
            thread = threading.Thread(target=job, name=name, daemon=True)
            self._out[name] = (thread, time.monotonic())
            thread.start()
            return True

    def close(self) -> None:
        """Wait for the jobs that are out."""
        for thread, _ in self._out.values():
            thread.join()
