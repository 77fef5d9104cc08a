"""asha's phone at the door, and an application around which something is wrong."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.channels.hops import Phone, Spoil
from tests.people import CAST
from ussd_app.bootstrap import App, build, connect
from ussd_app.domain import bank as vocabulary
from ussd_app.domain.bank import Bank
from ussd_app.domain.commands import Command
from ussd_app.domain.counter import COMMANDS
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.seeds import plant
from ussd_app.web import create_app

NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"


@pytest.fixture
def asha(app: App) -> Phone:
    """asha's phone, at an application that knows the cast."""
    plant(app.bank.desk, CAST)
    return Phone(create_app(app).test_client())


@pytest.fixture
def entries(engine: Engine) -> Callable[[], int]:
    """How many entries the ledger has beyond the opening ones."""

    def count() -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()) - 2

    return count


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Spoil:
    """Replace who serves a command of the bank."""

    def spoil(name: str, serve: Callable[[Desk, Ask], Facts]) -> None:
        command = COMMANDS[name]
        spoiled: Mapping[str, Command] = {
            **COMMANDS,
            name: replace(command, serve=serve),
        }
        monkeypatch.setattr(vocabulary, "COMMANDS", spoiled)

    return spoil


@pytest.fixture
def without_postgres(app: App) -> Iterator[App]:
    """The same application when its database does not answer."""
    away = connect(NOWHERE)
    desk = replace(
        app.bank.desk,
        engine=away,
        reads=away.execution_options(isolation_level="AUTOCOMMIT"),
        book=type(app.book)(away),
    )
    yield replace(
        app, engine=away, book=desk.book, bank=Bank(desk), inbox=type(app.inbox)(away, app.clock)
    )
    away.dispose()


@pytest.fixture
def without_redis(app: App) -> Iterator[App]:
    """The same application when Redis does not answer."""
    settings = replace(app.settings, redis_url="redis://127.0.0.1:1/0")
    away = build(settings, clock=app.clock, ids=app.ids)
    yield away
    away.close()
