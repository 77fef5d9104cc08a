"""What the bank does by the clock: each round fails alone, and nobody waits for the long ones."""

import threading

import pytest
import redis as redis_py

from tests.workers.conftest import Boxes
from ussd_app.domain import rounds
from ussd_app.domain.commands import Round
from ussd_app.domain.desk import Desk
from workers import reconcile
from workers.keeper import Keeper
from workers.queueing import Bell, nudge, ring
from workers.schedules import ANSWERS
from workers.shop import Shop

pytestmark = pytest.mark.usefixtures("signals_put_back")


def counted(shop: Shop, job: str, outcome: str) -> bool:
    name = f'kabambe_jobs_total{{job="{job}",outcome="{outcome}"}}'
    return name in shop.app.metrics.exposition().decode()


def test_a_round_that_fails_is_counted_and_keeps_nobody_from_the_comparison(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[Shop] = []

    def fails(_: Desk) -> int:
        raise LookupError("a mistake of a product's")

    monkeypatch.setattr(rounds, "ROUNDS", {"wrong": Round(fails), "right": Round(lambda _: 1)})
    monkeypatch.setattr(reconcile, "turn", compared.append)
    ANSWERS[Bell.ROUNDS](shop)
    shop.close()
    assert compared == [shop]
    assert counted(shop, "wrong", "failed")
    assert not counted(shop, "right", "failed")


def test_a_comparison_that_fails_is_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: Shop) -> bool:
        raise LookupError("a mistake of ours")

    monkeypatch.setattr(reconcile, "turn", fails)
    ANSWERS[Bell.ROUNDS](shop)
    shop.close()
    assert counted(shop, "reconcile", "failed")


def test_messages_go_out_while_a_comparison_takes_long_and_it_is_made_once_at_a_time(
    shop: Shop, boxes: Boxes, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    go_on = threading.Event()

    def slow(_: Shop) -> bool:
        begun.append(1)
        return go_on.wait(60)

    monkeypatch.setattr(reconcile, "turn", slow)
    said = boxes.say()
    for _ in range(2):
        ring(redis, Bell.ROUNDS)
        nudge(redis)
        Keeper(shop, ANSWERS, redis).work(burst=True)
    assert boxes.out(said).state == "done"
    assert begun == [1]
    go_on.set()
    shop.close()
