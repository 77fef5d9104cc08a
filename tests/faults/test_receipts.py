"""A worker killed around one call to the gateway: the receipt arrives once, or is in doubt."""

import time

import pytest

from tests.faults.conftest import PAID, Scene, receipt_in, walk
from tests.processes import Program, until
from tests.workers.gateway import Answer, Form, taken

pytestmark = pytest.mark.faults

SLOW_CLAIM = """
CREATE FUNCTION take_your_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(1.5);
    RETURN NULL;
END $$;
CREATE TRIGGER slow AFTER UPDATE ON outbox FOR EACH STATEMENT EXECUTE FUNCTION take_your_time();
"""


def states(scene: Scene) -> set[str]:
    return {row[0] for row in scene.rows("SELECT DISTINCT state FROM outbox")}


def test_killed_before_the_call(scene: Scene) -> None:
    """While it takes the messages for its own: they are still everybody's."""
    with scene.engine.begin() as connection:
        connection.exec_driver_sql(SLOW_CLAIM)
    receipt = receipt_in(walk(scene.stage.web(), PAID))
    worker = scene.stage.worker()
    until(lambda: bool(scene.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")))
    worker.kill()
    with scene.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER slow ON outbox")
    time.sleep(2.0)
    assert states(scene) == {"queued"}
    assert not scene.gateway.heard
    worker.start()
    scene.stage.scheduler()
    until(lambda: states(scene) == {"done"})
    scene.must_be_in_order([receipt])
    scene.every_receipt_arrived_once()


def test_killed_after_the_call(scene: Scene) -> None:
    """The gateway has taken the messages; nobody has written down that it did."""
    workers: list[Program] = []

    def kill_who_calls(form: Form, provider_id: str) -> Answer:
        for worker in workers:
            if worker.process is not None:
                worker.process.kill()
        return taken(form, provider_id)

    scene.gateway.answer = kill_who_calls
    scene.gateway.delay_s = 0.5
    receipt = receipt_in(walk(scene.stage.web(), PAID))
    workers.append(scene.stage.worker())
    until(lambda: bool(scene.gateway.heard))
    time.sleep(1.0)
    workers[0].kill()
    assert states(scene) <= {"sending", "queued"}
    scene.gateway.answer = taken
    workers.clear()
    scene.let_receipts_settle()
    scene.must_be_in_order([receipt])
    scene.every_receipt_arrived_once()
    heard = [msisdn for msisdn, _, _ in scene.gateway.heard]
    done = {row.address for row in scene.rows("SELECT address FROM outbox WHERE state = 'done'")}
    assert done == set(heard), "the report says what the call could not"
