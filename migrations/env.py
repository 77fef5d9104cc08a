"""How Alembic reaches the database: by the URL or engine handed in, or by DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('kabambe migrations'))"


def _engine() -> Engine:
    url = context.config.attributes.get("url") or os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("alembic: set DATABASE_URL to the database that is to be migrated")
    address = make_url(url)
    if address.drivername == "postgresql":  # SQLAlchemy 2.1 would read it as psycopg 3
        address = address.set(drivername="postgresql+psycopg2")
    return create_engine(address, poolclass=NullPool)


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        connection.execute(text(ONE_AT_A_TIME))
        context.run_migrations()


def run() -> None:
    """Migrate by the connection or engine handed in, else by the URL."""
    given: Connection | Engine | None = context.config.attributes.get("connection")
    if isinstance(given, Connection):
        _migrate(given)
        return
    engine = given or context.config.attributes.get("engine") or _engine()
    with engine.connect() as connection:
        _migrate(connection)


run()
