"""A real worker, killed while Safaricom is asked to pay: every payment is made once, and the books
say so in the end."""

import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis as redis_py
from sqlalchemy import Engine

from tests.processes import until
from tests.workers.conftest import ASHA, BARAKA, workers_of
from tests.workers.mpesa_stage import MILLION_MINOR, Stage, stage
from tests.workers.outside import send_to_mpesa
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.errand_rows import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain

PIN = "4826"
PAYMENTS = 14
TURNS = 12


@pytest.fixture
def here(settings: Settings) -> Iterator[Stage]:
    with stage(settings) as made:
        made.safaricom.books.put(made.settings.daraja_shortcode, MILLION_MINOR)
        made.safaricom.customer(BARAKA.removeprefix("+")).name = "baraka otieno"
        made.safaricom.books.put(BARAKA.removeprefix("+"), 0)
        yield made


@pytest.fixture
def app(here: Stage) -> Iterator[App]:
    made = build(here.settings)
    plant(made.bank.desk)
    with here.doors(made):
        yield made
    made.close()


@pytest.fixture
def worker(
    here: Stage, app: App, tmp_path: Path
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    with workers_of(here.settings, tmp_path) as start:
        yield start


def _states(app: App) -> Counter[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT state, count(*) FROM errands GROUP BY state")
        return Counter({row[0]: row[1] for row in rows})


@pytest.mark.faults
def test_a_worker_killed_while_payments_are_out_pays_each_once(
    app: App,
    here: Stage,
    engine: Engine,
    redis: redis_py.Redis,
    worker: Callable[[], subprocess.Popen[bytes]],
) -> None:
    safaricom = here.safaricom
    for shillings in range(10, 10 + PAYMENTS):
        send_to_mpesa(app, ASHA, PIN, shillings)
    safaricom.faults = replace(safaricom.faults, slow_ms=700, told="never")
    first = worker()
    nudge(redis)
    until(lambda: _states(app)["sending"] >= 4)
    first.send_signal(signal.SIGKILL)
    first.wait()
    safaricom.faults = replace(safaricom.faults, slow_ms=0)
    worker()
    nudge(redis)
    until(lambda: not _states(app)["queued"] and sum(_states(app).values()) == PAYMENTS)

    later = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 5))
    final = build(here.settings, clock=later)
    safaricom.faults = replace(safaricom.faults, told="well")
    for _ in range(TURNS):
        drain(final)
        later.advance(seconds=120)
    final.close()
    assert _states(app) == {"done": PAYMENTS}
    amounts = Counter(payment.amount_minor // 100 for payment in safaricom.books.payments.values())
    assert amounts == Counter(range(10, 10 + PAYMENTS))
    with engine.connect() as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM holds WHERE state = 'open'"
        ).scalar_one()
    assert left == 0
    assert not audit.run(engine)
