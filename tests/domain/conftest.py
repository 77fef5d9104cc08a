"""A desk whose book is held against Safaricom's."""

from collections.abc import Iterator

import pytest
import redis as redis_py
from sqlalchemy import Engine

from tests.domain.comparing import Books
from tests.people import STAFF
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings


@pytest.fixture
def books(
    database_url: str,
    redis_server: Redis,
    redis: redis_py.Redis,
    clock: FrozenClock,
    engine: Engine,
) -> Iterator[Books]:
    settings = Settings(
        env="test",
        database_url=database_url,
        redis_url=redis_server.url(),
        daraja_url="http://127.0.0.1:1",
    )
    app: App = build(settings, clock=clock, ids=SequentialIds())
    plant(app.bank.desk)
    plant(app.bank.desk, STAFF)
    yield Books(app.bank.desk, clock)
    app.close()
    assert not audit.run(engine)
