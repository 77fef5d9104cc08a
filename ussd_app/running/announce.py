"""Tells the person at the terminal when all of it answers, and where; or what is missing.

Runs beside the process manager in a process of its own, which ends when it has spoken.
"""

import os
import time
import urllib.error
import urllib.request

from ussd_app.running.home import Home
from ussd_app.settings import Settings

PAUSE_S = 0.1
FIRST_WORRY_S = 45.0
LAST_WORRY_S = 300.0


def missing(settings: Settings) -> str:
    """What does not answer yet, in words; empty when all of it does."""
    door = f"http://127.0.0.1:{settings.port}/readyz"
    try:
        with urllib.request.urlopen(door, timeout=5):
            return ""
    except urllib.error.HTTPError as refusal:
        with refusal:
            return f"the server: {refusal.read(200).decode(errors='replace').strip()}"
    except OSError:
        return "the server: no answer"


def greeting(settings: Settings) -> str:
    """What is printed when all of it answers."""
    lines = ["", "Kabambe is up."]
    if settings.simulator:
        code = settings.ussd_service_code
        lines.append(
            f"  Simulator  http://127.0.0.1:{settings.simulator_port}/   phones that dial {code}"
        )
    if settings.daraja_url is not None:
        paybill = settings.daraja_shortcode
        lines.append(f"  M-PESA     {settings.daraja_url}   Daraja, for pay bill {paybill}")
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
        silent = missing(settings)
        if not silent:
            print(greeting(settings), flush=True)
            return
        if not worried and time.monotonic() - started > FIRST_WORRY_S:
            worried = True
            logs = Home(settings.home).logs
            print(f"Still waiting for {silent}; the logs are in {logs}", flush=True)
        time.sleep(PAUSE_S)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
