"""A real worker, killed around a call to Safaricom, which stands still for it, or while it enters
payments: nobody is asked twice, and nothing is paid or entered twice, or lost."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis as redis_py

from tests.processes import until
from tests.workers.conftest import ASHA, Start
from tests.workers.killing import AFTER, BEFORE, Stop, afterwards, asked_for, halting, kill, planted
from tests.workers.looks import one, states, wallet
from tests.workers.mpesa.phones import ending
from tests.workers.mpesa.till import confirmation
from tests.workers.outside import pay_bill, send_to_mpesa
from tests.workers.safaricom import ACCEPTED, Double, Said, fixture
from ussd_app.bootstrap import App
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers import errand_rows, push_rows
from workers.queueing import nudge
from workers.relay import drain

PIN = "4826"
PUSHED = fixture("stk/response-accepted.json")
MANY = 600
TOKEN = "at the token"


@pytest.fixture
def app(known: Settings) -> Iterator[App]:
    with planted(known) as made:
        yield made


def payments(safaricom: Double) -> list[str]:
    """The names of all payments that were asked for."""
    return [str(body["OriginatorConversationID"]) for body in asked_for(safaricom, "payment")]


def confirm(app: App, mpesa: str, shillings: int) -> None:
    body = confirmation(mpesa, "0712000001", f"{shillings}.00", MSISDN="2547 ***** 001")
    app.inbox.hear("mpesa_c2b", mpesa, {"raw": body})


@pytest.mark.faults
@pytest.mark.parametrize("where", [TOKEN, BEFORE, AFTER])
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

    safaricom.token = token if where == TOKEN else None
    safaricom.answer = halting(stop, where, "paymentrequest", taken, ACCEPTED, ACCEPTED)
    receipt = send(app, ASHA, PIN, 100)
    first = worker()
    nudge(redis)
    until(stop.reached.is_set)
    assert states(app, "errands") == {"sending": 1}
    kill(first)
    stop.released.set()
    safaricom.token = None
    for lock in redis.keys("daraja:*:lock"):
        redis.delete(lock)
    asked = payments(safaricom)
    assert asked == ([] if where == TOKEN else [receipt])

    second = worker()
    nudge(redis)
    time.sleep(1.5)
    assert states(app, "errands") == {"sending": 1}, "somebody may still be at it"
    kill(second)

    with afterwards(app.settings, errand_rows.SENDING_LIMIT_S) as (final, clock):
        drain(final)
        assert states(app, "errands") == {"unknown": 1}
        clock.advance(seconds=60)
        drain(final)
    assert payments(safaricom) == asked
    assert len(taken) == (where == AFTER)
    assert safaricom.last["OriginalConversationID"] == receipt
    assert not audit.run(engine)


@pytest.mark.faults
@pytest.mark.parametrize("where", [BEFORE, AFTER])
@pytest.mark.parametrize("told_by", ["callback", "confirmation"])
def test_a_worker_killed_while_it_asks_a_phone_asks_no_second_time(
    app: App,
    safaricom: Double,
    redis: redis_py.Redis,
    engine: Any,
    worker: Start,
    where: str,
    told_by: str,
) -> None:
    stop = Stop()
    taken: list[str] = []
    answer = 200, json.dumps(PUSHED).encode()
    safaricom.answer = halting(stop, where, "processrequest", taken, answer, (500, b""))
    before = wallet(app, ASHA)
    app.bank.serve("top_up", ASHA, {"amount": 500_00}, key="k:1")
    first = worker()
    nudge(redis)
    until(stop.reached.is_set)
    assert states(app, "pushes") == {"sent": 1}
    kill(first)
    stop.released.set()

    with afterwards(app.settings, push_rows.SENDING_LIMIT_S) as (final, clock):
        drain(final)
        assert states(app, "pushes") == {"unknown": 1}
        if told_by == "callback":
            checkout = PUSHED["CheckoutRequestID"]
            said = {"raw": ending(0, checkout)}
            final.inbox.hear("mpesa_stk", f"{checkout}:0", said)
        else:
            confirm(final, "UKS1", 500)
        for _ in range(3):
            drain(final)
            clock.advance(seconds=60)
    assert states(app, "pushes") == {"succeeded": 1}
    assert wallet(app, ASHA) == before + 500_00
    assert len(asked_for(safaricom, "processrequest")) == 1
    assert len(taken) == (where == AFTER)
    assert not audit.run(engine)


@pytest.mark.faults
def test_workers_killed_while_they_enter_payments_lose_none_and_double_none(
    app: App, redis: redis_py.Redis, engine: Any, worker: Start
) -> None:
    before = wallet(app, ASHA)
    for number in range(MANY):
        confirm(app, f"UKM{number:05d}", number % 9 + 1)

    def entered() -> int:
        return int(one(app, "SELECT count(*) FROM entries WHERE type = 'mpesa_topup'"))

    for share in (1, 3):
        killed = worker()
        nudge(redis)
        until(lambda share=share: entered() > MANY * share // 5)  # type: ignore[misc]
        kill(killed)
    assert entered() < MANY, "it was killed in the middle"
    worker()
    nudge(redis)
    until(lambda: not states(app, "inbox")["queued"])
    assert wallet(app, ASHA) == before + sum((number % 9 + 1) * 100 for number in range(MANY))
    assert entered() == MANY
    assert one(app, "SELECT count(*) FROM mpesa_receipts") == MANY
    told = "SELECT count(*) FROM outbox WHERE template = 'mpesa_topped_up'"
    assert one(app, told) == MANY
    assert set(states(app, "inbox")) == {"done"}
    assert not audit.run(engine)
