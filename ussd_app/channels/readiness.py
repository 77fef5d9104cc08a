"""Whether all that a Kabambe is made of answers now, asked in bounded time.

Knows whom to ask and how; what is said about it is the business of a door.
"""

import http.client
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait

import redis
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ussd_app import heartbeat

PATIENCE_S = 1.0


class Question:
    """Asked in a thread of its own, so that whoever waits can give up; one at a time.

    Who asks again meanwhile waits for the same answer: a server that hangs holds one thread and one
    connection, however often it is asked for.
    """

    def __init__(self, ask: Callable[[], list[str]]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._asked: Future[list[str]] | None = None

    def put(self) -> "Future[list[str]]":
        """The answer to come: the names of those who are silent."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                threading.Thread(target=self._answer, args=(self._asked,), daemon=True).start()
            return self._asked

    def _answer(self, asked: "Future[list[str]]") -> None:
        try:
            asked.set_result(self._ask())
        except Exception as failure:
            asked.set_exception(failure)


class Readiness:
    """All that must answer, each asked at the same time as the others."""

    def __init__(self, engine: Engine, client: redis.Redis, simulator_port: int | None) -> None:
        """`simulator_port` is None when no simulator belongs to this installation."""
        self._questions = {
            "postgresql": Question(lambda: _postgresql(engine)),
            "redis": Question(lambda: _redis_and_who_beats(client)),
        }
        if simulator_port is not None:
            self._questions["simulator"] = Question(lambda: _simulator(simulator_port))

    def silent(self) -> list[str]:
        """The names of those who do not answer within `PATIENCE_S` seconds; empty when all do."""
        asked = {name: question.put() for name, question in self._questions.items()}
        wait(asked.values(), PATIENCE_S)
        answers = (it.result() if it.done() else [name] for name, it in asked.items())
        return [name for answer in answers for name in answer]


def _postgresql(engine: Engine) -> list[str]:
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1 FROM alembic_version")
    except SQLAlchemyError:
        return ["postgresql"]
    return []


def _redis_and_who_beats(client: redis.Redis) -> list[str]:
    """Without Redis nobody knows who lives, so it alone is named."""
    try:
        return [part.value for part in heartbeat.silent(client)]
    except redis.RedisError:
        return ["redis"]


def _simulator(port: int) -> list[str]:
    page = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        page.request("HEAD", "/")
        return [] if page.getresponse().status == http.client.OK else ["simulator"]
    except (OSError, http.client.HTTPException):
        return ["simulator"]
    finally:
        page.close()
