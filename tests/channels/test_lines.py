"""Scripts over kept lines: what is cut is tried again, what is silent is not waited for."""

import socket
import threading

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from ussd_app.channels.lines import Lines, Script
from ussd_app.embedded import Redis

COUNT = "return redis.call('INCR', KEYS[1])"


@pytest.fixture
def count(redis: redis_py.Redis) -> Script:
    return Script(Lines(redis), COUNT)


def test_a_script_is_taught_once_and_then_called(count: Script, redis: redis_py.Redis) -> None:
    redis.script_flush()
    assert [count(1, "n") for _ in range(3)] == [1, 2, 3]


def test_a_line_that_was_cut_is_opened_again(count: Script, redis: redis_py.Redis) -> None:
    assert count(1, "n") == 1
    redis.client_kill_filter(_type="normal", skipme=True)
    assert count(1, "n") == 2


def test_each_thread_has_a_line_of_its_own(count: Script) -> None:
    seen: list[int] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(count(1, "n") for _ in range(50)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 201))


def test_an_error_of_the_script_is_an_error(redis: redis_py.Redis) -> None:
    with pytest.raises(redis_py.ResponseError):
        Script(Lines(redis), "return redis.call('NOSUCH')")(0)


def test_a_redis_that_is_not_there_is_unavailable() -> None:
    nowhere = redis_py.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
    with pytest.raises(redis_py.ConnectionError):
        Script(Lines(nowhere), COUNT)(1, "n")


def test_a_silent_redis_times_out(redis: redis_py.Redis, redis_server: Redis) -> None:
    client = redis_py.Redis.from_url(redis_server.url(), socket_timeout=0.1)
    count = Script(Lines(client), COUNT)
    assert count(1, "n") == 1
    redis.execute_command("CLIENT PAUSE", 300)  # type: ignore[no-untyped-call]
    with pytest.raises(redis_py.TimeoutError):
        count(1, "n")
    client.close()


def test_a_line_keeps_its_timeout_in_the_kernel(redis: redis_py.Redis, redis_server: Redis) -> None:
    client = redis_py.Redis.from_url(redis_server.url(), socket_timeout=1.5)
    lines = Lines(client)
    assert lines.call("PING") == b"PONG"
    line = lines._threads.line
    assert line._socket.gettimeout() is None
    kept = line._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)
    assert int.from_bytes(kept[:8], "little") == 1
    assert abs(int.from_bytes(kept[8:], "little") - 500_000) < 20_000
    client.close()
