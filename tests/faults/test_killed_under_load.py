"""kill -9 of everything in turn while many people send money: the same books afterwards."""

import random
import threading
import time
from collections.abc import Callable

import psutil
import pytest
import redis as redis_py

from simulator.load import Plan, Result, run
from tests.faults.conftest import PEOPLE, Scene, Stores, hop, walk
from tests.processes import Web, until

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


def judge(scene: Scene, result: Result) -> None:
    """The ledger against what the phones were told, and the gateway against the ledger."""
    told = [transfer.receipt for transfer in result.acknowledged]
    assert len(told) > 20, result.summary()
    scene.must_be_in_order(told)
    untold = len(set(scene.transfers()) - set(told))
    assert untold <= len(result.unanswered) + sum(result.refused.values())
    scene.let_receipts_settle()
    scene.every_receipt_arrived_once()


def wait_for(answers: Callable[[], bool]) -> None:
    until(answers, 30, 0.1)


def test_postgresql_and_redis_are_killed(doomed: Scene, stores: Stores) -> None:
    web = doomed.stage.web()
    doomed.stage.worker()
    with Load(web) as load:
        time.sleep(2.0)
        stores.postgres.kill()
        stores.postgres.start()
        time.sleep(2.0)
        stores.redis.kill()
        stores.redis.start()
    wait_for(lambda: walk(web, "1", f"ATUid_{time.monotonic_ns()}").startswith("CON Enter"))
    judge(doomed, load.result)


def test_web_processes_and_the_worker_are_killed(scene: Scene, redis: redis_py.Redis) -> None:
    web = scene.stage.web(WEB_PROCESSES="2")
    worker = scene.stage.worker()
    dice = random.Random(7)
    with Load(web) as load:
        for round_ in range(5):
            time.sleep(0.6 + dice.random() / 2)
            servers = [
                one for one in web.children() if "granian" not in one.name() or one.children() == []
            ]
            victim = dice.choice(servers)
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue
            if round_ % 2:
                worker.kill()
                worker = scene.stage.worker()
    wait_for(lambda: hop(web, "", f"ATUid_{time.monotonic_ns()}").startswith("CON"))
    judge(scene, load.result)
