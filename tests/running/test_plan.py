"""What the process manager is told, and who is in the way, without starting anything."""

import configparser
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil
import pytest

from tests.processes import until
from ussd_app import __main__ as command_line
from ussd_app.running import announce, leftovers, plan, start
from ussd_app.running.home import Home
from ussd_app.running.programs import NotReady, wait_until, web_command
from ussd_app.settings import Settings


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "a home with 100%")
    home.create()
    return home


def _names(settings: Settings) -> list[str]:
    return [program.name for program in plan.programs(settings)]


def test_what_is_named_is_not_started() -> None:
    own = ["postgres", "redis", "prepare", "worker", "scheduler", "web", "simulator"]
    assert _names(Settings()) == own
    named = Settings(database_url="x", redis_url="y", simulator=False)
    assert _names(named) == ["prepare", "worker", "scheduler", "web"]


def test_doors_are_stopped_before_data() -> None:
    by_rank = sorted(plan.ALL, key=lambda program: -program.rank)
    order = [program.name for program in by_rank]
    assert order.index("web") < order.index("worker") < order.index("redis")
    assert order[-1] == "postgres"


def test_the_configuration_is_one_that_the_manager_reads(home: Home) -> None:
    parser = configparser.RawConfigParser()
    parser.read_string(plan.configuration(home, list(plan.ALL)))
    assert parser["supervisord"]["nodaemon"] == "true"
    assert parser["program:web"]["stdout_logfile"].endswith("100%%/logs/web.log")
    assert parser["program:postgres"]["stopsignal"] == "INT"
    assert parser["program:prepare"]["autorestart"] == "unexpected"
    assert len(str(home.control)) < 100


def test_the_web_server_is_reachable_from_outside_in_production_only() -> None:
    here = web_command(Settings())
    assert here[here.index("--host") + 1] == "127.0.0.1"
    out = web_command(Settings(env="production"))
    assert out[out.index("--host") + 1] == "0.0.0.0"


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(start.InTheWay, match=rf"^Port {port} is in use .*\.$"):
            start._check_ports(Settings(port=port, simulator=False))
        with pytest.raises(start.InTheWay, match=r"^Port \d+ "):
            start._check_ports(Settings(port=port - 1))


def test_faulty_settings_are_told_all_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "eighty")
    monkeypatch.setenv("KABAMBE_ENV", "moon")
    assert command_line.main(["migrate"]) == command_line.FAULTY_SETTINGS
    said = capsys.readouterr().err
    assert "PORT" in said
    assert "KABAMBE_ENV" in said


def test_patience_ends() -> None:
    wait_until("it", lambda: True, patience_s=0)
    with pytest.raises(NotReady, match="it"):
        wait_until("it", lambda: False, patience_s=0)


class Unready(BaseHTTPRequestHandler):
    """A server whose worker is silent."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"no answer from worker\n")

    def log_message(self, *_args: object) -> None:
        """Nothing."""


def test_what_is_missing_is_named() -> None:
    with HTTPServer(("127.0.0.1", 0), Unready) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        settings = Settings(port=server.server_port)
        assert announce.missing(settings) == "the server: no answer from worker"
        serving.join()
    assert announce.missing(settings) == "the server: no answer"


def test_the_greeting_names_what_is_there() -> None:
    settings = Settings(home=Path("/data"), ussd_service_code="*384*1#")
    assert "http://127.0.0.1:8384/" in announce.greeting(settings)
    assert "*384*1#" in announce.greeting(settings)
    assert "M-PESA" not in announce.greeting(settings)
    daraja = "http://127.0.0.1:8384/safaricom"
    assert f"{daraja}   Daraja, for pay bill 174379" in announce.greeting(
        replace(settings, daraja_url=daraja)
    )
    assert "8384" not in announce.greeting(replace(settings, simulator=False))


def _sleeper() -> subprocess.Popen[bytes]:
    """A process with a child, leading a group, as the manager starts them."""
    code = (
        "import subprocess, sys, time;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    wait_until("a child", lambda: bool(psutil.Process(process.pid).children()), 10)
    return process


def _note(home: Home, process: subprocess.Popen[bytes], *, born_s_earlier: float = 0) -> None:
    born = psutil.Process(process.pid).create_time() - born_s_earlier
    (home.run / "web.pid").write_text(f"{process.pid} {born}")


def test_what_a_killed_predecessor_left_is_ended(home: Home) -> None:
    process = _sleeper()
    _note(home, process)
    (child,) = psutil.Process(process.pid).children()
    process.kill()
    process.wait()
    assert child.is_running(), "it lives on without its parent"
    assert leftovers.end(home, plan.WEB) == 1
    assert not child.is_running()
    assert leftovers.end(home, plan.WEB) == 0


def test_another_process_of_the_same_number_is_left_alone(home: Home) -> None:
    process = _sleeper()
    try:
        _note(home, process, born_s_earlier=3600)
        assert leftovers.end(home, plan.WEB) == 0
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_nothing_noted_is_nothing_left(home: Home) -> None:
    assert leftovers.find(home, plan.WEB) == []
    (home.run / "web.pid").write_text("nonsense")
    assert leftovers.find(home, plan.WEB) == []


def test_a_pid_file_of_postgresql_that_names_a_stranger_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "postmaster.pid"
    leftovers.forget_stale_pid(tmp_path)
    file.write_text(f"{os.getpid()}\n{tmp_path}\n")
    leftovers.forget_stale_pid(tmp_path)
    assert not file.exists()
    server = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", "-D", str(tmp_path)]
    )
    try:
        until(lambda: str(tmp_path) in psutil.Process(server.pid).cmdline())
        file.write_text(f"{server.pid}\n{tmp_path}\n")
        leftovers.forget_stale_pid(tmp_path)
        assert file.exists(), "that one is a server on this data"
    finally:
        server.kill()
        server.wait()
