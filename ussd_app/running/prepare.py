"""Before the first request: the database exists, is migrated and, in development, has people."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from ussd_app import logs
from ussd_app.running import programs
from ussd_app.running.home import EMBEDDED, PREPARED
from ussd_app.settings import Settings

ANOTHER_TRY_S = 2.0
NO_REDIS = "redis://127.0.0.1:1/0"

log = logs.get(__name__)


def prepare(settings: Settings) -> None:
    """Wait for PostgreSQL, migrate, seed, and create the file that the other programs wait for.

    Ends the process with status 1 on failure, for the process manager to try again.
    """
    url = _url(settings)
    embedded = EMBEDDED in os.environ
    server = make_url(url).set(database="postgres") if embedded else make_url(url)
    try:
        programs.wait_until("PostgreSQL", lambda: programs.postgres_answers(server))
        if embedded:
            _ensure_database(url)
        migrate(settings)
        if not settings.production:
            seed(settings)
    except Exception:
        log.exception("the database could not be prepared")
        time.sleep(ANOTHER_TRY_S)
        sys.exit(1)
    if file := os.environ.get(PREPARED):
        Path(file).touch()


def migrate(settings: Settings) -> None:
    """Bring the database to the newest form, as its owner."""
    from migrations.apply import upgrade

    upgrade(_url(settings))
    log.info("the database has its newest form")


def seed(settings: Settings) -> None:
    """Plant the development cast; those who are there already stay as they are."""
    from ussd_app.bootstrap import build
    from ussd_app.domain import vault
    from ussd_app.domain.seeds import plant

    app = build(replace(settings, redis_url=settings.redis_url or NO_REDIS))
    try:
        plant(app.bank.desk)
        vault.plant(app.bank.desk)
        log.info("the development cast is there")
    finally:
        app.close()


def _url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SystemExit("DATABASE_URL must name the database.")
    return settings.database_url


def _ensure_database(url: str) -> None:
    """Create the database that the URL names, on the embedded server."""
    name = make_url(url).database or "kabambe"
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            there = connection.execute(
                text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
            ).scalar()
            if there is None:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
    finally:
        engine.dispose()
