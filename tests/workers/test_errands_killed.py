"""A real worker, killed while errands are out: none is asked for twice, none is lost or guessed."""

import signal
import subprocess
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
from tests.workers.conftest import ASHA, Boxes, workers_of
from tests.workers.outside import Outside, buy, outside, send_to_bank
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.errand_rows import SENDING_LIMIT_S
from workers.gateways.bank import BankSwitch
from workers.queueing import nudge
from workers.relay import drain

PIN = "4826"


@pytest.fixture
def world() -> Iterator[Outside]:
    with outside() as made:
        yield made


@pytest.fixture
def known(settings: Settings, world: Outside) -> Settings:
    return world.settings(settings)


@pytest.fixture
def app(known: Settings) -> Iterator[App]:
    """The application as its web server has it, with the clock of the wall; one customer may pay
    as often as they like."""
    names = BankSwitch(str(known.bank_url), known.bank_key)
    app = build(replace(known, rate_payments_per_minute=0), account_names=names)
    plant(app.bank.desk)
    yield app
    app.close()


@pytest.fixture
def worker(known: Settings, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a worker as `make run` does."""
    with workers_of(known, tmp_path) as start:
        yield start


def _states(app: App, kind: str) -> Counter[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT state, count(*) FROM errands WHERE kind = %s GROUP BY state", (kind,)
        )
        return Counter({row[0]: row[1] for row in rows})


@pytest.mark.faults
def test_a_worker_killed_while_errands_are_out_doubles_none_and_loses_none(
    app: App,
    world: Outside,
    boxes: Boxes,
    engine: Any,
    redis: redis_py.Redis,
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    amounts = range(10, 34)
    for amount in amounts:
        buy(app, ASHA, PIN, amount)
    transfers = [send_to_bank(app, ASHA, PIN, 20) for _ in range(6)]
    world.reseller.faults.slow_ms = 500
    world.switch.faults = replace(world.switch.faults, slow_ms=500)
    first = worker()
    nudge(redis)
    until(lambda: len(world.reseller.sent) >= 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    world.switch.faults = replace(world.switch.faults, slow_ms=0)
    worker()
    nudge(redis)
    until(lambda: not _states(app, "airtime")["queued"] and not _states(app, "bank")["queued"])
    until(lambda: sum(_states(app, "airtime").values()) == len(amounts))
    time.sleep(2)
    in_doubt = _states(app, "airtime")["sending"]
    assert 0 < in_doubt <= 16, "the calls that were out"

    later = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 5))
    final = build(app.settings, clock=later)
    drain(final)
    assert _states(app, "airtime") == {"done": len(amounts) - in_doubt, "unknown": in_doubt}
    sent = Counter(int(amount) for _, amount in world.reseller.sent)
    for amount in amounts:
        status = "Success" if sent[amount] else "Failed"
        body = {"id": f"ATQid_{amount:08}", "phone": ASHA, "status": status, "reason": ""}
        with app.engine.connect() as connection:
            unknown = connection.exec_driver_sql(
                "SELECT count(*) FROM errands WHERE state = 'unknown' AND kind = 'airtime'"
                " AND (facts->>'amount')::bigint = %s",
                (amount * 100,),
            ).scalar_one()
        if unknown:
            boxes.clock = later
            boxes.hear("airtime_status", body["id"], value=f"KES {amount}.0000", **body)
    for _ in range(3):
        drain(final)
        later.advance(seconds=60)
    final.close()
    assert _states(app, "airtime")["done"] == sum(sent.values())
    assert set(_states(app, "airtime")) <= {"done", "refused"}
    assert set(sent.values()) == {1}
    assert _states(app, "bank") == {"done": len(transfers)}
    assert sorted(world.switch.transfers) == sorted(transfers)
    assert not audit.run(engine)


@pytest.mark.faults
def test_a_silent_reseller_holds_up_no_message(
    app: App,
    world: Outside,
    boxes: Boxes,
    redis: redis_py.Redis,
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    world.reseller.faults.silent = True
    for amount in range(10, 30):
        buy(app, ASHA, PIN, amount)
    worker()
    nudge(redis)
    until(lambda: _states(app, "airtime")["sending"] == 16)
    before = world.centre.sent
    for number in range(300):
        boxes.say(f"+2547120{number:05d}", "no_transactions", balance=number)
    started = time.monotonic()
    nudge(redis)
    until(lambda: world.centre.sent >= before + 300)
    assert time.monotonic() - started < 10
    assert _states(app, "airtime")["sending"] == 16
