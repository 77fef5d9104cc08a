"""Real servers for every test: one PostgreSQL and one Redis a session, a clean database each.

A template database is made once by the real migrations; each test that asks gets a clone of it.
"""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import pytest
import redis as redis_py
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from migrations.apply import upgrade
from tests.people import STAFF, START
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Postgres, Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.running import signing
from ussd_app.settings import Settings

_NUMBERS = itertools.count(1)
_MEMORY = Path("/dev/shm")
_ROOM = 2 * 2**30
"""Bytes that must be free in memory before servers keep their data there."""


def _in_memory() -> bool:
    """Whether there is a file system in memory with room for servers' data.

    A test's database is some three hundred files: copied there in a tenth of the time.
    """
    return os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the account of PostgreSQL can reach, gone afterwards.

    Not one of pytest's: every pytest that starts closes the folder above those to other accounts,
    and a server that runs in one dies of it.
    """
    place = _MEMORY if _in_memory() else None
    with TemporaryDirectory(
        prefix="kabambe-test-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The session's PostgreSQL server. Durable settings, but for fsync, which tests of crashes
    of the operating system would need and no test here makes."""
    with open_folder() as folder:
        server = Postgres(folder / "data", options={"fsync": "off"})
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def template(postgres: Postgres) -> str:
    """A database with all migrations applied, cloned by `database_url`."""
    postgres.ensure_database("template_kabambe")
    upgrade(postgres.url("template_kabambe"))
    return "template_kabambe"


@contextmanager
def cloned(postgres: Postgres, template: str, name: str) -> Iterator[str]:
    """A database of its own, as the template is, gone afterwards; its URL."""
    strategy = "file_copy" if _in_memory() else "wal_log"
    connection = psycopg2.connect(postgres.dsn())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY {strategy}')
        yield postgres.url(name)
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    connection.close()


@pytest.fixture
def database_url(postgres: Postgres, template: str) -> Iterator[str]:
    """A fresh, migrated, empty database as the owner sees it."""
    with cloned(postgres, template, f"t{os.getpid()}_{next(_NUMBERS)}") as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the fresh database, as its owner."""
    engine = create_engine(make_url(database_url))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """The session's Redis server."""
    server = Redis(Path(tmp_path_factory.mktemp("redis")) / "data")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: Redis) -> Iterator[redis_py.Redis]:
    """A client on an emptied Redis."""
    client = redis_py.Redis.from_url(redis_server.url())
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands at half past noon in Nairobi until told otherwise."""
    return FrozenClock(START)


@pytest.fixture
def app(
    database_url: str, redis: redis_py.Redis, redis_server: Redis, clock: FrozenClock
) -> Iterator[App]:
    """Kabambe on a fresh database and an emptied Redis, with a frozen clock and ids."""
    settings = Settings(env="test", database_url=database_url, redis_url=redis_server.url())
    app = build(settings, clock=clock, ids=SequentialIds())
    yield app
    app.close()


@pytest.fixture
def staff(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The house's own people work here, and type their PIN at a terminal that asks for it."""
    plant(app.bank.desk, STAFF)
    monkeypatch.setattr(signing, "getpass", lambda _prompt: STAFF[0].pin)
