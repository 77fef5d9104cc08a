"""Real server processes for tests: started as `make run` starts them, killed as a power cut would.

Each has an environment and a home of its own; only what was started here is ever ended.
"""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import psutil

from ussd_app.running.plan import PROJECT
from ussd_app.running.programs import web_command
from ussd_app.settings import Settings

PATIENCE_S = 60.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def free_port() -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], bool], patience_s: float = PATIENCE_S, pause_s: float = 0.02) -> None:
    """Return once `what()` holds. Raises AssertionError after `patience_s` seconds."""
    deadline = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain"
        time.sleep(pause_s)


@dataclass
class Program:
    """One started process and its children."""

    command: list[str]
    environ: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=dict(self.environ), cwd=PROJECT, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def keep(self) -> None:
        """Start it again when it has ended, as the process manager does."""
        if self.process is None or self.process.poll() is not None:
            self.start()

    def children(self) -> list[psutil.Process]:
        """The processes below it: a web server's workers."""
        try:
            return list(psutil.Process(self.pid).children(recursive=True))
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """kill -9, the whole family at once."""
        if self.process is None:
            return
        family = self.children()
        self.process.kill()
        for child in family:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        psutil.wait_procs(family, 20)
        self.process.wait(20)
        self.process = None


@dataclass
class Web(Program):
    """A web server on a port of its own."""

    port: int = 0

    def start(self) -> None:
        """Start it and return once it answers."""
        super().start()
        until(self.answers, pause_s=0.05)

    def answers(self) -> bool:
        """Whether it takes a request now. Raises AssertionError when it has died."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        return self._ask("GET", path, None, 10)

    def post(self, path: str, form: Mapping[str, str], timeout_s: float = 12) -> tuple[int, str]:
        """Status and body of a form POST. Raises OSError or HTTPException when cut off."""
        return self._ask("POST", path, urlencode(form), timeout_s)

    def _ask(self, method: str, path: str, body: str | None, timeout_s: float) -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            line.request(method, path, body, FORM if body is not None else {})
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        finally:
            line.close()


@dataclass
class Stage:
    """Starts processes on one database and one Redis, and ends what is left of them."""

    home: Path
    database_url: str
    redis_url: str
    environ: dict[str, str] = field(default_factory=dict)
    started: list[Program] = field(default_factory=list)

    def web(self, **changes: str) -> Web:
        """A web server as `make run` starts one."""
        port = free_port()
        environ = self._environ(PORT=str(port), **changes)
        command = web_command(Settings.read(environ))
        web = Web(command, environ, self._log("web"), port=port)
        self.started.append(web)
        web.start()
        return web

    def worker(self, **changes: str) -> Program:
        """A worker."""
        program = Program(
            [sys.executable, "-m", "workers"], self._environ(**changes), self._log("worker")
        )
        self.started.append(program)
        program.start()
        return program

    def scheduler(self) -> Program:
        """What rings the bells that were lost."""
        program = Program(
            [sys.executable, "-m", "workers", "schedule"], self._environ(), self._log("scheduler")
        )
        self.started.append(program)
        program.start()
        return program

    def end(self) -> None:
        """Kill what still runs."""
        for program in self.started:
            program.kill()

    def logs(self) -> str:
        """Everything that the processes have said."""
        return "".join(file.read_text(errors="replace") for file in self.home.glob("*.log"))

    def _log(self, name: str) -> Path:
        return self.home / f"{name}-{len(self.started)}.log"

    def _environ(self, **changes: str) -> dict[str, str]:
        folder = self.home / f"home-{len(self.started)}"
        folder.mkdir(parents=True, exist_ok=True)
        ours = {
            "KABAMBE_ENV": "test",
            "KABAMBE_HOME": str(folder),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "PYTHONPATH": str(PROJECT),
            "PYTHONUNBUFFERED": "1",
        }
        return os.environ | ours | self.environ | changes
