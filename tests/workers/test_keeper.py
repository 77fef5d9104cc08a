"""Bells: unique while they wait, free while they are answered, never in anybody's way."""

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.job import Job
from sqlalchemy import Engine

from tests.workers.conftest import Boxes
from tests.workers.gateway import LocalGateway
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import Broken
from workers.keeper import Answer, Keeper
from workers.queueing import QUEUE, Bell, nudge, nudger, ring
from workers.scheduler import DAILY, RHYTHM_S, Scheduler
from workers.schedules import ANSWERS, audit_book
from workers.shop import Shop

pytestmark = pytest.mark.usefixtures("signals_put_back")


def _keep(shop: Shop, redis: redis_py.Redis, answer: Answer) -> None:
    Keeper(shop, {Bell.WORK: answer}, redis).work(burst=True)


def test_a_thousand_rings_are_one(redis: redis_py.Redis) -> None:
    assert ring(redis, Bell.WORK)
    assert not any(ring(redis, Bell.WORK) for _ in range(1000))
    assert ring(redis, Bell.SEAL), "another bell is another matter"
    assert Queue(QUEUE, connection=redis).get_job_ids() == ["bell-work", "bell-seal"]


def test_a_ring_while_it_is_answered_is_heard_afterwards(shop: Shop, redis: redis_py.Redis) -> None:
    answered: list[bool] = []

    def answer(_shop: Shop) -> None:
        answered.append(len(answered) < 3 and ring(redis, Bell.WORK))

    ring(redis, Bell.WORK)
    _keep(shop, redis, answer)
    assert answered == [True, True, True, False]


def test_nothing_is_left_of_an_answered_bell(shop: Shop, redis: redis_py.Redis) -> None:
    ring(redis, Bell.WORK)
    _keep(shop, redis, lambda _: None)
    assert not redis.keys("rq:job:*")
    assert not redis.llen(Queue(QUEUE, connection=redis).intermediate_queue_key)
    assert not redis.zcard("rq:failed:" + QUEUE)


def test_an_answer_that_fails_stops_nobody(shop: Shop, redis: redis_py.Redis) -> None:
    answered: list[str] = []

    def fail(_shop: Shop) -> None:
        answered.append("once")
        raise LookupError("x")

    ring(redis, Bell.WORK)
    _keep(shop, redis, fail)
    assert ring(redis, Bell.WORK)
    _keep(shop, redis, fail)
    assert answered == ["once", "once"]
    assert b'outcome="failed"' in shop.app.metrics.exposition()


def test_a_bell_taken_by_a_killed_worker_can_be_rung_again(
    shop: Shop, redis: redis_py.Redis
) -> None:
    ring(redis, Bell.WORK)
    queue = Queue(QUEUE, connection=redis)
    redis.lmove(queue.key, queue.intermediate_queue_key)
    assert redis.exists(Job.key_for("bell-work"))
    _keep(shop, redis, lambda _: None)
    answered: list[bool] = []
    assert ring(redis, Bell.WORK)
    _keep(shop, redis, lambda _: answered.append(True))
    assert answered == [True]


def test_a_job_that_is_no_bell_is_dropped(shop: Shop, redis: redis_py.Redis) -> None:
    Queue(QUEUE, connection=redis).enqueue("os.getcwd")
    answered: list[bool] = []
    ring(redis, Bell.WORK)
    _keep(shop, redis, lambda _: answered.append(True))
    assert answered == [True]
    assert not redis.keys("rq:job:*")


def test_a_bell_that_nobody_hears_fades(redis: redis_py.Redis) -> None:
    ring(redis, Bell.WORK)
    assert 0 < redis.ttl(Job.key_for("bell-work")) <= 60


def test_a_silent_redis_is_a_delay_and_no_error() -> None:
    nobody = redis_py.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    nudge(nobody)
    nudger(nobody)()


def test_the_scheduler_rings_every_bell_and_piles_up_nothing(redis: redis_py.Redis) -> None:
    scheduler = Scheduler(redis)
    for _ in range(3):
        for job in scheduler.get_jobs():
            job.enqueue(redis)
    ids = Queue(QUEUE, connection=redis).get_job_ids()
    assert sorted(ids) == sorted(f"bell-{bell.value}" for bell in Bell)
    assert scheduler.calculate_sleep_interval() <= 60


def test_every_bell_has_a_rhythm_and_an_answer() -> None:
    assert set(RHYTHM_S) | set(DAILY) == set(ANSWERS) == set(Bell)
    assert not set(RHYTHM_S) & set(DAILY)


def test_from_a_nudge_to_the_gateway(
    app: App, boxes: Boxes, gateway: LocalGateway, shop: Shop, redis: redis_py.Redis
) -> None:
    id_ = boxes.say()
    nudge(redis)
    Keeper(shop, ANSWERS, redis).work(burst=True)
    assert boxes.out(id_).state == "done"
    assert len(gateway.heard) == 1


def test_every_answer_can_be_given_on_a_fresh_book(shop: Shop, redis: redis_py.Redis) -> None:
    plant(shop.app.bank.desk)
    for bell in Bell:
        ring(redis, bell)
    Keeper(shop, ANSWERS, redis).work(burst=True)
    counted = shop.app.metrics.exposition().decode()
    assert 'outcome="failed"' not in counted
    for bell in Bell:
        assert f'kabambe_jobs_total{{job="{bell.value}",outcome="done"}}' in counted


def test_a_broken_book_is_a_failed_job(shop: Shop, engine: Engine) -> None:
    plant(shop.app.bank.desk)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql("UPDATE legs SET amount_minor = amount_minor + 1")
    with pytest.raises(Broken):
        audit_book(shop)
    ANSWERS[Bell.AUDIT](shop)
    shop.close()
    assert b'kabambe_jobs_total{job="audit",outcome="failed"}' in shop.app.metrics.exposition()
