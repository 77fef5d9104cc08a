"""Processes of an earlier life of this home: found by their environment, ended in good order.

After a kill -9 of a parent its children live on and hold ports and files. Nobody else's process is
ever touched: only one that carries this very home and this program's name.
"""

import signal
from pathlib import Path

import psutil

from ussd_app.running.home import HOME, PROGRAM, Home
from ussd_app.running.plan import Program

GONE_TIMEOUT_S = 10.0


def find(home: Home, program: Program) -> list[psutil.Process]:
    """Live processes of this program and this home, other than this one and its parents."""
    own = psutil.Process()
    spared = {own.pid, *(parent.pid for parent in own.parents())}
    found = []
    for process in psutil.process_iter():
        if process.pid in spared:
            continue
        try:
            environ = process.environ()
        except (psutil.Error, OSError):
            continue
        if environ.get(PROGRAM) == program.name and environ.get(HOME) == str(home.path):
            found.append(process)
    return found


def end(home: Home, program: Program) -> int:
    """End what is left of this program; returns how many processes there were."""
    found = find(home, program)
    for process in found:
        _signal(process, program.stop_signal)
    _, stubborn = psutil.wait_procs(found, timeout=program.stop_wait_s if found else 0)
    for process in stubborn:
        _signal(process, "KILL")
    psutil.wait_procs(stubborn, timeout=GONE_TIMEOUT_S)
    return len(found)


def _signal(process: psutil.Process, name: str) -> None:
    try:
        process.send_signal(signal.Signals[f"SIG{name}"])
    except psutil.NoSuchProcess:
        return


def forget_stale_pid(data: Path) -> None:
    """Remove PostgreSQL's pid file when the process it names is not a PostgreSQL on this data.

    After a crash the number may belong to somebody else by now (surely so in a new container), and
    PostgreSQL would then refuse to start.
    """
    file = data / "postmaster.pid"
    try:
        pid = int(file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        command = psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        command = []
    if str(data) not in command:
        file.unlink(missing_ok=True)
