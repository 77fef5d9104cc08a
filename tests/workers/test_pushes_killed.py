"""A real worker, killed while it asks a phone or enters payments: nobody is asked twice, and each
payment is entered once.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_py

from tests.processes import until
from tests.workers.conftest import ASHA, Start
from tests.workers.safaricom import FIXTURES, Asked, Double, Said
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.push_rows import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain

ACCEPTED = (200, (FIXTURES / "stk" / "response-accepted.json").read_bytes())
CHECKOUT = json.loads(ACCEPTED[1])["CheckoutRequestID"]
MANY = 600


@pytest.fixture
def app(known: Settings) -> Iterator[App]:
    app = build(known)
    plant(app.bank.desk)
    yield app
    app.close()


def rows(app: App, statement: str, *given: object) -> list[Any]:
    with app.engine.connect() as connection:
        return list(connection.exec_driver_sql(statement, given))


def states(app: App) -> list[str]:
    return [row.state for row in rows(app, "SELECT state FROM pushes ORDER BY id")]


def wallet(app: App) -> int:
    (row,) = rows(
        app, "SELECT ledger_balance(wallet_id) AS minor FROM parties WHERE msisdn = %s", ASHA
    )
    return int(row.minor)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def confirm(app: App, mpesa: str, shillings: int) -> None:
    body = {
        "TransID": mpesa,
        "TransTime": "20261121120000",
        "TransAmount": f"{shillings}.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "0712000001",
        "MSISDN": "2547 ***** 001",
    }
    app.inbox.hear("mpesa_c2b", mpesa, {"raw": json.dumps(body)})


@pytest.mark.faults
@pytest.mark.parametrize("where", ["before it is taken", "after it was taken"])
@pytest.mark.parametrize("told_by", ["callback", "confirmation"])
def test_a_worker_killed_around_the_call_asks_no_second_time(
    app: App,
    safaricom: Double,
    redis: redis_py.Redis,
    engine: Any,
    worker: Start,
    where: str,
    told_by: str,
) -> None:
    reached, released = threading.Event(), threading.Event()
    taken: list[str] = []

    def take(asked: Asked) -> Said:
        if "processrequest" not in asked.path:
            return 500, b""
        if where == "after it was taken":
            taken.append(asked.path)
        reached.set()
        released.wait(30)
        return ACCEPTED

    safaricom.answer = take
    before = wallet(app)
    app.bank.serve("top_up", ASHA, {"amount": 500_00}, key="k:1")
    first = worker()
    nudge(redis)
    until(reached.is_set)
    assert states(app) == ["sent"]
    kill(first)
    released.set()

    later = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 5))
    final = build(app.settings, clock=later)
    drain(final)
    assert states(app) == ["unknown"]
    if told_by == "callback":
        facts = {"Amount": 500, "MpesaReceiptNumber": "UKS1", "PhoneNumber": int(ASHA[1:])}
        said = {
            "CheckoutRequestID": CHECKOUT,
            "ResultCode": 0,
            "CallbackMetadata": {"Item": [{"Name": n, "Value": v} for n, v in facts.items()]},
        }
        raw = json.dumps({"Body": {"stkCallback": said}})
        final.inbox.hear("mpesa_stk", f"{CHECKOUT}:0", {"raw": raw})
    else:
        confirm(final, "UKS1", 500)
    for _ in range(3):
        drain(final)
        later.advance(seconds=60)
    final.close()
    assert (states(app), wallet(app)) == (["succeeded"], before + 500_00)
    asked = [each for each in safaricom.asked if "processrequest" in each.path]
    assert len(asked) == 1
    assert not audit.run(engine)


@pytest.mark.faults
def test_workers_killed_while_they_enter_payments_lose_none_and_double_none(
    app: App, redis: redis_py.Redis, engine: Any, worker: Start
) -> None:
    before = wallet(app)
    for number in range(MANY):
        confirm(app, f"UKM{number:05d}", number % 9 + 1)
    entered = "SELECT count(*) AS n FROM entries WHERE type = 'mpesa_topup'"
    for share in (1, 3):
        killed = worker()
        nudge(redis)
        until(lambda share=share: rows(app, entered)[0].n > MANY * share // 5)  # type: ignore[misc]
        kill(killed)
    assert rows(app, entered)[0].n < MANY, "it was killed in the middle"
    worker()
    nudge(redis)
    until(lambda: not rows(app, "SELECT FROM inbox WHERE state = 'queued'"))
    minor = sum((number % 9 + 1) * 100 for number in range(MANY))
    assert wallet(app) == before + minor
    assert rows(app, entered)[0].n == MANY
    assert rows(app, "SELECT count(*) AS n FROM mpesa_receipts")[0].n == MANY
    told = "SELECT count(*) AS n FROM outbox WHERE template = 'mpesa_topped_up'"
    assert rows(app, told)[0].n == MANY
    assert {row.state for row in rows(app, "SELECT DISTINCT state FROM inbox")} == {"done"}
    assert not audit.run(engine)
