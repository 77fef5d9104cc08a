"""Tells the person at the terminal when all of it answers, and where; or what is missing.

Runs beside the process manager in a process of its own, which ends when it has spoken.
"""

import json
import os
import time
import urllib.error
import urllib.request

from ussd_app.running.home import Home
from ussd_app.settings import Settings

PAUSE_S = 0.1
FIRST_WORRY_S = 45.0
LAST_WORRY_S = 300.0


def ready(port: int) -> tuple[bool, str]:
    """Whether /readyz says 200; if not, what it says is missing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200, ""
    except urllib.error.HTTPError as refusal:
        return False, _missing(refusal.read(4096))
    except OSError:
        return False, "the web server does not answer yet"


def _missing(body: bytes) -> str:
    try:
        said = json.loads(body)
    except ValueError:
        return "the web server is not ready"
    if isinstance(said, dict):
        return ", ".join(f"{name}: {state}" for name, state in said.items() if state != "ok")
    return "the web server is not ready"


def greeting(settings: Settings) -> str:
    """What is printed when all of it answers."""
    lines = ["", "Kabambe is up."]
    if settings.simulator:
        code = settings.ussd_service_code
        lines.append(
            f"  Simulator  http://127.0.0.1:{settings.simulator_port}/   phones that dial {code}"
        )
    lines += [
        f"  Server     http://127.0.0.1:{settings.port}/   health at /readyz, counts at /metrics",
        f"  Data       {settings.home}   logs in {Home(settings.home).logs}",
        "Ctrl-C stops all of it in good order; the data stays.",
        "",
    ]
    return "\n".join(lines)


def watch(settings: Settings, manager_pid: int) -> None:
    """Print the greeting once ready; worry aloud once; give up when the manager is gone."""
    started = time.monotonic()
    worried = False
    while time.monotonic() - started < LAST_WORRY_S and _alive(manager_pid):
        answers, missing = ready(settings.port)
        if answers:
            print(greeting(settings), flush=True)
            return
        if not worried and time.monotonic() - started > FIRST_WORRY_S:
            worried = True
            logs = Home(settings.home).logs
            print(f"Still waiting ({missing}); the logs are in {logs}", flush=True)
        time.sleep(PAUSE_S)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
