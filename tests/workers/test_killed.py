"""A worker that is killed in the middle of it: nothing lost, nothing said twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_py

from tests.workers.conftest import Boxes
from tests.workers.gateway import LocalGateway
from ussd_app.bootstrap import build
from ussd_app.kernel.clock import FrozenClock
from ussd_app.running.plan import PROJECT
from ussd_app.settings import Settings
from workers.outbox import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain
from workers.settle import PATIENCE_S

MESSAGES = 600
WAIT_S = 60.0


@pytest.fixture
def clock() -> FrozenClock:
    """Real time stands behind this one: the workers of these tests have clocks of their own."""
    return FrozenClock(datetime.now(UTC) - timedelta(seconds=5))


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker as `make run` does; whatever is left of it is gone afterwards."""
    started: list[subprocess.Popen[bytes]] = []
    environ = os.environ | {
        "KABAMBE_ENV": "test",
        "KABAMBE_HOME": str(tmp_path),
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "AT_API_URL": settings.at_api_url,
        "AT_USERNAME": "kabambe",
        "PYTHONPATH": str(PROJECT),
    }

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-m", "workers"], env=environ, cwd=tmp_path)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _still(boxes: Boxes) -> bool:
    """Whether no call has ended for longer than one lasts."""
    before = boxes.states()
    time.sleep(1.0)
    return boxes.states() == before


@pytest.mark.faults
def test_a_worker_killed_while_it_sends_loses_nothing_and_doubles_nothing(
    settings: Settings,
    boxes: Boxes,
    gateway: LocalGateway,
    redis: redis_py.Redis,
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    gateway.delay_s = 0.3
    for number in range(MESSAGES):
        boxes.say(f"+2547120{number:05d}", "no_transactions", balance=number)
    first = worker()
    nudge(redis)
    _until(lambda: len(gateway.heard) > MESSAGES // 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    worker()
    nudge(redis)
    _until(lambda: set(boxes.states()) <= {"done", "sending"})
    _until(lambda: _still(boxes))
    in_doubt = boxes.states()["sending"]
    assert 0 < in_doubt <= 128, "the calls that were in flight"

    later = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 5))
    app = build(settings, clock=later)
    drain(app)
    assert boxes.states() == {"done": MESSAGES - in_doubt, "unknown": in_doubt}
    for msisdn, _, provider_id in gateway.heard:
        boxes.report(provider_id, phone=msisdn)
    drain(app)
    later.advance(seconds=PATIENCE_S + 60)
    for _ in range(3):
        drain(app)
        later.advance(seconds=60)
    app.close()
    assert boxes.states() == {"done": MESSAGES}
    texts = gateway.texts()
    assert len(texts) == MESSAGES
    assert set(texts.values()) == {1}


@pytest.mark.faults
def test_a_worker_asked_to_stop_ends_its_calls_and_leaves(
    boxes: Boxes,
    gateway: LocalGateway,
    redis: redis_py.Redis,
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    gateway.delay_s = 0.3
    for number in range(MESSAGES):
        boxes.say(f"+2547120{number:05d}", "no_transactions", balance=number)
    process = worker()
    nudge(redis)
    _until(lambda: len(gateway.heard) > 50)
    process.terminate()
    assert process.wait(20) == 0
    states = boxes.states()
    assert set(states) == {"done", "queued"}
    assert states["done"] == len(gateway.heard)
