"""A real worker, killed around each call to Safaricom: nothing is paid twice, nothing is lost."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from tests.processes import until
from tests.workers.conftest import ASHA, Start, workers_of
from tests.workers.mpesa_stage import Stage, stage
from tests.workers.outside import pay_bill, send_to_mpesa
from tests.workers.safaricom import ACCEPTED, Asked, Double, Said
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.errand_rows import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain

PIN = "4826"
BARAKA_THERE = "254722000002"


def made(settings: Settings) -> App:
    app = build(settings)
    plant(app.bank.desk)
    return app


def states(app: App) -> Counter[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT state FROM errands WHERE kind ~ '^mpesa'")
        return Counter(row[0] for row in rows)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


# around one call, at a Safaricom that stands still when it is told to


class Stop:
    """A place where the world stands still until a test has killed the worker."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def here(self) -> None:
        self.reached.set()
        self.released.wait(30)


@pytest.fixture
def app(known: Settings) -> Iterator[App]:
    app = made(known)
    yield app
    app.close()


def _payments(safaricom: Double) -> list[str]:
    """The names of all payments that were asked for."""
    paid = [each.body for each in safaricom.asked if "paymentrequest" in each.path]
    return [str(body["OriginatorConversationID"]) for body in paid]


@pytest.mark.faults
@pytest.mark.parametrize("where", ["at the token", "before it is taken", "after it was taken"])
@pytest.mark.parametrize("send", [send_to_mpesa, pay_bill])
def test_a_worker_killed_around_the_call_leaves_a_question_and_asks_no_second_time(
    app: App,
    safaricom: Double,
    redis: redis_py.Redis,
    engine: Any,
    worker: Start,
    where: str,
    send: Callable[..., str],
) -> None:
    stop = Stop()
    taken: list[str] = []

    def token() -> Said:
        stop.here()
        return 200, b'{"access_token": "late", "expires_in": "3599"}'

    def take(asked: Asked) -> Said:
        if "paymentrequest" not in asked.path:
            return ACCEPTED
        if where == "before it is taken":
            stop.here()
        taken.append(asked.path)
        if where == "after it was taken":
            stop.here()
        return ACCEPTED

    safaricom.token, safaricom.answer = (token if where == "at the token" else None), take
    receipt = send(app, ASHA, PIN, 100)
    first = worker()
    nudge(redis)
    until(stop.reached.is_set)
    assert states(app) == {"sending": 1}
    kill(first)
    stop.released.set()
    safaricom.token = None
    for lock in redis.keys("daraja:*:lock"):
        redis.delete(lock)
    asked = _payments(safaricom)
    assert asked == ([] if where == "at the token" else [receipt])

    second = worker()
    nudge(redis)
    time.sleep(1.5)
    assert states(app) == {"sending": 1}, "somebody may still be at it"
    kill(second)

    later = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 5))
    final = build(app.settings, clock=later)
    drain(final)
    assert states(app) == {"unknown": 1}
    later.advance(seconds=60)
    drain(final)
    final.close()
    assert _payments(safaricom) == asked
    assert safaricom.last["OriginalConversationID"] == receipt
    assert not audit.run(engine)


# many, at the simulator's Safaricom, and our doors for what it says


@pytest.fixture
def here(settings: Settings) -> Iterator[Stage]:
    with stage(settings) as made:
        yield made


@pytest.mark.faults
def test_a_worker_killed_while_money_goes_out_pays_nothing_twice_and_loses_nothing(
    here: Stage, redis: redis_py.Redis, engine: Any, tmp_path: Path
) -> None:
    app = made(here.settings)
    here.safaricom.customer(BARAKA_THERE).name = "baraka otieno"
    amounts = range(20, 36)
    with here.doors(app), workers_of(here.settings, tmp_path) as worker:
        for amount in amounts:
            send_to_mpesa(app, ASHA, PIN, amount)
        here.safaricom.faults = replace(here.safaricom.faults, slow_ms=300)
        first = worker()
        nudge(redis)
        until(lambda: len(here.safaricom.books.payments) >= 2)
        kill(first)
        here.safaricom.tokens.clear()
        here.safaricom.faults = replace(here.safaricom.faults, slow_ms=0)
        worker()
        nudge(redis)
        until(lambda: not states(app)["queued"])
        lost = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 5))
        final = build(here.settings, clock=lost)
        for _ in range(6):
            drain(final)
            time.sleep(0.3)
            lost.advance(seconds=60)
        drain(final)
        final.close()
        until(lambda: set(states(app)) == {"done"})
    app.close()
    paid = Counter(
        payment.amount_minor // 100
        for payment in here.safaricom.books.payments.values()
        if payment.credit == BARAKA_THERE
    )
    assert paid == Counter(amounts)
    assert not audit.run(engine)
