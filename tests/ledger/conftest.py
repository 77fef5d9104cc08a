"""A town on a fresh database for each test that asks, or one database for a whole module."""

from collections.abc import Iterator

import pytest

from tests.conftest import cloned
from tests.ledger.town import Town, wide_engine
from ussd_app.embedded import Postgres


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    engine = wide_engine(database_url)
    yield Town(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def scratch(request: pytest.FixtureRequest, postgres: Postgres, template: str) -> Iterator[str]:
    """One database for all tests of a module, which clean up after themselves."""
    name = str(request.node.name).rpartition("/")[2].removesuffix(".py")
    with cloned(postgres, template, name) as url:
        yield url
