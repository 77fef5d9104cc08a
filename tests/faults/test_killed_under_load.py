"""kill -9 of everything in turn while many people send money: the same books afterwards."""

import http.client
import random
import threading
import time
from contextlib import suppress

import psutil
import pytest

from simulator.load import Plan, Result, run
from tests.faults.conftest import PEOPLE, Scene, Stores, walk
from tests.processes import Program, Web, until

pytestmark = pytest.mark.faults

SECONDS = 9.0


class Load:
    """People who send money to each other, in a thread of their own."""

    def __init__(self, web: Web) -> None:
        self._plan = Plan(
            f"http://127.0.0.1:{web.port}/ussd",
            PEOPLE,
            sessions=100_000,
            seconds=SECONDS,
            concurrency=8,
            navigation=0.0,
            amount_minor=11_00,
            retries=3,
            retry_pause_s=0.4,
        )
        self._found: list[Result] = []
        self._thread = threading.Thread(target=lambda: self._found.append(run(self._plan)))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    @property
    def result(self) -> Result:
        """What the phones were told. Known when the load has ended."""
        return self._found[0]


def judge(scene: Scene, worker: Program, result: Result) -> None:
    """The ledger against what the phones were told, and the gateway against the ledger."""
    told = [transfer.receipt for transfer in result.acknowledged]
    assert len(told) > 20, result.summary()
    scene.must_be_in_order(told)
    untold = len(set(scene.transfers()) - set(told))
    elsewhere = result.refused.total() + result.unexpected.total()
    assert untold <= len(result.unanswered) + elsewhere
    worker.keep()
    scene.stage.scheduler()
    until(lambda: not scene.rows("SELECT 1 FROM outbox WHERE state = 'queued' LIMIT 1"))
    worker.kill()
    scene.let_receipts_settle()
    scene.every_receipt_arrived_once()


def serves(web: Web) -> bool:
    """Whether a fresh session gets past the first screen."""
    try:
        return walk(web, "1", f"ATUid_{time.monotonic_ns()}").startswith("CON Enter")
    except (OSError, http.client.HTTPException):
        return False


def test_postgresql_and_redis_are_killed(doomed: Scene, stores: Stores) -> None:
    web = doomed.stage.web()
    worker = doomed.stage.worker()
    with Load(web) as load:
        until(lambda: len(doomed.gateway.heard) > 5)
        stores.postgres.kill()
        stores.postgres.start()
        worker.keep()
        time.sleep(2.0)
        stores.redis.kill()
        stores.redis.start()
    until(lambda: serves(web))
    judge(doomed, worker, load.result)


def test_web_processes_and_the_worker_are_killed(scene: Scene) -> None:
    """The server's own processes, which it starts again, and the worker with calls in flight."""
    web = scene.stage.web(WEB_PROCESSES="2")
    worker = scene.stage.worker()
    dice = random.Random(7)
    with Load(web) as load:
        until(lambda: len(scene.gateway.heard) > 5)
        for round_ in range(5):
            time.sleep(0.5 + dice.random() / 2)
            with suppress(psutil.NoSuchProcess):
                dice.choice([one for one in web.children() if not one.children()]).kill()
            if round_ % 2:
                worker.kill()
                worker.start()
    until(lambda: serves(web))
    judge(scene, worker, load.result)
