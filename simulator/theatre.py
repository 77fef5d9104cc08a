"""A PostgreSQL and a Redis to play on and throw away. Knows nothing of what is played there."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url

from migrations.apply import upgrade
from ussd_app.embedded import Postgres, Redis


class Theatre:
    """A PostgreSQL and a Redis of our own, gone afterwards, with a clean database for each play."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Theatre":
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="kabambe-play-")))
            folder.chmod(0o755)
            self._postgres = Postgres(folder / "postgres" / "data", options={"fsync": "off"})
            self._postgres.start()
            stack.callback(self._postgres.stop)
            self._redis = Redis(folder / "redis" / "data")
            self._redis.start()
            stack.callback(self._redis.stop)
            self._postgres.ensure_database("template_play")
            upgrade(self._postgres.url("template_play"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextmanager
    def fresh(self) -> Iterator[tuple[str, str]]:
        """URLs of a migrated, empty database and of the Redis."""
        name = f"play_{next(self._numbers)}"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE template_play STRATEGY file_copy')
        try:
            yield self._postgres.url(name), self._redis.url()
        finally:
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _administer(self, statement: str) -> None:
        url = make_url(self._postgres.url("postgres"))
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
