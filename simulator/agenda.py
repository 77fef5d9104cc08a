"""What is to happen later, by a clock that somebody else moves. Knows not what it is."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from ussd_app.kernel.clock import Clock


class Agenda:
    """Jobs with their time; `tick` does those whose time has come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[datetime, Callable[[], object]]] = []
        self._lock = threading.Lock()

    def at(self, seconds: int, job: Callable[[], object]) -> None:
        """Do something in so many seconds."""
        with self._lock:
            self._due.append((self._clock.now() + timedelta(seconds=seconds), job))

    def tick(self) -> None:
        """Do what has become due; to be called every second or so."""
        now = self._clock.now()
        while (job := self._next(now)) is not None:
            job()

    def _next(self, now: datetime) -> Callable[[], object] | None:
        """The job that has waited longest of those that are due, which is due no more."""
        with self._lock:
            place = next((n for n, (at, _) in enumerate(self._due) if at <= now), None)
            return None if place is None else self._due.pop(place)[1]
