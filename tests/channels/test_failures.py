"""What the USSD door does when a process died with the phone's lock, or when the bank fails, falls
silent or is slow. Dialogues cannot show these: a customer only sees a screen."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as redis_py

from tests.channels.hops import CONFIRM, DOWN, PAID, Phone, Spoil, count
from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.channels import sessions as store
from ussd_app.channels.sessions import PREFIX
from ussd_app.domain.counter import COMMANDS
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.kernel.errors import Unavailable

# -- locks


def test_a_dead_lock_holder_holds_the_phone_only_for_a_while(
    app: App, asha: Phone, redis: redis_py.Redis, entries: Callable[[], int]
) -> None:
    """A process took the hop, moved the money, and was killed before it could answer."""
    asha.walk(CONFIRM)
    lock = f"{PREFIX}b:{ASHA.msisdn}"
    record = redis.dump(f"{PREFIX}s:{asha.session}")
    assert record is not None
    paid = asha.send(PAID)
    redis.restore(f"{PREFIX}s:{asha.session}", 60_000, record, replace=True)
    redis.set(lock, "whoever was killed", px=700)
    began = time.monotonic()
    assert asha.send(PAID) == paid
    assert 0.3 < time.monotonic() - began < 5
    assert entries() == 1


def test_whoever_waits_too_long_is_told_that_we_still_work(
    asha: Phone, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAIT_FOR_TWIN_S", 0.2)
    asha.walk(CONFIRM)
    redis.set(f"{PREFIX}b:{ASHA.msisdn}", "somebody", px=5_000)
    assert asha.send(PAID).startswith("END Still working on your answer.")
    redis.delete(f"{PREFIX}b:{ASHA.msisdn}")
    assert asha.send(PAID).startswith("END KB")


def test_locks_are_shorter_than_the_gateways_patience() -> None:
    assert store.LOCK_LIFE_MS < store.WAIT_FOR_TWIN_S * 1_000 < 10_000


# -- a bank that fails


def fails(_desk: Desk, ask: Ask) -> Facts:
    raise RuntimeError(f"a mistake of ours about {ask.args}")


def test_an_unexpected_exception_is_an_apology_and_the_next_delivery_works(
    app: App,
    asha: Phone,
    spoil: Spoil,
    redis: redis_py.Redis,
    monkeypatch: pytest.MonkeyPatch,
    entries: Callable[[], int],
) -> None:
    asha.walk(CONFIRM)
    with monkeypatch.context() as broken:
        spoil("accept_quote", fails)
        for _ in range(3):
            assert asha.send(PAID).startswith(DOWN)
        assert not redis.exists(f"{PREFIX}b:{ASHA.msisdn}"), "the lock is given back"
        assert count(app, 'kabambe_rejected_total{door="web",reason="unexpected"}') == 3
        broken.undo()
    monkeypatch.undo()
    assert asha.send(PAID).startswith("END KB")
    assert entries() == 1


def test_a_silent_bank_is_said_honestly_and_asked_again(
    app: App, asha: Phone, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_desk: Desk, _ask: Ask) -> Facts:
        raise Unavailable("ledger", unknown=True)

    asha.walk(CONFIRM)
    spoil("accept_quote", silent)
    assert asha.send(PAID).startswith(DOWN)
    assert count(app, "kabambe_hops_total{") > 0
    monkeypatch.undo()
    assert asha.send(PAID).startswith("END KB")


def pays_once(asha: Phone, times: int) -> None:
    """So many deliveries of one hop, all at once, get one answer: that it was paid."""
    with ThreadPoolExecutor(times) as pool:
        answers = set(pool.map(lambda _: asha.send(PAID), range(times)))
    assert len(answers) == 1
    assert answers.pop().startswith("END KB")


def test_a_twin_waits_for_a_slow_bank(
    asha: Phone, spoil: Spoil, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    serve, calls = COMMANDS["accept_quote"].serve, []

    def slow(desk: Desk, ask: Ask) -> Facts:
        calls.append(ask.key)
        time.sleep(0.5)
        return serve(desk, ask)

    spoil("accept_quote", slow)
    pays_once(asha, 4)
    assert len(calls) == 1
    assert entries() == 1


def test_a_bank_slower_than_the_lock_still_pays_once(
    asha: Phone, spoil: Spoil, entries: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_LIFE_MS", 200)
    asha.walk(CONFIRM)
    serve, first = COMMANDS["accept_quote"].serve, threading.Event()

    def slow(desk: Desk, ask: Ask) -> Facts:
        if not first.is_set():
            first.set()
            time.sleep(0.8)
        return serve(desk, ask)

    spoil("accept_quote", slow)
    pays_once(asha, 3)
    assert entries() == 1
