"""Readiness: everything that a Kabambe needs, named when it is silent, in bounded time."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import redis as redis_py
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from ussd_app import heartbeat
from ussd_app.bootstrap import App, connect
from ussd_app.channels.readiness import PATIENCE_S
from ussd_app.heartbeat import FADES_S, Part
from ussd_app.web import create_app

SLACK_S = 0.8
NO_DATABASE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"


class Page(BaseHTTPRequestHandler):
    """What a simulator answers when it is asked whether it is there."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def whole(app: App, redis: redis_py.Redis) -> App:
    """An application without a simulator, whose worker and scheduler live."""
    for part in Part:
        heartbeat.beat(redis, part)
    return replace(app, settings=replace(app.settings, simulator=False))


def _ask(app: App, path: str = "/readyz") -> TestResponse:
    return create_app(app).test_client().get(path)


def _silent(app: App) -> str:
    """Who is said not to answer; asserts that nothing else is said and that it is said in time."""
    began = time.monotonic()
    answer = _ask(app)
    assert time.monotonic() - began < PATIENCE_S + SLACK_S
    assert answer.status_code == 503
    body = answer.get_data(as_text=True)
    assert body.startswith("no answer from ")
    return body.removeprefix("no answer from ").rstrip("\n")


@contextmanager
def _halted(pids: list[int]) -> Iterator[None]:
    """Processes that neither answer nor hang up."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


def test_all_of_it_answers(whole: App) -> None:
    answer = _ask(whole)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "ready\n")


@pytest.mark.parametrize("part", Part)
def test_a_part_that_never_began_is_named(whole: App, redis: redis_py.Redis, part: Part) -> None:
    heartbeat.stop(redis, part)
    assert _silent(whole) == part.value


@pytest.mark.parametrize("part", Part)
def test_a_heartbeat_fades(whole: App, redis: redis_py.Redis, part: Part) -> None:
    left_ms = redis.pttl(f"alive:{part.value}")
    assert (FADES_S - 2) * 1000 < left_ms <= FADES_S * 1000
    redis.pexpire(f"alive:{part.value}", 20)
    time.sleep(0.05)
    assert _silent(whole) == part.value


def test_the_word_of_another_host_stands(
    whole: App, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
        heartbeat.stop(redis, Part.WORKER)
    assert _ask(whole).status_code == 200


def test_postgresql_that_is_away_is_named(whole: App) -> None:
    engine = connect(NO_DATABASE)
    assert _silent(replace(whole, engine=engine)) == "postgresql"
    engine.dispose()


def test_a_database_without_our_tables_is_no_database(whole: App, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alembic_version RENAME TO other")
    assert _silent(whole) == "postgresql"


def test_without_redis_it_alone_is_named(whole: App) -> None:
    nowhere = redis_py.Redis(host="127.0.0.1", port=1)
    assert _silent(replace(whole, redis=nowhere)) == "redis"
    nowhere.close()


def test_a_postgresql_that_hangs_hangs_nobody(whole: App) -> None:
    client = create_app(whole).test_client()
    assert client.get("/readyz").status_code == 200
    with whole.engine.connect() as connection:
        backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    threads = threading.active_count()
    with _halted([backend]):
        for _ in range(3):
            began = time.monotonic()
            answer = client.get("/readyz")
            assert time.monotonic() - began < PATIENCE_S + SLACK_S
            assert answer.get_data(as_text=True) == "no answer from postgresql\n"
            assert client.get("/healthz").status_code == 200
        assert threading.active_count() <= threads + 1, "one waits, however often it is asked"
    deadline = time.monotonic() + 5
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline


def test_a_redis_that_hangs_hangs_nobody(whole: App, redis: redis_py.Redis) -> None:
    assert _ask(whole).status_code == 200
    pid = int(redis.info("server")["process_id"])
    with _halted([pid]):
        assert _silent(whole) == "redis"
    assert _ask(whole).status_code == 200


def test_all_that_is_silent_is_named(whole: App, redis: redis_py.Redis) -> None:
    engine = connect(NO_DATABASE)
    redis.flushall()
    assert _silent(replace(whole, engine=engine)) == "postgresql and worker and scheduler"
    engine.dispose()


def test_the_simulator_belongs_to_it_when_it_is_ours(whole: App) -> None:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        settings = replace(whole.settings, simulator=True, port=server.server_port - 1)
        ours = replace(whole, settings=settings)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        assert _ask(ours).status_code == 200
        server.shutdown()
        serving.join()
        assert _silent(ours) == "simulator", "it takes the call and says nothing"
    assert _silent(ours) == "simulator"


def test_a_process_is_alive_whatever_else_is_away(whole: App, redis: redis_py.Redis) -> None:
    redis.flushall()
    engine = connect(NO_DATABASE)
    answer = _ask(replace(whole, engine=engine), "/healthz")
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "alive\n")
    engine.dispose()
