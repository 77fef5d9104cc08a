"""A worker that is killed in the middle of it: nothing lost, nothing said twice."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_py

from tests.processes import until
from tests.workers.conftest import Boxes, workers_of
from tests.workers.gateway import LocalGateway
from ussd_app.bootstrap import build
from ussd_app.kernel.clock import FrozenClock
from ussd_app.settings import Settings
from workers.outbox import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain
from workers.settle import PATIENCE_S

MESSAGES = 600


@pytest.fixture
def clock() -> FrozenClock:
    """Real time stands behind this one: the workers of these tests have clocks of their own."""
    return FrozenClock(datetime.now(UTC) - timedelta(seconds=5))


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker as `make run` does."""
    with workers_of(settings, tmp_path) as start:
        yield start


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
    until(lambda: len(gateway.heard) > MESSAGES // 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    worker()
    nudge(redis)
    until(lambda: set(boxes.states()) <= {"done", "sending"})
    until(lambda: _still(boxes))
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
    until(lambda: len(gateway.heard) > 50)
    process.terminate()
    assert process.wait(20) == 0
    states = boxes.states()
    assert set(states) == {"done", "queued"}
    assert states["done"] == len(gateway.heard)
