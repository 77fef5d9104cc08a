"""A real worker, killed while Safaricom is asked to pay: every payment is made once, and the books
say so in the end."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
import redis as redis_py
from sqlalchemy import Engine

from tests.processes import until
from tests.workers.conftest import ASHA, BARAKA, Start
from tests.workers.killing import afterwards, kill, planted
from tests.workers.looks import open_holds, states
from tests.workers.mpesa.stage import Stage, stage
from tests.workers.outside import send_to_mpesa
from ussd_app.bootstrap import App
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.errand_rows import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain

PIN = "4826"
PAYMENTS = 14
TURNS = 12
BARAKA_THERE = BARAKA.removeprefix("+")


@pytest.fixture
def here(settings: Settings) -> Iterator[Stage]:
    with stage(settings) as made:
        made.safaricom.customer(BARAKA_THERE).name = "baraka otieno"
        made.safaricom.books.put(BARAKA_THERE, 0)
        yield made


@pytest.fixture
def known(here: Stage) -> Settings:
    """Settings of a Kabambe that is to be known to it."""
    return here.settings


@pytest.fixture
def app(here: Stage) -> Iterator[App]:
    with planted(here.settings) as made, here.doors(made):
        yield made


def paid(here: Stage) -> Counter[tuple[str, int]]:
    """How often each amount has gone to whom, in shillings."""
    done = here.safaricom.books.payments.values()
    return Counter((each.credit, each.amount_minor // 100) for each in done)


def each_once(amounts: Iterable[int]) -> Counter[tuple[str, int]]:
    """What has to have gone out."""
    return Counter((BARAKA_THERE, amount) for amount in amounts)


@pytest.mark.faults
def test_a_worker_killed_while_payments_are_out_pays_each_once(
    app: App, here: Stage, engine: Engine, redis: redis_py.Redis, worker: Start
) -> None:
    safaricom = here.safaricom
    amounts = range(10, 10 + PAYMENTS)
    for amount in amounts:
        send_to_mpesa(app, ASHA, PIN, amount)
    safaricom.faults = replace(safaricom.faults, slow_ms=700, told="never")
    first = worker()
    nudge(redis)
    until(lambda: states(app, "errands")["sending"] >= 4)
    kill(first)
    safaricom.faults = replace(safaricom.faults, slow_ms=0)
    worker()
    nudge(redis)

    def taken_up() -> bool:
        now = states(app, "errands")
        return not now["queued"] and now.total() == PAYMENTS

    until(taken_up)

    with afterwards(here.settings, SENDING_LIMIT_S) as (final, clock):
        safaricom.faults = replace(safaricom.faults, told="well")
        for _ in range(TURNS):
            drain(final)
            clock.advance(seconds=120)
    assert states(app, "errands") == {"done": PAYMENTS}
    assert paid(here) == each_once(amounts)
    assert open_holds(app) == 0
    assert not audit.run(engine)


@pytest.mark.faults
def test_a_worker_killed_while_money_goes_out_pays_nothing_twice_and_loses_nothing(
    app: App, here: Stage, engine: Engine, redis: redis_py.Redis, worker: Start
) -> None:
    safaricom = here.safaricom
    amounts = range(20, 36)
    for amount in amounts:
        send_to_mpesa(app, ASHA, PIN, amount)
    safaricom.faults = replace(safaricom.faults, slow_ms=300)
    first = worker()
    nudge(redis)
    until(lambda: len(safaricom.books.payments) >= 2)
    kill(first)
    safaricom.tokens.clear()
    safaricom.faults = replace(safaricom.faults, slow_ms=0)
    worker()
    nudge(redis)
    until(lambda: not states(app, "errands")["queued"])
    with afterwards(here.settings, SENDING_LIMIT_S) as (final, clock):
        for _ in range(6):
            drain(final)
            time.sleep(0.3)
            clock.advance(seconds=60)
        drain(final)
    until(lambda: set(states(app, "errands")) == {"done"})
    assert paid(here) == each_once(amounts)
    assert not audit.run(engine)
