"""Worker and scheduler show that they live: beside long work; not when stuck, nor once ended."""

import time

import pytest
import redis as redis_py

from ussd_app import heartbeat
from ussd_app.heartbeat import FADES_S, Part
from workers import keeper
from workers.keeper import Answer, Keeper
from workers.queueing import Bell, ring
from workers.scheduler import RHYTHM_S, Scheduler
from workers.shop import Shop

EVERY_S = 0.02


pytestmark = pytest.mark.usefixtures("signals_put_back")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY_S", EVERY_S)


def _keep(shop: Shop, redis: redis_py.Redis, answer: Answer) -> None:
    ring(redis, Bell.WORK)
    Keeper(shop, {Bell.WORK: answer}, redis).work(burst=True)


def _comes_back(redis: redis_py.Redis) -> bool:
    """Whether the worker's heartbeat, forgotten by Redis, is there again after many beats."""
    redis.flushall()
    deadline = time.monotonic() + 50 * EVERY_S
    while Part.WORKER in heartbeat.silent(redis):
        if time.monotonic() > deadline:
            return False
        time.sleep(EVERY_S)
    return True


def test_a_worker_lives_while_it_works_and_no_longer(shop: Shop, redis: redis_py.Redis) -> None:
    lived: list[bool] = []
    assert Part.WORKER in heartbeat.silent(redis)
    _keep(shop, redis, lambda _: lived.append(_comes_back(redis)))
    assert lived == [True]
    assert Part.WORKER in heartbeat.silent(redis)


def test_a_stuck_worker_does_not_live(
    shop: Shop, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "STUCK_S", 0.0)
    lived: list[bool] = []
    _keep(shop, redis, lambda _: lived.append(_comes_back(redis)))
    assert lived == [False]


def test_a_scheduler_lives_from_round_to_round(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(redis)
    scheduler.register_birth()
    assert Part.SCHEDULER in heartbeat.silent(redis)
    scheduler.heartbeat()
    assert Part.SCHEDULER not in heartbeat.silent(redis)
    assert min(RHYTHM_S.values()) * 2 < FADES_S, "a round is as long as the shortest rhythm"
    scheduler.register_death()
    assert Part.SCHEDULER in heartbeat.silent(redis)
