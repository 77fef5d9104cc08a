"""Real processes on real stores, a gateway that counts, the books held against what was said."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from sqlalchemy import Engine, create_engine

from migrations.apply import upgrade
from simulator.load import PIN, person
from tests.conftest import open_folder
from tests.people import ASHA, CAST
from tests.processes import Stage, Web
from tests.workers.gateway import LocalGateway
from ussd_app.bootstrap import build
from ussd_app.domain.seeds import Seed, plant
from ussd_app.embedded import Postgres, Redis
from ussd_app.kernel.clock import FrozenClock, SystemClock
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.outbox import SENDING_LIMIT_S
from workers.relay import drain
from workers.settle import PATIENCE_S

PEOPLE = [person(number) for number in range(24)]
CROWD = [
    Seed(msisdn, f"Mtu {chr(65 + number)}", "en", PIN, f"3300{number:04d}", 5_000_00)
    for number, msisdn in enumerate(PEOPLE)
]
CONFIRM = "1*0722000002*500"
PAID = f"{CONFIRM}*{ASHA.pin}"

_STARTS_WITH_RECEIPT = re.compile(r"(K[A-Z0-9]{6,9})\b")


@dataclass
class Stores:
    """A PostgreSQL and a Redis that a test may kill."""

    postgres: Postgres
    redis: Redis

    @property
    def database_url(self) -> str:
        return self.postgres.url("faults")

    @property
    def redis_url(self) -> str:
        return self.redis.url()


@pytest.fixture
def stores() -> Iterator[Stores]:
    """Stores of this test alone, migrated, with everybody in them."""
    with open_folder() as folder:
        stores = Stores(Postgres(folder / "pg"), Redis(folder / "redis"))
        try:
            stores.postgres.start()
            stores.redis.start()
            stores.postgres.ensure_database("faults")
            upgrade(stores.database_url)
            _plant(stores.database_url, stores.redis_url)
            yield stores
        finally:
            stores.redis.kill()
            stores.postgres.kill()


def _plant(database_url: str, redis_url: str) -> None:
    app = build(Settings(env="test", database_url=database_url, redis_url=redis_url))
    try:
        plant(app.bank.desk, [*CAST, *CROWD])
    finally:
        app.close()


@pytest.fixture
def gateway() -> Iterator[LocalGateway]:
    with LocalGateway(delay_s=0.02) as gateway:
        yield gateway


@dataclass
class Scene:
    """Processes of Kabambe on stores, and what they have written."""

    stage: Stage
    engine: Engine
    gateway: LocalGateway

    def rows(self, statement: str, *given: object) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql(statement, given))

    def transfers(self) -> Counter[str]:
        """How often each receipt number stands in the ledger."""
        rows = self.rows("SELECT receipt FROM entries WHERE type = 'send_money'")
        return Counter(row.receipt for row in rows)

    def must_be_in_order(self, acknowledged: Iterable[str]) -> None:
        """Every law of the books holds, and whoever was shown a receipt was told the truth."""
        assert audit.run(self.engine) == []
        transfers, told = self.transfers(), Counter(acknowledged)
        assert all(count == 1 for count in transfers.values())
        assert all(count == 1 for count in told.values())
        assert set(told) <= set(transfers)
        said = self.rows(
            "SELECT e.id FROM entries e LEFT JOIN outbox o ON o.entry_id = e.id"
            " WHERE e.type = 'send_money' GROUP BY e.id HAVING count(o.id) <> 2"
        )
        assert said == [], "each transfer has the receipts of both sides"

    def let_receipts_settle(self) -> None:
        """What a worker still does when all is well again: as time passes, and reports come in."""
        later = FrozenClock(SystemClock().now() + timedelta(seconds=SENDING_LIMIT_S + 5))
        settings = Settings(
            env="test",
            database_url=self.stage.database_url,
            redis_url=self.stage.redis_url,
            at_username="kabambe",
            at_api_url=self.gateway.url,
        )
        app = build(settings, clock=later)
        try:
            drain(app)
            for msisdn, _, provider_id in list(self.gateway.heard):
                report = {"id": provider_id, "status": "Success", "phone": msisdn, "retries": "0"}
                app.inbox.hear("sms_delivery", provider_id, report | {"reason": "", "network": ""})
            drain(app)
            later.advance(seconds=PATIENCE_S + 60)
            for _ in range(4):
                drain(app)
                later.advance(seconds=3_600)
        finally:
            app.close()

    def every_receipt_arrived_once(self) -> None:
        """Or is known to be in doubt; none arrived twice."""
        states = {
            row[0]: row[1] for row in self.rows("SELECT state, count(*) FROM outbox GROUP BY 1")
        }
        assert set(states) <= {"done", "unknown"}, states
        texts = self.gateway.texts()
        assert set(texts.values()) <= {1}
        assert states["done"] <= len(texts) <= sum(states.values())


def scene_on(
    database_url: str, redis_url: str, gateway: LocalGateway, home: Path
) -> Iterator[Scene]:
    """Set a scene, and clear it away."""
    environ = {
        "AT_API_URL": gateway.url,
        "AT_USERNAME": "kabambe",
        "SIMULATOR": "off",
        "RATE_MSISDN_PER_MINUTE": "1000000",
    }
    stage = Stage(home, database_url, redis_url, environ)
    engine = create_engine(database_url, pool_pre_ping=True)
    try:
        yield Scene(stage, engine, gateway)
    finally:
        stage.end()
        engine.dispose()


@pytest.fixture
def scene(
    database_url: str,
    redis_server: Redis,
    redis: redis_py.Redis,
    gateway: LocalGateway,
    tmp_path: Path,
) -> Iterator[Scene]:
    """A scene on the session's stores, which nobody kills."""
    _plant(database_url, redis_server.url())
    yield from scene_on(database_url, redis_server.url(), gateway, tmp_path)


@pytest.fixture
def doomed(stores: Stores, gateway: LocalGateway, tmp_path: Path) -> Iterator[Scene]:
    """A scene on stores that will be killed."""
    yield from scene_on(stores.database_url, stores.redis_url, gateway, tmp_path)


def hop(web: Web, text: str, session: str = "ATUid_1", msisdn: str = ASHA.msisdn) -> str:
    """The answer to one hop. Raises OSError or http.client.HTTPException when there is none."""
    status, said = web.post(
        "/ussd",
        {
            "phoneNumber": msisdn,
            "serviceCode": "*383#",
            "text": text,
            "sessionId": session,
            "networkCode": "63902",
        },
    )
    assert status == 200
    return said


def walk(web: Web, text: str, session: str = "ATUid_1", msisdn: str = ASHA.msisdn) -> str:
    """Every hop up to this transcript; the last answer."""
    said, parts = hop(web, "", session, msisdn), text.split("*")
    for length in range(1, len(parts) + 1):
        said = hop(web, "*".join(parts[:length]), session, msisdn)
    return said


def receipt_in(said: str) -> str:
    """The receipt number on a last screen."""
    found = _STARTS_WITH_RECEIPT.match(said.removeprefix("END "))
    assert found is not None, said
    return found[1]
