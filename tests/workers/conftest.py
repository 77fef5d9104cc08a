"""An application on a clean database, a gateway that counts, short ways to queue and to look."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from sqlalchemy import Engine, Row

from tests.workers.gateway import LocalGateway
from tests.workers.safaricom import Double, client, double
from ussd_app.bootstrap import App, build
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.running.plan import PROJECT
from ussd_app.settings import SIMULATED_CERTIFICATE, Settings
from workers.gateways.daraja import Daraja
from workers.shop import Shop, open_shop

Start = Callable[[], subprocess.Popen[bytes]]

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ASHA, BARAKA = "+254712000001", "+254722000002"


@pytest.fixture
def gateway() -> Iterator[LocalGateway]:
    with LocalGateway() as gateway:
        yield gateway


@pytest.fixture
def settings(
    database_url: str, redis_server: Redis, redis: redis_py.Redis, gateway: LocalGateway
) -> Settings:
    return Settings(
        env="test",
        database_url=database_url,
        redis_url=redis_server.url(),
        at_username="kabambe",
        at_api_url=gateway.url,
    )


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START)


@pytest.fixture
def app(settings: Settings, clock: FrozenClock) -> Iterator[App]:
    app = build(settings, clock=clock, ids=SequentialIds())
    yield app
    app.close()


@dataclass
class Boxes:
    """The outbox and the inbox as a test fills and reads them, past all rules."""

    engine: Engine
    clock: FrozenClock

    def say(
        self,
        address: str = ASHA,
        template: str = "language_set",
        language: str = "en",
        kind: str = "sms",
        **facts: object,
    ) -> int:
        """Queue a message, due now; returns its id."""
        with self.engine.begin() as connection:
            made = connection.exec_driver_sql(
                "INSERT INTO outbox (kind, address, template, language, facts, due_at, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
                (
                    *(kind, address, template, language),
                    json.dumps(facts),
                    *(self.clock.now(), self.clock.now()),
                ),
            )
            return int(made.scalar_one())

    def hear(self, kind: str, key: str, **body: str) -> int:
        """Put something heard into the inbox, due now; returns its id."""
        with self.engine.begin() as connection:
            made = connection.exec_driver_sql(
                "INSERT INTO inbox (kind, natural_key, body, due_at, received_at)"
                " VALUES (%s, %s, %s, %s, %s) RETURNING id",
                (kind, key, json.dumps(body), self.clock.now(), self.clock.now()),
            )
            return int(made.scalar_one())

    def report(self, provider_id: str, status: str = "Success", phone: str = ASHA) -> int:
        """A delivery report comes in."""
        key = f"{provider_id}:{status}:0"
        return self.hear(
            "sms_delivery", key, id=provider_id, status=status, phone=phone, reason="", retries="0"
        )

    def out(self, id_: int) -> Row[Any]:
        """One row of the outbox."""
        return self._one("outbox", id_)

    def came(self, id_: int) -> Row[Any]:
        """One row of the inbox."""
        return self._one("inbox", id_)

    def _one(self, table: str, id_: int) -> Row[Any]:
        with self.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT * FROM {table} WHERE id = %s", (id_,))
            return found.one()

    def change(self, statement: str, *values: object) -> None:
        """Change rows as no part of ours would."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement, values)

    def states(self) -> dict[str, int]:
        """How many rows of the outbox are in each state."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT state, count(*) FROM outbox GROUP BY state")
            return {row[0]: row[1] for row in rows}


@pytest.fixture
def boxes(engine: Engine, clock: FrozenClock, app: App) -> Boxes:
    return Boxes(engine, clock)


@pytest.fixture
def shop(app: App) -> Iterator[Shop]:
    """What a worker works with."""
    shop = open_shop(app, lines=2)
    yield shop
    shop.close()


@pytest.fixture
def signals_put_back() -> Iterator[None]:
    """What listens to signals in a test listens no longer afterwards."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


@contextmanager
def workers_of(settings: Settings, home: Path) -> Iterator[Start]:
    """Starts workers as `make run` does; whatever is left of them is gone afterwards."""
    started: list[subprocess.Popen[bytes]] = []
    environ = os.environ | {
        "KABAMBE_ENV": "test",
        "KABAMBE_HOME": str(home),
        "DATABASE_URL": settings.database_url or "",
        "REDIS_URL": settings.redis_url or "",
        "AT_API_URL": settings.at_api_url,
        "AT_USERNAME": "kabambe",
        "PYTHONPATH": str(PROJECT),
    }
    if settings.bank_url:
        environ["BANK_URL"] = settings.bank_url
    if settings.daraja_url:
        environ |= {"DARAJA_URL": settings.daraja_url, "PUBLIC_URL": settings.public_url}

    def start() -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-m", "workers"], env=environ, cwd=home)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def safaricom() -> Iterator[Double]:
    """A Safaricom that answers as it is told, and stands still where it is told."""
    with double() as made:
        yield made


@pytest.fixture
def daraja(safaricom: Double) -> Daraja:
    """A client before it."""
    return client(safaricom.url)


@pytest.fixture
def known(settings: Settings, safaricom: Double) -> Settings:
    """Settings of a Kabambe that is to be known to it."""
    return replace(settings, daraja_url=safaricom.url, daraja_certificate=SIMULATED_CERTIFICATE)


@pytest.fixture
def worker(known: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts worker processes of that Kabambe, ended with the test."""
    with workers_of(known, tmp_path) as start:
        yield start
