"""All doors of an application with the cast in it, and ways to see what a request left behind."""

import io
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest
import redis as redis_py
import structlog
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from tests.people import ASHA, CAST
from ussd_app import logs
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.settings import Settings
from ussd_app.web import create_app

FORM = "application/x-www-form-urlencoded"
SECRET = "a-secret-of-the-gateway-0001"

HOP = {
    "phoneNumber": ASHA.msisdn,
    "serviceCode": "*383#",
    "text": "",
    "sessionId": "ATUid_0123456789abcdef0123456789abcdef",
    "networkCode": "63902",
}
EVENT = {
    "date": "2026-11-20 09:31:00",
    "sessionId": HOP["sessionId"],
    "serviceCode": "*383#",
    "networkCode": "63902",
    "phoneNumber": ASHA.msisdn,
    "status": "Incomplete",
    "cost": "KES 0.10",
    "durationInMillis": "21000",
    "hopsCount": "3",
    "input": "1*0722000002*500",
    "lastAppResponse": "CON …",
}
REPORT = {
    "id": "ATXid_0123456789abcdef0123456789abcdef",
    "status": "Success",
    "phoneNumber": ASHA.msisdn,
    "networkCode": "63902",
    "retryCount": "0",
}
MESSAGE = {
    "date": "2026-11-20 09:31:00",
    "from": ASHA.msisdn,
    "id": "ATXid_incoming_1",
    "linkId": "",
    "text": "BAL",
    "to": "22383",
    "networkCode": "63902",
}
OPT_OUT = {"senderId": "KABAMBE", "phoneNumber": ASHA.msisdn}

DOORS: Mapping[str, Mapping[str, str]] = {
    "/ussd": HOP,
    "/ussd/events": EVENT,
    "/sms/delivery": REPORT,
    "/sms/incoming": MESSAGE,
    "/sms/opt-out": OPT_OUT,
}
"""Every door that takes a form, with a form that it takes."""

_TABLES = (
    *("parties", "quotes", "pin_drafts", "unlock_codes", "session_ends"),
    *("entries", "idempotency", "outbox", "inbox", "accounts"),
)


@dataclass(frozen=True)
class Traces:
    """What there is of everything: two of them are equal when nothing was left behind."""

    rows: Mapping[str, int]
    keys: frozenset[str]


@dataclass
class Doors:
    """The doors of one application, and what can be seen from outside and inside."""

    app: App
    client: FlaskClient
    redis: redis_py.Redis
    engine: Engine
    logged: io.StringIO

    def post(self, path: str, form: Mapping[str, str] | str | bytes, **named: str) -> TestResponse:
        """POST a form, given as fields or as the body itself."""
        body = urlencode(form) if isinstance(form, Mapping) else form
        return self.client.post(path, data=body, content_type=named.pop("kind", FORM), **named)

    def hop(self, text: str, **changes: str) -> str:
        """The answer to a hop of Asha's session."""
        return self.post("/ussd", HOP | {"text": text} | changes).get_data(as_text=True)

    def traces(self) -> Traces:
        """What lies in the database and in Redis, but for the counters of floods."""
        with self.engine.connect() as connection:
            rows = {
                table: int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())
                for table in _TABLES
            }
        keys = {key.decode() for key in self.redis.scan_iter()}
        return Traces(rows, frozenset(k for k in keys if not k.startswith(("kb:n:", "kb:t:"))))

    def rejected(self) -> float:
        """How many requests were counted as turned away."""
        lines = self.app.metrics.exposition().decode().splitlines()
        counts = (line for line in lines if line.startswith("kabambe_rejected_total"))
        return sum(float(line.rpartition(" ")[2]) for line in counts)


@pytest.fixture
def app(
    database_url: str, redis: redis_py.Redis, redis_server: Redis, clock: FrozenClock
) -> Iterator[App]:
    """Kabambe with a pay bill at M-PESA."""
    settings = Settings(
        env="test",
        database_url=database_url,
        redis_url=redis_server.url(),
        daraja_url="http://127.0.0.1:1/safaricom",
    )
    app = build(settings, clock=clock, ids=SequentialIds())
    yield app
    app.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, at every level."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.configure(True, stream=stream, level=logging.DEBUG)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def doors(app: App, redis: redis_py.Redis, engine: Engine, logged: io.StringIO) -> Doors:
    """The doors of a development server."""
    plant(app.bank.desk, CAST)
    return Doors(app, create_app(app).test_client(), redis, engine, logged)


@pytest.fixture
def secret_doors(app: App, redis: redis_py.Redis, engine: Engine, logged: io.StringIO) -> Doors:
    """The doors as they are in production: under a secret, without the simulator's."""
    plant(app.bank.desk, CAST)
    settings = replace(app.settings, env="production", callback_secret=SECRET, simulator=False)
    hidden = replace(app, settings=settings)
    return Doors(hidden, create_app(hidden).test_client(), redis, engine, logged)
