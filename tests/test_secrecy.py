"""After an evening of PINs, right and wrong, and of everything going wrong: none is anywhere.

Looked into are every key and value of Redis (the queue among them), every column of every table
that can hold text, all that was logged at the lowest level, and every file of the home.
"""

import io
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import redis as redis_py
import structlog
from flask.testing import FlaskClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine

from tests.people import ASHA, CAST
from tests.ways import dialled, way
from tests.workers.gateway import LocalGateway
from ussd_app import logs
from ussd_app.bootstrap import App, build, connect
from ussd_app.domain import bank as vocabulary
from ussd_app.domain.bank import Bank
from ussd_app.domain.counter import COMMANDS
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.settings import Settings
from ussd_app.web import create_app
from workers.queueing import nudge
from workers.relay import drain

JUMA = "+254733000003"
RIGHT, WRONG, OTHER, FIRST, NEXT = "4826", "7391", "8264", "6158", "9375"
NATIONAL_ID, WRONG_ID, TYPED_CODE = "31415926", "27182818", "864209"
SECRETS = (RIGHT, WRONG, OTHER, FIRST, NEXT, NATIONAL_ID, WRONG_ID, TYPED_CODE)
"""Digits that stand nowhere by chance: no amount, number, date or receipt of this test has them."""

FIRST_CODE = "123456"
PAPER_CODE = "PAPER0"
"""How every code begins that opens a document here."""


class Evening:
    """Phones at one application."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self._sessions = 0

    def dial(self, msisdn: str, *answers: str) -> str:
        """A whole session, each hop delivered twice; the last screen."""
        self._sessions += 1
        said = ""
        for length in range(len(answers) + 1):
            form = {
                "phoneNumber": msisdn,
                "serviceCode": "*383#",
                "text": "*".join(answers[:length]),
                "sessionId": f"ATUid_{'abcdefghijklmnopqrstuvwxyz'[self._sessions]}",
                "networkCode": "63902",
            }
            for _ in range(2):
                said = self.client.post("/ussd", data=form).get_data(as_text=True)
        event = form | {"status": "Success", "input": form["text"], "lastAppResponse": said}
        self.client.post("/ussd/events", data=event)
        return said


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    loud = [logging.getLogger(name) for name in ("sqlalchemy.engine", "sqlalchemy.pool", "rq")]
    stream = io.StringIO()
    logs.configure(True, stream=stream, level=logging.DEBUG)
    for logger in loud:
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger in loud:
        logger.setLevel(logging.NOTSET)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def gateway() -> Iterator[LocalGateway]:
    with LocalGateway() as gateway:
        yield gateway


@pytest.fixture
def app(
    database_url: str,
    redis: redis_py.Redis,
    redis_server: Redis,
    clock: FrozenClock,
    gateway: LocalGateway,
    tmp_path: Path,
    logged: io.StringIO,
) -> Iterator[App]:
    settings = Settings(
        env="test",
        home=tmp_path,
        database_url=database_url,
        redis_url=redis_server.url(),
        at_username="kabambe",
        at_api_url=gateway.url,
        rate_msisdn_per_minute=10_000,
    )
    app = build(settings, clock=clock, ids=SequentialIds())
    plant(app.bank.desk, CAST)
    yield app
    app.close()


def fails(_desk: Desk, ask: Ask) -> Facts:
    given = dict(ask.args)
    raise ValueError(f"invalid literal: {given!r}", ask, given)


def play(app: App, engine: Engine, redis: redis_py.Redis, spoil: Callable[[str], None]) -> None:
    """The evening. Every secret of the list is typed in it, most of them where they belong."""
    evening = Evening(create_app(app, lambda: nudge(redis)).test_client())
    dial = evening.dial
    asha, send = ASHA.msisdn, ("1", "0722000002", "500")
    assert "Wrong PIN" in dial(asha, *send, WRONG)
    assert dial(asha, *send, RIGHT).startswith("END KB")
    assert dial(asha, *way("balance"), RIGHT).startswith("END Your balance")
    dial(asha, *way("mini_statement"), RIGHT)
    assert "two SMS" in dial(asha, *way("full_statement"), "1", RIGHT)
    dial(asha, RIGHT, WRONG)  # typed where nobody asked
    dial(asha, *send, RIGHT + "*" + RIGHT)
    dial(JUMA, "1", "Juma Ali", FIRST, NEXT, FIRST, FIRST, WRONG_ID[:3], NATIONAL_ID)
    assert dial(JUMA, *way("balance"), FIRST).startswith("END Your balance")
    dial(JUMA, *way("change_pin"), FIRST, OTHER, NEXT, OTHER, OTHER)
    for _ in range(3):
        dial(JUMA, *way("balance"), WRONG)
    dial(JUMA, *way("unlock"), "1", WRONG_ID)
    dial(JUMA, *way("unlock"), "1", NATIONAL_ID)
    dial(JUMA, *way("unlock"), "2", NEXT, NEXT, TYPED_CODE)
    evening.client.post("/sms/incoming", data={"id": "m", "from": asha, "text": f"BAL {RIGHT}"})
    drain(app)
    for name in ("accept_quote", "balance", "confirm_pin", "register", "unlock", "request_unlock"):
        spoil(name)
    dial(asha, *send, RIGHT)
    dial(asha, *way("balance"), RIGHT)
    dial("+254733000009", "1", "Mtu Mwingine", FIRST, FIRST)
    dial(JUMA, *way("unlock"), "1", NATIONAL_ID)
    away = connect("postgresql+psycopg2://nobody@127.0.0.1:1/none")
    desk = replace(app.bank.desk, engine=away, reads=away, book=type(app.book)(away))
    offline = Evening(create_app(replace(app, engine=away, bank=Bank(desk))).test_client())
    offline._sessions = 24
    offline.dial(asha, *way("balance"), RIGHT)
    deaf = replace(app, redis=redis_py.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)))
    create_app(deaf).test_client().post(
        "/ussd", data={"phoneNumber": asha, "text": dialled("balance", RIGHT), "sessionId": RIGHT}
    )
    away.dispose()


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def spoil(name: str) -> None:
        command = replace(COMMANDS[name], serve=fails)
        monkeypatch.setattr(vocabulary, "COMMANDS", {**COMMANDS, name: command})

    return spoil


def whatever_is_in_redis(redis: redis_py.Redis) -> Iterator[tuple[str, str]]:
    readers: dict[object, Callable[[bytes], object]] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"stream": redis.xrange,
    }
    for key in redis.scan_iter():
        yield f"redis key {key!r}", repr(key)
        yield f"redis value of {key!r}", repr(readers[redis.type(key)](key))
        yield f"redis dump of {key!r}", repr(redis.dump(key))


def whatever_is_in_postgresql(engine: Engine) -> Iterator[tuple[str, str]]:
    columns = (
        "SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'"
        " AND c.data_type IN ('text', 'jsonb', 'json', 'bytea', 'character varying', 'ARRAY')"
    )
    with engine.connect() as connection:
        for table, column, kind in connection.exec_driver_sql(columns).all():
            read = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            if column == "claimed_by":
                continue  # a host and the number of a process
            for (value,) in connection.exec_driver_sql(f'SELECT {read} FROM "{table}"'):
                yield f"{table}.{column}", str(value)


_BY_CHANCE = re.compile(
    r"[0-9a-f]{16,}|0x[0-9a-f]+|(?:dbname|host)=\S+|\d{4}-\d\d-\d\d[T ][\d:.]+"
    r"|\d{10} \d{5} [nf]|(?:startxref|/Length)\s+\d+"
)


def legible(text: str) -> str:
    """Without digests and addresses in hexadecimal, names of a test's database and its folder,
    moments, and the places of things in a PDF: these have any four digits by chance."""
    return _BY_CHANCE.sub("", text)


def test_no_secret_is_anywhere(
    app: App,
    engine: Engine,
    redis: redis_py.Redis,
    gateway: LocalGateway,
    logged: io.StringIO,
    spoil: Callable[[str], None],
    tmp_path: Path,
) -> None:
    play(app, engine, redis, spoil)
    codes = [text for _, text, _ in gateway.heard if "code" in text.lower()]
    assert codes, "a one-time code was sent"
    said = logged.getvalue()
    assert "ValueError" in said, "exceptions were logged"
    assert "sqlalchemy" in said, "statements were logged"
    assert secrets_in(redis, engine, said, tmp_path) == set()


def secrets_in(
    redis: redis_py.Redis, engine: Engine, said: str, home: Path
) -> set[tuple[str, str]]:
    """Every place with a secret in it."""
    places = [
        *whatever_is_in_redis(redis),
        *whatever_is_in_postgresql(engine),
        *(("the log", line) for line in said.splitlines()),
        *((str(path), path.read_text(errors="replace")) for path in home.rglob("*.*")),
    ]
    assert len(places) > 20
    return {
        (place, secret)
        for place, text in places
        for secret in (*SECRETS, FIRST_CODE, PAPER_CODE)
        if secret in legible(text)
    }


def test_the_search_finds_what_is_there(
    app: App, engine: Engine, redis: redis_py.Redis, tmp_path: Path
) -> None:
    redis.hset("kb:s:x", mapping={"w": f"[{RIGHT}]"})
    redis.set(f"kb:{WRONG}", "")
    (tmp_path / "web.log").write_text(f"pin={OTHER}")
    app.inbox.hear("sms_incoming", "1", {"text": f"BAL {FIRST}"})
    app.book.remember("x", "y", f"national ID {NATIONAL_ID}".encode(), {})
    found = secrets_in(redis, engine, f"a line\n{NEXT}", tmp_path)
    assert {secret for _, secret in found} == {RIGHT, WRONG, OTHER, FIRST, NEXT, NATIONAL_ID}
    assert {place for place, _ in found} >= {"inbox.body", "answers.request_hash", "the log"}
