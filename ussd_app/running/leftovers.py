"""Processes of an earlier life of this home, ended in good order before the new one begins.

After a kill -9 of a parent its children live on and hold ports and files. Each program notes its
process id and moment of birth before it becomes its server; what is found later under that id, or
in the process group that it led, is ours only when the births agree. (The environment would be the
better mark, but servers that set their process title write over it.)
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from ussd_app.running.home import Home
from ussd_app.running.plan import Program

GONE_TIMEOUT_S = 10.0
BIRTH_SLACK_S = 1.0


def note(home: Home, program: Program) -> None:
    """Write down that this process is, or is about to become, the program."""
    own = psutil.Process()
    home.run.mkdir(parents=True, exist_ok=True)
    _file(home, program).write_text(f"{own.pid} {own.create_time()}")


def find(home: Home, program: Program) -> list[psutil.Process]:
    """Live processes of the program's noted life, other than this one and its parents."""
    try:
        noted_pid, noted_birth = _file(home, program).read_text().split()
        pid, birth = int(noted_pid), float(noted_birth)
    except (FileNotFoundError, ValueError):
        return []
    own = psutil.Process()
    spared = {own.pid, *(parent.pid for parent in own.parents())}
    with suppress(psutil.Error):
        if abs(psutil.Process(pid).create_time() - birth) > BIRTH_SLACK_S:
            return []
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in spared and _belongs(process, pid, birth)
    ]


def _belongs(process: psutil.Process, pid: int, birth: float) -> bool:
    try:
        in_group = process.pid == pid or os.getpgid(process.pid) == pid
        return in_group and process.create_time() >= birth - BIRTH_SLACK_S
    except (psutil.Error, OSError):
        return False


def end(home: Home, program: Program) -> int:
    """End what is left of this program; returns how many processes there were."""
    found = find(home, program)
    _file(home, program).unlink(missing_ok=True)
    if not found:
        return 0
    for process in found:
        with suppress(psutil.Error):
            process.send_signal(signal.Signals[f"SIG{program.stop_signal}"])
    _, stubborn = psutil.wait_procs(found, timeout=program.stop_wait_s)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=GONE_TIMEOUT_S)
    return len(found)


def _file(home: Home, program: Program) -> Path:
    return home.run / f"{program.name}.pid"


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
