"""One token for all who ask, and a provider that is ill is left alone for a while."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.workers.safaricom import (
    ACCEPTED,
    BAD_TOKEN,
    FIXTURES,
    JANE,
    Double,
    Pocket,
    account,
)
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import SystemClock
from ussd_app.kernel.daraja import Accepted
from workers import shelf
from workers.gateways import daraja_line
from workers.gateways.daraja import Daraja
from workers.gateways.daraja_breaker import (
    MOST_FAILURES,
)
from workers.gateways.daraja_token import EARLY_S, NoToken
from workers.gateways.errands import Open, Postponed
from workers.shelf import RedisShelf


@pytest.fixture
def other(redis: redis_py.Redis, redis_server: Redis) -> Iterator[redis_py.Redis]:
    """Redis as another worker has it."""
    client = redis_py.Redis.from_url(redis_server.url())
    yield client
    client.close()


def nowhere() -> redis_py.Redis:
    """A Redis that is not there."""
    return redis_py.Redis(host="127.0.0.1", port=9, retry=Retry(NoBackoff(), 0))


def worker(safaricom: Double, client: redis_py.Redis) -> Daraja:
    return Daraja(account(safaricom.url), RedisShelf(client), SystemClock().now)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Call all of them at once."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(run, call) for call in calls]]


# tokens


def test_workers_that_need_a_token_at_once_ask_for_one(
    safaricom: Double, redis: redis_py.Redis, other: redis_py.Redis
) -> None:
    safaricom.strict, safaricom.slow_s = True, 0.3
    first, second = worker(safaricom, redis), worker(safaricom, other)
    answers = together(*[first.balance, second.balance] * 4)
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert len(safaricom.tokens) == 1
    assert len(safaricom.asked) == 8


def test_a_token_that_dies_on_the_way_is_replaced_once_and_what_was_asked_is_asked_again(
    safaricom: Double, redis: redis_py.Redis, other: redis_py.Redis
) -> None:
    safaricom.strict = True
    first, second = worker(safaricom, redis), worker(safaricom, other)
    assert isinstance(first.balance(), Accepted)
    safaricom.tokens.append("somebody else's, which ended ours")
    safaricom.slow_s = 0.3
    answers = together(*[first.balance, second.balance] * 4)
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert len(safaricom.tokens) == 3, "one more, for all eight"
    assert isinstance(second.balance(), Accepted)
    assert len(safaricom.tokens) == 3


def test_a_token_that_is_refused_again_is_given_up_and_soon_no_more_are_fetched(
    safaricom: Double,
) -> None:
    safaricom.answer = lambda _: BAD_TOKEN
    alarms: list[str] = []
    daraja = Daraja(account(safaricom.url), Pocket(), SystemClock().now, alarms.append)
    assert isinstance(daraja.b2c("n", JANE, 1_00, "Withdrawal"), Postponed)
    assert len(safaricom.tokens) == len(safaricom.asked) == 2
    for _ in range(2 * MOST_FAILURES):
        assert isinstance(daraja.b2c("n", JANE, 1_00, "Withdrawal"), Postponed)
    assert len(safaricom.tokens) == MOST_FAILURES + 1
    assert set(alarms) == {"mpesa_not_allowed"}


def test_an_api_that_our_application_has_no_leave_for_costs_nobody_the_token(
    safaricom: Double,
) -> None:
    said = 401, (FIXTURES / "errors/no-apiproduct.http401.json").read_bytes()
    safaricom.answer = lambda asked: said if "b2c" in asked.path else ACCEPTED
    alarms: list[str] = []
    daraja = Daraja(account(safaricom.url), Pocket(), SystemClock().now, alarms.append)
    for _ in range(3):
        outcome = daraja.b2c("n", JANE, 1_00, "Withdrawal")
        assert isinstance(outcome, Postponed)
        assert outcome.ours
    assert isinstance(daraja.balance(), Accepted)
    assert (len(safaricom.tokens), len(safaricom.asked)) == (1, 4)
    assert alarms == ["mpesa_not_allowed"] * 3


def test_what_fails_after_a_new_token_is_what_counts(safaricom: Double) -> None:
    answers = [BAD_TOKEN, (500, b"")]
    safaricom.answer = lambda _: answers[len(safaricom.asked) - 1]
    daraja = Daraja(account(safaricom.url), Pocket(), SystemClock().now)
    assert daraja.b2c("n", JANE, 1_00, "Withdrawal") == Open("HTTP 500 without a body")


LIVES = [("3599", 3599 - EARLY_S), ("100", 50), ("61", 30), ("2", 1), ("0", 1)]


@pytest.mark.parametrize(("said", "kept_s"), LIVES)
def test_a_token_is_taken_off_the_shelf_before_it_ends(
    safaricom: Double, said: str, kept_s: int
) -> None:
    safaricom.token = lambda: (200, f'{{"access_token": "x", "expires_in": "{said}"}}'.encode())
    pocket = Pocket()
    Daraja(account(safaricom.url), pocket, SystemClock().now).balance()
    ((value, ttl_s),) = pocket.kept.values()
    assert (value, ttl_s) == ("x", kept_s)


def test_a_token_that_has_lain_too_long_is_gone_from_redis(
    safaricom: Double, redis: redis_py.Redis
) -> None:
    safaricom.token = lambda: (200, b'{"access_token": "x", "expires_in": "1"}')
    daraja = worker(safaricom, redis)
    daraja.balance()
    (key,) = redis.keys("daraja:*")
    assert 0 < redis.pttl(key) <= 1_000
    assert b"consumer" not in key
    time.sleep(1.1)
    daraja.balance()
    assert len(safaricom.basic) == 2


TOKEN_ANSWERS: list[tuple[int, bytes]] = [
    (400, b""),
    (400, (FIXTURES / "oauth/error-auth-type.http400.json").read_bytes()),
    (400, (FIXTURES / "oauth/error-grant-type.http400.json").read_bytes()),
    (401, b""),
    (500, b""),
    (503, b"<html>"),
    (200, b""),
    (200, b"{}"),
    (200, b'{"access_token": "", "expires_in": "3599"}'),
    (200, b'{"access_token": "x\\r\\ny: z", "expires_in": "3599"}'),
]


@pytest.mark.parametrize("answer", TOKEN_ANSWERS)
def test_without_a_token_nothing_is_asked(safaricom: Double, answer: tuple[int, bytes]) -> None:
    safaricom.token = lambda: answer
    outcome = Daraja(account(safaricom.url), Pocket(), SystemClock().now).b2c(
        "n", JANE, 1_00, "Withdrawal"
    )
    assert isinstance(outcome, Postponed)
    assert outcome.reason.startswith("no token")
    assert not safaricom.asked


def test_without_redis_nothing_is_asked(safaricom: Double) -> None:
    outcome = worker(safaricom, nowhere()).b2c("n", JANE, 1_00, "Withdrawal")
    assert outcome == Postponed("ConnectionError")
    assert not safaricom.basic


def test_a_token_is_not_waited_for_without_end(
    safaricom: Double, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "WAIT_S", 0.2)
    daraja = worker(safaricom, redis)
    with RedisShelf(redis).alone(daraja._line._tokens._name):
        assert daraja.b2c("n", JANE, 1_00, "Withdrawal") == Postponed("others are at it")
    assert isinstance(daraja.b2c("n", JANE, 1_00, "Withdrawal"), Accepted)


def test_who_died_while_fetching_lets_go(
    safaricom: Double, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "HOLD_S", 0.3)
    daraja = worker(safaricom, redis)
    holding = RedisShelf(redis).alone(daraja._line._tokens._name)
    holding.__enter__()
    assert isinstance(daraja.b2c("n", JANE, 1_00, "Withdrawal"), Accepted)
    holding.__exit__(None, None, None)


def test_a_request_that_waited_too_long_for_its_token_is_not_sent(
    safaricom: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daraja_line, "LATEST_START_S", -1.0)
    outcome = Daraja(account(safaricom.url), Pocket(), SystemClock().now).b2c(
        "n", JANE, 1_00, "Withdrawal"
    )
    assert outcome == Postponed("no token in time")
    assert not safaricom.asked


def test_a_broken_shelf_is_no_fault_of_safaricom(safaricom: Double) -> None:
    pocket = Pocket()
    daraja = Daraja(account(safaricom.url), pocket, SystemClock().now)
    pocket.broken = True
    for _ in range(2 * MOST_FAILURES):
        assert daraja.balance() == Postponed("ConnectionError")
    pocket.broken = False
    assert isinstance(daraja.balance(), Accepted)


# an API that is ill


def test_an_api_that_is_ill_is_left_alone_and_the_others_are_asked(safaricom: Double) -> None:
    daraja = Daraja(account(safaricom.url), Pocket(), SystemClock().now)
    safaricom.answer = lambda asked: (503, b"") if "b2c" in asked.path else ACCEPTED
    for _ in range(MOST_FAILURES):
        assert isinstance(daraja.b2c("n", JANE, 1_00, "Withdrawal"), Open)
    assert daraja.b2c("n", JANE, 1_00, "Withdrawal") == Postponed("left alone for a while")
    assert len(safaricom.asked) == MOST_FAILURES
    assert isinstance(daraja.balance(), Accepted)


def test_what_is_refused_is_no_illness(safaricom: Double) -> None:
    daraja = Daraja(account(safaricom.url), Pocket(), SystemClock().now)
    refusals = ("errors/quota.http500.json", "errors/wrong-credentials.http500.json")
    for name in refusals * MOST_FAILURES:
        safaricom.answer = lambda _, name=name: (500, (FIXTURES / name).read_bytes())  # type: ignore[misc]
        daraja.balance()
    assert len(safaricom.asked) == 2 * MOST_FAILURES


def test_a_silent_safaricom_soon_costs_no_worker_any_time() -> None:
    daraja = Daraja(account("http://127.0.0.1:9"), Pocket(), SystemClock().now)
    for _ in range(MOST_FAILURES):
        assert daraja.balance() == Postponed("no token: ConnectionError")
    assert daraja.balance() == Postponed("no token: left alone for a while")


def test_what_a_shelf_cannot_keep_is_said_by_kind_only() -> None:
    out_of_reach = RedisShelf(nowhere())
    with pytest.raises(NoToken, match="ConnectionError"):
        out_of_reach.read("x")
    with pytest.raises(NoToken, match="ConnectionError"):
        out_of_reach.put("x", "secret", 1)
    with pytest.raises(NoToken, match="ConnectionError"), out_of_reach.alone("x"):
        pass
