"""Workers that are killed, and what is found when they are known to be lost."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.workers.safaricom import Asked, Double, Said
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.settings import Settings

BEFORE, AFTER = "before it is taken", "after it was taken"


class Stop:
    """A place where the world stands still until a test has killed the worker."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def here(self) -> None:
        self.reached.set()
        self.released.wait(30)


def asked_for(safaricom: Double, what: str) -> list[dict[str, Any]]:
    """Every request of a kind."""
    return [each.body for each in safaricom.asked if what in each.path]


def halting(
    stop: Stop, where: str, path: str, taken: list[str], answer: Said, otherwise: Said
) -> Callable[[Asked], Said]:
    """A Safaricom that stands still at one path, before it takes what it is asked for or after."""

    def take(asked: Asked) -> Said:
        if path not in asked.path:
            return otherwise
        if where == BEFORE:
            stop.here()
            return 503, b""
        taken.append(asked.path)
        stop.here()
        return answer

    return take


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9."""
    process.kill()
    process.wait()


@contextmanager
def planted(settings: Settings) -> Iterator[App]:
    """The application as its web server has it, by the clock of the wall, with the cast in it."""
    app = build(settings)
    plant(app.bank.desk)
    try:
        yield app
    finally:
        app.close()


@contextmanager
def afterwards(settings: Settings, limit_s: float) -> Iterator[tuple[App, FrozenClock]]:
    """The application when calls that last longer than the limit are known to be lost."""
    clock = FrozenClock(datetime.now(UTC) + timedelta(seconds=limit_s + 5))
    app = build(settings, clock=clock)
    try:
        yield app, clock
    finally:
        app.close()
