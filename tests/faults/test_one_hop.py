"""The hop with the PIN, delivered more often than once, to more servers than one."""

import http.client
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as redis_py

from tests.faults.conftest import CONFIRM, PAID, Scene, hop, receipt_in, walk
from tests.people import ASHA, BARAKA
from tests.processes import Web, until
from tests.ways import dialled
from ussd_app.channels.sessions import PREFIX

pytestmark = pytest.mark.faults

SLOW_OUTBOX = """
CREATE FUNCTION take_your_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.8);
    RETURN NULL;
END $$;
CREATE TRIGGER slow AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION take_your_time();
"""


def test_four_deliveries_at_once_and_one_a_minute_later_on_two_servers(
    scene: Scene, redis: redis_py.Redis
) -> None:
    webs = [scene.stage.web(), scene.stage.web()]
    scene.stage.worker()
    walk(webs[0], CONFIRM)
    together = threading.Barrier(4)

    def deliver(number: int) -> str:
        together.wait()
        return hop(webs[number % 2], PAID)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(deliver, range(4)))
    assert len(set(said)) == 1
    receipt = receipt_in(said[0])

    record = f"{PREFIX}s:ATUid_1"
    redis.pexpire(record, redis.pttl(record) - 60_000)
    assert [hop(web, PAID) for web in webs] == [said[0]] * 2, "a minute later"
    assert scene.transfers() == {receipt: 1}
    until(lambda: len(scene.gateway.heard) == 2)
    scene.let_receipts_settle()
    assert {msisdn for msisdn, _ in scene.gateway.texts()} == {ASHA.msisdn, BARAKA.msisdn}
    scene.must_be_in_order([receipt])
    scene.every_receipt_arrived_once()


def _deliver_and_be_cut_off(web: Web) -> threading.Thread:
    def deliver() -> None:
        with pytest.raises((OSError, http.client.HTTPException)):
            hop(web, PAID)

    delivery = threading.Thread(target=deliver)
    delivery.start()
    return delivery


def test_a_server_killed_between_the_commit_and_the_reply(
    scene: Scene, redis: redis_py.Redis
) -> None:
    """Redis holds its breath, so the server that has moved the money cannot say so, and dies."""
    first, second = scene.stage.web(), scene.stage.web()
    walk(first, CONFIRM)
    with scene.engine.begin() as connection:
        connection.exec_driver_sql(SLOW_OUTBOX)
    delivery = _deliver_and_be_cut_off(first)
    until(lambda: bool(redis.exists(f"{PREFIX}b:{ASHA.msisdn}")))
    redis.client_pause(30_000, all=False)
    until(lambda: bool(scene.transfers()))
    first.kill()
    redis.client_unpause()
    delivery.join()
    said = hop(second, PAID)
    assert scene.transfers() == {receipt_in(said): 1}
    assert hop(second, PAID) == said
    scene.must_be_in_order([receipt_in(said)])


def test_a_server_killed_in_the_middle_of_the_transaction(
    scene: Scene, redis: redis_py.Redis
) -> None:
    first, second = scene.stage.web(), scene.stage.web()
    walk(first, CONFIRM)
    with scene.engine.begin() as connection:
        connection.exec_driver_sql(SLOW_OUTBOX)
    delivery = _deliver_and_be_cut_off(first)
    busy = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    until(lambda: bool(scene.rows(busy)))
    first.kill()
    delivery.join()
    said = hop(second, PAID)
    assert scene.transfers() == {receipt_in(said): 1}
    scene.must_be_in_order([receipt_in(said)])


def test_redis_flushed_in_the_middle_of_a_session(scene: Scene, redis: redis_py.Redis) -> None:
    web = scene.stage.web()
    confirm = walk(web, CONFIRM)
    redis.flushall()
    assert hop(web, PAID) == confirm, "the shortcut goes as far as the PIN and no further"
    said = hop(web, f"{PAID}*{ASHA.pin}")
    assert scene.transfers() == {receipt_in(said): 1}
    redis.flushall()
    assert hop(web, f"{PAID}*{ASHA.pin}").startswith("END Session lost.")
    scene.must_be_in_order([receipt_in(said)])


def test_guesses_from_many_sessions_at_once_are_three(scene: Scene) -> None:
    webs = [scene.stage.web(), scene.stage.web()]
    sessions = [f"ATUid_{number}" for number in range(24)]
    for session in sessions:
        hop(webs[0], dialled("balance"), session)
    together = threading.Barrier(len(sessions))

    def guess(numbered: tuple[int, str]) -> str:
        number, session = numbered
        together.wait()
        return hop(webs[number % 2], dialled("balance", f"{1_300 + number}"), session)

    with ThreadPoolExecutor(len(sessions)) as pool:
        said = list(pool.map(guess, enumerate(sessions)))
    wrong = [answer for answer in said if "Wrong PIN" in answer]
    assert sorted(answer.split("\n")[0] for answer in wrong) == [
        "CON Wrong PIN. 1 left.",
        "CON Wrong PIN. 2 left.",
    ]
    assert all("PIN locked" in answer for answer in said if answer not in wrong)
    assert "PIN locked" in walk(webs[0], dialled("balance", ASHA.pin), "ATUid_late")
    (party,) = scene.rows("SELECT pin_fails FROM parties WHERE msisdn = %s", ASHA.msisdn)
    assert party.pin_fails == 3
