"""Throwaway servers for a measurement: PostgreSQL, Redis, and whatever listens on a port.

Everything is on loopback, in a folder that is removed afterwards, and ended by its process id.
PostgreSQL runs with its defaults: full durability, fsync on.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from migrations.apply import upgrade
from ussd_app.embedded import Postgres, Redis
from ussd_app.running.plan import PROJECT
from ussd_app.settings import Settings

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Stage:
    """A migrated database and a Redis, and the folder in which they live."""

    folder: Path
    postgres: Postgres
    redis: Redis

    def settings(self, **changes: object) -> Settings:
        """Settings of a Kabambe on these servers, without limits on who asks how often."""
        values: dict[str, object] = {
            "env": "test",
            "home": self.folder,
            "database_url": self.postgres.url(),
            "redis_url": self.redis.url(),
            "simulator": False,
            "rate_msisdn_per_minute": UNLIMITED,
            "rate_payments_per_minute": 0,
            "rate_address_per_minute": 100 * UNLIMITED,
        }
        return Settings(**(values | changes))  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """The same for a server process, counting as `make run` lets it count."""
        metrics = self.folder / "metrics"
        metrics.mkdir(exist_ok=True)
        return {
            "KABAMBE_ENV": "test",
            "KABAMBE_HOME": str(self.folder),
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.redis.url(),
            "SIMULATOR": "off",
            "RATE_MSISDN_PER_MINUTE": str(UNLIMITED),
            "RATE_PAYMENTS_PER_MINUTE": "0",
            "RATE_ADDRESS_PER_MINUTE": str(100 * UNLIMITED),
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        }


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for servers' data that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="kabambe-bench-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def stage() -> Iterator[Stage]:
    """Start PostgreSQL and Redis; migrate; stop and remove them afterwards."""
    with folder() as path:
        postgres, redis = Postgres(path / "postgres"), Redis(path / "redis")
        postgres.start()
        try:
            redis.start()
            try:
                postgres.ensure_database()
                upgrade(postgres.url())
                yield Stage(path, postgres, redis)
            finally:
                redis.stop()
        finally:
            postgres.stop()


def free_port() -> int:
    """A port that nobody listens on at this moment; the one above it is free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@contextmanager
def serving(
    command: list[str], environment: Mapping[str, str], port: int, core: int | None = None
) -> Iterator[psutil.Process]:
    """A server process that listens on a port, kept to one core when one is named.

    Raises RuntimeError when it does not come up.
    """
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command] if core is not None else command,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | dict(environment),
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    family = psutil.Process(process.pid)
    try:
        _wait_for(process, port)
        yield family
    finally:
        end(process, family)


def end(process: "subprocess.Popen[bytes]", family: psutil.Process) -> None:
    """End a process that we started, and what it started."""
    try:
        children = family.children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, left = psutil.wait_procs(children, timeout=2)
    for child in left:
        child.kill()


def _wait_for(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("a server did not come up")
        time.sleep(0.05)


def two_cores() -> tuple[int | None, int | None]:
    """A core for the server and one for who asks; (None, None) where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[0], cores[1]) if len(cores) > 1 else (None, None)


def pin(pid: int, core: int | None) -> None:
    """Keep a process, with all its threads, to one core."""
    if core is None:
        return
    for thread in psutil.Process(pid).threads():
        os.sched_setaffinity(thread.id, {core})
