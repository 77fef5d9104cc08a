"""`make run` as a whole: up from nothing, up again whatever is killed, down to nothing."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from ussd_app.domain.seeds import DEVELOPMENT
from ussd_app.embedded import Postgres
from ussd_app.running.home import Home
from ussd_app.running.plan import POSTGRES, PROJECT, REDIS, SCHEDULER, WEB, WORKER, Program

pytestmark = pytest.mark.faults

WAIT_S = 60.0
KEPT = (POSTGRES, REDIS, WORKER, SCHEDULER, WEB)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _until(what: Callable[[], bool], why: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.05)


class Running:
    """One home and port, started and stopped as a person at a terminal does."""

    def __init__(self, folder: Path, port: int) -> None:
        self.home = Home(folder)
        self.port = port
        self.process: subprocess.Popen[str] | None = None

    def command(self, **changed: str) -> "subprocess.Popen[str]":
        environ = os.environ | {
            "KABAMBE_ENV": "development",
            "KABAMBE_HOME": str(self.home.path),
            "PORT": str(self.port),
            "SIMULATOR": "off",
        }
        for name in ("DATABASE_URL", "REDIS_URL", "PROMETHEUS_MULTIPROC_DIR"):
            environ.pop(name, None)
        return subprocess.Popen(
            [sys.executable, "-m", "ussd_app", "run"],
            env=environ | changed,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(self) -> None:
        """Start, and wait for the greeting."""
        self.process = self.command()
        assert self.process.stdout is not None
        too_late = threading.Timer(WAIT_S, self.process.terminate)
        too_late.start()
        try:
            for line in self.process.stdout:
                if "Kabambe is up" in line:
                    return
        finally:
            too_late.cancel()
        raise AssertionError("it ended without a greeting")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop as Ctrl-C or a service manager does; returns the exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.gone()

    def gone(self) -> int:
        """Wait for the manager to end; returns its exit status."""
        assert self.process is not None
        assert self.process.stdout is not None
        status = self.process.wait(WAIT_S)
        self.process.stdout.close()
        return status

    def says(self) -> str:
        """What the server says about its readiness; empty when it is not there."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as said:
                return str(said.read().decode())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.read().decode()
        except OSError:
            return ""

    def ready(self) -> bool:
        return self.says() == "ready\n"

    def pid(self, name: str) -> int | None:
        """The process that the program's note names; None while nobody is noted."""
        try:
            return int((self.home.run / f"{name}.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None

    def is_back(self, name: str, before: int) -> bool:
        """Whether another process than before is the program now."""
        pid = self.pid(name)
        return pid is not None and pid != before and psutil.pid_exists(pid)

    def web_children(self) -> list[psutil.Process]:
        """The processes in which the web server serves."""
        children: list[psutil.Process] = psutil.Process(self.pid("web")).children()
        return children

    def family(self) -> list[psutil.Process]:
        """The manager and everything below it."""
        assert self.process is not None
        manager = psutil.Process(self.process.pid)
        return [manager, *manager.children(recursive=True)]

    def customers(self) -> int:
        """How many customers the database knows."""
        server = Postgres(self.home.postgres)
        with (
            closing(psycopg2.connect(server.dsn("kabambe"))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT count(*) FROM parties")
            return int(cursor.fetchone()[0])  # type: ignore[index]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("home") / "kabambe", _free_port())
    running.start()
    yield running
    family = running.family() if running.process and running.process.poll() is None else []
    if family:
        running.stop()
    for process in family:
        if process.is_running():
            process.kill()


def test_a_second_one_on_the_same_home_says_so_and_goes(running: Running) -> None:
    second = running.command(PORT=str(_free_port()))
    said, _ = second.communicate(timeout=WAIT_S)
    assert second.returncode != 0
    assert len(said.strip().splitlines()) == 1
    assert "already runs on" in said
    _until(running.ready, "the first one was disturbed")


def test_a_second_one_on_the_same_port_says_so_and_goes(running: Running, tmp_path: Path) -> None:
    second = running.command(KABAMBE_HOME=str(tmp_path / "other"))
    said, _ = second.communicate(timeout=WAIT_S)
    assert second.returncode != 0
    assert len(said.strip().splitlines()) == 1
    assert f"Port {running.port} is in use" in said
    _until(running.ready, "the first one was disturbed")


@pytest.mark.parametrize("program", KEPT, ids=lambda program: program.name)
def test_what_is_killed_comes_back(running: Running, program: Program) -> None:
    name = program.name
    before = running.pid(name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    _until(lambda: running.is_back(name, before), f"{name} did not come back")
    _until(running.ready, f"not ready after {name} was killed")
    assert running.customers() == len(DEVELOPMENT)


@pytest.mark.parametrize("program", [WORKER, SCHEDULER], ids=lambda program: program.name)
def test_what_hangs_is_named_until_it_goes_on(running: Running, program: Program) -> None:
    _until(running.ready, "not ready before the halt")
    pid = running.pid(program.name)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        silent = f"no answer from {program.name}\n"
        _until(lambda: running.says() == silent, f"nobody missed the {program.name}")
    finally:
        os.kill(pid, signal.SIGCONT)
    _until(running.ready, f"not ready after the {program.name} went on")


def test_a_killed_worker_is_missed_until_the_next_one_works(running: Running) -> None:
    _until(running.ready, "not ready before the kill")
    before = running.pid(WORKER.name)
    assert before is not None
    os.kill(before, signal.SIGKILL)
    _until(lambda: running.says() == "no answer from worker\n", "nobody missed the worker")
    _until(running.ready, "not ready after the worker was killed")
    assert running.is_back(WORKER.name, before)


def test_a_killed_web_worker_process_comes_back(running: Running) -> None:
    _until(lambda: bool(running.web_children()), "no web worker before the kill")
    (child,) = running.web_children()
    child.kill()
    _until(running.ready, "not ready after a web worker was killed")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_leaving_nothing_and_starts_again_with_what_there_was(
    running: Running, how: signal.Signals
) -> None:
    _until(running.ready, "not ready before the stop")
    family = running.family()
    assert running.stop(how) == 0
    assert [process for process in family if process.is_running()] == []
    running.start()
    assert running.customers() == len(DEVELOPMENT)


def test_after_a_killed_manager_a_new_one_takes_over(running: Running) -> None:
    _until(running.ready, "not ready before the kill")
    assert running.process is not None
    orphans = running.family()[1:]
    running.process.kill()
    running.gone()
    running.start()
    assert [process for process in orphans if process.is_running()] == []
    assert running.customers() == len(DEVELOPMENT)
