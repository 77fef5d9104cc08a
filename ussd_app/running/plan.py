"""Which programs make up a running Kabambe, and how the process manager is told of them.

Pure: settings in, the text of supervisor's configuration out. Everything starts at once; each
program waits by itself for what it needs. Stopping is in order: doors first, data last.
"""

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from ussd_app.running.home import PROGRAM, Home
from ussd_app.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
LOG_MAX_MB = 10
LOG_BACKUPS = 3


@dataclass(frozen=True)
class Program:
    """One kept process. The higher its rank the earlier it is stopped."""

    name: str
    module: tuple[str, ...]
    rank: int
    stop_signal: str = "TERM"
    stop_wait_s: int = 15
    once: bool = False


POSTGRES = Program("postgres", ("ussd_app", "postgres"), 10, "INT", 40)
REDIS = Program("redis", ("ussd_app", "redis"), 20, "TERM", 20)
PREPARE = Program("prepare", ("ussd_app", "prepare"), 30, once=True)
WORKER = Program("worker", ("workers",), 40, "TERM", 30)
SCHEDULER = Program("scheduler", ("workers", "schedule"), 50)
WEB = Program("web", ("ussd_app", "web"), 60, "TERM", 20)
SIMULATOR = Program("simulator", ("simulator", "serve"), 70)

ALL = (POSTGRES, REDIS, PREPARE, WORKER, SCHEDULER, WEB, SIMULATOR)


def programs(settings: Settings) -> list[Program]:
    """What must run for these settings, in the order of starting."""
    chosen = [PREPARE, WORKER, SCHEDULER, WEB]
    if settings.redis_url is None:
        chosen.insert(0, REDIS)
    if settings.database_url is None:
        chosen.insert(0, POSTGRES)
    if settings.simulator:
        chosen.append(SIMULATOR)
    return chosen


def configuration(home: Home, chosen: list[Program]) -> str:
    """The text of the configuration file for supervisord in the foreground."""
    manager = {
        "nodaemon": "true",
        "silent": "true",
        "logfile": str(home.logs / "manager.log"),
        "logfile_maxbytes": f"{LOG_MAX_MB}MB",
        "logfile_backups": str(LOG_BACKUPS),
        "loglevel": "info",
        "pidfile": str(home.run / "manager.pid"),
        "childlogdir": str(home.logs),
        "identifier": "kabambe",
        "minfds": "1024",
    }
    if os.geteuid() == 0:
        manager["user"] = "root"
    sections = [
        _section("supervisord", manager),
        _section("unix_http_server", {"file": str(home.control), "chmod": "0700"}),
        _section("supervisorctl", {"serverurl": f"unix://{home.control}"}),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(home, program) for program in chosen),
    ]
    return "\n".join(sections)


def _program(home: Home, program: Program) -> str:
    values = {
        "command": shlex.join([sys.executable, "-m", *program.module]),
        "directory": str(PROJECT),
        "environment": f'{PROGRAM}="{program.name}"',
        "priority": str(program.rank),
        "autorestart": "unexpected" if program.once else "true",
        "exitcodes": "0",
        "startsecs": "0" if program.once else "1",
        "startretries": "1000000",
        "stopsignal": program.stop_signal,
        "stopwaitsecs": str(program.stop_wait_s),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(home.logs / f"{program.name}.log"),
        "stdout_logfile_maxbytes": f"{LOG_MAX_MB}MB",
        "stdout_logfile_backups": str(LOG_BACKUPS),
    }
    return _section(f"program:{program.name}", values)


def _section(title: str, values: dict[str, str]) -> str:
    lines = [f"{name} = {value.replace('%', '%%')}" for name, value in values.items()]
    return "\n".join([f"[{title}]", *lines, ""])
