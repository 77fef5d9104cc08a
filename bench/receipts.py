"""Receipts keep up: one worker process against a gateway that takes 300 ms a call.

The worker is the real one, a process of its own with RQ, the SDK, PostgreSQL and Redis; only the
gateway is ours, and it counts. Then the same again with the worker killed in the middle of it: what
was in flight is settled by delivery reports and by evidence, as in production but for the waiting,
and every message must have been taken exactly once.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from subprocess import DEVNULL, Popen

import psutil
import redis
from sqlalchemy import Engine, create_engine

from bench.figures import Figure, table
from bench.stage import Stage, stage
from tests.workers.gateway import LocalGateway
from ussd_app.bootstrap import build
from ussd_app.kernel.clock import FrozenClock
from ussd_app.running.plan import PROJECT
from workers.outbox import SENDING_LIMIT_S
from workers.queueing import nudge
from workers.relay import drain
from workers.settle import PATIENCE_S
from workers.shop import LINES

CALL_S = 0.3
MESSAGES = 6_000
LEAST_A_SECOND = 300
MOST_MB = 120
WAIT_S = 120.0

_QUEUE = """
INSERT INTO outbox (kind, address, template, language, facts, due_at)
SELECT 'sms', '+25471' || to_char(n, 'FM0000000'), 'no_transactions', 'en',
       jsonb_build_object('balance', n), clock_timestamp()
FROM generate_series(%s, %s) AS n
"""

_REPORTS = """
INSERT INTO inbox (kind, natural_key, body, due_at)
SELECT 'sms_delivery', id, jsonb_build_object('id', id, 'status', 'Success', 'phone', phone),
       clock_timestamp()
FROM unnest(%s::text[], %s::text[]) AS told (phone, id)
"""


def run(messages: int = MESSAGES) -> list[Figure]:
    """Measure the rate, the memory and what a kill -9 loses or doubles."""
    with LocalGateway(delay_s=CALL_S) as gateway, stage() as set_up:
        engine = create_engine(set_up.postgres.url())
        memory = redis.Redis.from_url(set_up.redis.url())
        build(set_up.settings()).close()
        with _worker(set_up, gateway) as worker:
            _queue(engine, 1, messages)
            began = _after(gateway, messages // 10, memory)
            first = len(gateway.heard)
            _until(lambda: len(gateway.heard) >= messages * 9 // 10)
            rate = (len(gateway.heard) - first) / (time.monotonic() - began)
            _until(lambda: _waiting(engine) == 0)
            grown_mb = psutil.Process(worker.pid).memory_info().rss / 2**20
            busy = sum(psutil.Process(worker.pid).cpu_times()[:2]) / messages * 1_000
        lost, doubled = _killed(set_up, gateway, engine, memory, messages)
        memory.close()
        engine.dispose()
    return [
        Figure(f"receipts, {CALL_S * 1000:.0f} ms a call", rate, "SMS/s", least=LEAST_A_SECOND),
        Figure("  the most that its lines allow", LINES / CALL_S, "SMS/s"),
        Figure("  a worker process", grown_mb, "MB", most=MOST_MB),
        Figure("  its work a message", busy, "ms of CPU"),
        Figure("  lost after kill -9", lost, "SMS", most=0),
        Figure("  doubled after kill -9", doubled, "SMS", most=0),
    ]


def _killed(
    set_up: Stage, gateway: LocalGateway, engine: Engine, memory: "redis.Redis", messages: int
) -> tuple[int, int]:
    """Send as many again with the worker killed on the way; returns those lost and doubled."""
    _queue(engine, messages + 1, 2 * messages)
    with _worker(set_up, gateway) as worker:
        _after(gateway, messages + messages // 4, memory)
        worker.kill()
        worker.wait()
    with _worker(set_up, gateway):
        nudge(memory)
        _until(lambda: _waiting(engine) == 0)
        time.sleep(4 * CALL_S)
    clock = FrozenClock(datetime.now(UTC) + timedelta(seconds=SENDING_LIMIT_S + 1))
    app = build(set_up.settings(at_api_url=gateway.url), clock=clock)
    drain(app)
    with engine.begin() as connection:
        taken = list(gateway.heard)
        columns = ([msisdn for msisdn, _, _ in taken], [name for _, _, name in taken])
        connection.exec_driver_sql(_REPORTS, columns)
    drain(app)
    clock.advance(seconds=PATIENCE_S + 1)
    drain(app)
    app.close()
    texts = gateway.texts()
    return 2 * messages - len(texts), sum(texts.values()) - len(texts)


@contextmanager
def _worker(set_up: Stage, gateway: LocalGateway) -> Iterator["Popen[bytes]"]:
    """One worker process, as `make run` starts it."""
    environ = set_up.environment() | {
        "AT_API_URL": gateway.url,
        "AT_USERNAME": "bench",
        "PYTHONPATH": str(PROJECT),
    }
    process = Popen([sys.executable, "-m", "workers"], env=environ, cwd=PROJECT, stderr=DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _queue(engine: Engine, first: int, last: int) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(_QUEUE, (first, last))


def _after(gateway: LocalGateway, taken: int, memory: "redis.Redis") -> float:
    """Ring until so many messages were taken; returns the moment (monotonic seconds)."""
    nudge(memory)
    _until(lambda: len(gateway.heard) >= taken)
    return time.monotonic()


def _waiting(engine: Engine) -> int:
    """How many messages nobody has taken in hand yet."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM outbox WHERE state = 'queued'")
        return int(found.scalar_one())


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S

    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError("the worker did not keep up at all")
        time.sleep(0.01)


def main() -> None:
    """Measure, and print the table."""
    print(table(run()))


if __name__ == "__main__":
    main()
