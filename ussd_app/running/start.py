"""`make run`: check that nobody is in the way, then hand the programs to the process manager.

This process becomes the manager (supervisor), so that a signal to it is a signal to all of it, and
a lock that dies with it says whether this home is in use.
"""

import fcntl
import os
import shutil
import socket
import sys
from pathlib import Path

from ussd_app.running import announce, leftovers, plan
from ussd_app.running.home import EMBEDDED, HOME, PREPARED, PROGRAM, Home
from ussd_app.settings import Settings

LOCK_FD = 3
"""The manager closes what it finds open from 5 upwards, and its children close all: so 3."""


class InTheWay(Exception):
    """Somebody else has the home or the port; the sentence says who."""


def run(settings: Settings) -> None:
    """Start everything and become the process manager. Raises `InTheWay`, OSError."""
    home = Home(settings.home)
    home.create()
    _lock(home)
    for program in plan.ALL:
        leftovers.end(home, program)
    _check_ports(settings)
    chosen = plan.programs(settings)
    os.environ.update(_environment(settings, home))
    home.prepared.unlink(missing_ok=True)
    _empty(home.metrics)
    file = home.run / "manager.conf"
    file.write_text(plan.configuration(home, chosen))
    print("Starting " + ", ".join(program.name for program in chosen) + " …", flush=True)
    _announce_beside(settings)
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)]
    os.execv(command[0], command)  # noqa: S606 - the point is to become the manager


def _lock(home: Home) -> None:
    """Take the home's lock for the life of this process. Raises `InTheWay`."""
    descriptor = os.open(home.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InTheWay(
            f"Kabambe already runs on {home.path}; stop that one, or set KABAMBE_HOME and PORT."
        ) from None
    if descriptor != LOCK_FD:
        os.dup2(descriptor, LOCK_FD, inheritable=True)
        os.close(descriptor)
    else:
        os.set_inheritable(descriptor, True)


def _check_ports(settings: Settings) -> None:
    simulated = [settings.simulator_port, settings.simulated_mail_port]
    ports = [settings.port, *(simulated if settings.simulator else [])]
    for port in ports:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise InTheWay(
                    f"Port {port} is in use by another program; set PORT to a free one "
                    "(the two above it are the simulator's)."
                ) from None


def _environment(settings: Settings, home: Home) -> dict[str, str]:
    """What the programs need to know beyond the settings they read themselves."""
    told = {
        HOME: str(home.path),
        PREPARED: str(home.prepared),
        PROGRAM: "manager",
        "PROMETHEUS_MULTIPROC_DIR": str(home.metrics),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(plan.PROJECT),
    }
    if settings.database_url is None:
        from ussd_app.embedded import Postgres

        if not (home.postgres / "PG_VERSION").exists():
            print("Making a new database …", flush=True)
        told["DATABASE_URL"] = Postgres(home.postgres).url()
        told[EMBEDDED] = "1"
    if settings.redis_url is None:
        from ussd_app.embedded import Redis

        told["REDIS_URL"] = Redis(home.redis).url()
    return told


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _announce_beside(settings: Settings) -> None:
    """Fork twice, so that the announcer is nobody's unexpected child."""
    manager = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork():
        os._exit(0)
    os.close(LOCK_FD)
    try:
        announce.watch(settings, manager)
    finally:
        os._exit(0)
