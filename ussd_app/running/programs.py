"""What each kept program does: wait for what it needs, then become the server it is named for."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from ussd_app.running import leftovers
from ussd_app.running.home import PREPARED, Home
from ussd_app.running.plan import POSTGRES, PROJECT, REDIS, WEB, Program
from ussd_app.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import URL

PATIENCE_S = 120.0
PAUSE_S = 0.1

BACKLOG = 2048
HEADER_TIMEOUT_MS = 5_000
RESPAWN_PAUSE_S = 0.5
KILL_TIMEOUT_S = 15
ARENAS = "2"
"""Heaps of the C library for all threads of a web process: one each would take six megabytes more,
and Python's threads take turns anyway."""


class NotReady(Exception):
    """What a program needs did not come within its patience."""


def wait_until(what: str, ready: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Return once `ready()`; raises `NotReady` naming `what` after `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while not ready():
        if time.monotonic() > deadline:
            raise NotReady(what)
        time.sleep(PAUSE_S)


def postgres_answers(url: "URL | str") -> bool:
    """Whether the database of this SQLAlchemy URL takes a connection."""
    import psycopg2  # here, so that who needs no database does not carry its drivers
    from sqlalchemy import make_url

    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        psycopg2.connect(dsn, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def redis_answers(url: str) -> bool:
    """Whether the Redis of this URL answers a PING."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def wait_for_stores(settings: Settings) -> None:
    """Return once the prepared database and Redis answer. Raises `NotReady`."""
    prepared = os.environ.get(PREPARED)
    if prepared:
        wait_until("the migrations", Path(prepared).exists)
    if settings.database_url:
        url = settings.database_url
        wait_until("PostgreSQL", lambda: postgres_answers(url))
    wait_for_redis(settings)


def wait_for_redis(settings: Settings) -> None:
    """Return once Redis answers. Raises `NotReady`."""
    if settings.redis_url:
        url = settings.redis_url
        wait_until("Redis", lambda: redis_answers(url))


def be_the_only(settings: Settings, program: Program) -> Home:
    """End what a killed predecessor left behind, and note that this process is the program now.

    Before anything is counted: the programs of a home count together, in files.
    """
    home = Home(settings.home)
    home.create()
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(home.metrics))
    leftovers.end(home, program)
    leftovers.note(home, program)
    return home


def become_postgres(settings: Settings) -> None:
    """Become the embedded PostgreSQL."""
    from ussd_app.embedded import Postgres, exec_in_foreground

    home = be_the_only(settings, POSTGRES)
    server = Postgres(home.postgres)
    exec_in_foreground(server, lambda: leftovers.forget_stale_pid(home.postgres.resolve()))


def become_redis(settings: Settings) -> None:
    """Become the embedded Redis."""
    from ussd_app.embedded import Redis, exec_in_foreground

    home = be_the_only(settings, REDIS)
    exec_in_foreground(Redis(home.redis))


def become_web(settings: Settings) -> None:
    """Become the web server: granian, threads for the requests, a process per core asked for."""
    be_the_only(settings, WEB)
    wait_for_stores(settings)
    command = web_command(settings)
    os.environ.setdefault("MALLOC_ARENA_MAX", ARENAS)
    os.chdir(PROJECT)
    os.execv(command[0], command)  # noqa: S606 - the point is to become the server


def web_command(settings: Settings) -> list[str]:
    """The command line of the web server for these settings."""
    host = "0.0.0.0" if settings.production else "127.0.0.1"  # noqa: S104 - behind a proxy
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(settings.port),
        "--workers": str(settings.web_processes),
        "--blocking-threads": str(settings.web_threads),
        "--http": "1",
        "--backlog": str(BACKLOG),
        "--http1-header-read-timeout": str(HEADER_TIMEOUT_MS),
        "--respawn-interval": str(RESPAWN_PAUSE_S),
        "--workers-kill-timeout": str(KILL_TIMEOUT_S),
        "--log-level": "warning",
        "--process-name": "kabambe-web",
        "--working-dir": str(PROJECT),
    }
    flags = ["--no-ws", "--no-access-log", "--respawn-failed-workers"]
    pairs = [word for pair in options.items() for word in pair]
    return [sys.executable, "-m", "granian", *pairs, *flags, "wsgi:app"]
