"""Whole dialogues over HTTP against a Kabambe as `make run` starts it, and what it all weighs.

From the dial to the receipt's screen: five hops, one payment, two SMS queued. PostgreSQL, Redis,
web, worker, scheduler and simulator all run and share the machine with the phones; the SMS are
really handed over meanwhile. First as fast as it goes, then a thousand sessions at once whose
people think.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from bench import customers
from bench.customers import PIN, Customer
from bench.figures import Figure
from bench.phones import Conversation, Played, beside, ussd
from bench.stage import START_TIMEOUT_S, UNLIMITED, Stage, folder, free_port
from ussd_app.embedded import Postgres, Redis
from ussd_app.running.home import Home
from ussd_app.running.plan import PROJECT

WALLETS = 4_000
PHONES = 8
SESSIONS = 1_000
THINK_S = 5.0
"""Mean of the time before an answer; people on basic phones take longer."""

MOST_A_SECOND = 500
STORES = ("postgres", "redis-server")
MB = 2**20


def run(
    seconds: float = 6.0,
    crowd_seconds: float = 30.0,
    wallets: int = WALLETS,
    sessions: int = SESSIONS,
) -> list[Figure]:
    """Measure dialogues a second, hops under a crowd, and memory."""
    with running() as (set_up, port, manager):
        with customers.kabambe(set_up) as app:
            people = customers.enrol(set_up, app, wallets)
            customers.pay_in(app, people)
            customers.tidy(set_up)
        talks = dialogues(people, "A")
        enough = [next(talks) for _ in range(int(seconds * MOST_A_SECOND) + PHONES)]
        fast = beside(None, port, enough, PHONES, seconds)
        quiet = dialogues(people, "B")
        many = [next(quiet) for _ in range(sessions + int(sessions * crowd_seconds / THINK_S / 4))]
        crowd = beside(None, port, many, sessions, crowd_seconds, THINK_S)
        weighed = weigh(manager)
    return [*_speeds(fast, crowd, sessions), *_sizes(weighed)]


def _speeds(fast: Played, crowd: Played, sessions: int) -> list[Figure]:
    at_once = f"  a hop, p99, {sessions:,} sessions at once"
    return [
        Figure("whole dialogues, 5 hops", len(fast.hops) / 5 / fast.seconds, "/s"),
        Figure("  a hop of them, p50", fast.percentile_ms(0.5), "ms"),
        Figure("  a hop of them, p99", fast.percentile_ms(0.99), "ms"),
        Figure(at_once, crowd.percentile_ms(0.99), "ms", most=100),
        Figure("  hops a second meanwhile", crowd.hops_per_s, "/s"),
    ]


def dialogues(people: Sequence[Customer], run_name: str) -> Iterator[Conversation]:
    """Sessions in which the next customer but one sends the next KES 101 and sees the receipt."""
    number = 0
    while True:
        payer, payee = people[number % len(people)], people[(number + 1) % len(people)]
        expected = ["CON ", "CON ", "CON ", "KES 101.00", "metadata: send_money.sent"]
        typed = ["1", "0" + payee.msisdn.removeprefix("+254"), "101", PIN]
        yield ussd(f"ATUid_{run_name}{number:031x}", payer.msisdn, typed, expected)
        number += 1


@contextmanager
def running() -> Iterator[tuple[Stage, int, psutil.Process]]:
    """A Kabambe started by the command that `make run` runs, on a home of its own.

    Gives its servers, its port and its process manager. Raises RuntimeError when it is not ready.
    """
    with folder() as path:
        port = free_port()
        environment = {
            **os.environ,
            "KABAMBE_HOME": str(path),
            "KABAMBE_ENV": "development",
            "PORT": str(port),
            "RATE_MSISDN_PER_MINUTE": str(UNLIMITED),
            "RATE_ADDRESS_PER_MINUTE": str(UNLIMITED),
        }
        for name in ("DATABASE_URL", "REDIS_URL", "CALLBACK_SECRET", "SIMULATOR"):
            environment.pop(name, None)
        process = subprocess.Popen(
            [sys.executable, "-m", "ussd_app", "run"],
            env=environment,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, port)
            home = Home(path)
            yield (
                Stage(path, Postgres(home.postgres), Redis(home.redis)),
                port,
                psutil.Process(process.pid),
            )
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("Kabambe did not become ready")


def weigh(manager: psutil.Process) -> dict[str, float]:
    """Proportional memory (PSS, shared pages divided among those who share them) in MB by program,
    of the process manager and all it keeps; and the whole of each biggest process (`rss`)."""
    weights: dict[str, float] = {}
    for process in [manager, *manager.children(recursive=True)]:
        try:
            memory, name = process.memory_full_info(), _program(process)
        except psutil.Error:
            continue
        weights[name] = weights.get(name, 0.0) + memory.pss / MB
        if name != "postgres":
            whole = f"{name} rss"
            weights[whole] = max(weights.get(whole, 0.0), memory.rss / MB)
    return weights


def worked(manager: psutil.Process) -> dict[str, float]:
    """Processor time by program, in seconds, of all that the manager keeps and that lives."""
    times: dict[str, float] = {}
    for process in [manager, *manager.children(recursive=True)]:
        try:
            spent, name = sum(process.cpu_times()[:2]), _program(process)
        except psutil.Error:
            continue
        times[name] = times.get(name, 0.0) + spent
    return times


def _program(process: psutil.Process) -> str:
    """Which of the kept programs a process is, or belongs to."""
    words = " ".join(process.cmdline())
    for mark, name in (
        ("postgres", "postgres"),
        ("redis-server", "redis-server"),
        ("supervisord", "manager"),
        ("kabambe-web", "web"),
        ("workers schedule", "scheduler"),
        ("rq:worker", "worker"),
        ("-m workers", "worker"),
        ("simulator", "simulator"),
    ):
        if mark in words:
            return name
    return "other"


def _sizes(weighed: dict[str, float]) -> list[Figure]:
    ours = {name: mb for name, mb in weighed.items() if not name.endswith(" rss")}
    total = sum(mb for name, mb in ours.items() if name not in STORES)
    parts = [
        Figure(f"  {name}, PSS", mb, "MB")
        for name, mb in sorted(ours.items())
        if name not in STORES
    ]
    web = Figure("a web process, RSS", weighed.get("web rss", 0.0), "MB", most=120)
    return [web, Figure("all of ours, PSS", total, "MB", most=500), *parts]
