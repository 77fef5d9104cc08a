"""The front door: a navigation hop against a bare Flask route with redis-py GET and SETEX.

Ours is the whole server as `make run` starts it, sessions opened and closed in Redis, no SQL; the
yardstick is what most USSD services are. Server and Redis share one core, the phones have another;
the two take turns, so that a busy machine slows both.
"""

import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import redis

from bench import customers
from bench.figures import Figure, interleaved
from bench.phones import Conversation, beside, play, ussd
from bench.stage import free_port, pin, serving, stage, two_cores
from ussd_app.running.programs import web_command

PHONES = 16
TURNS = 5
CALLERS = 500
MOST_A_SECOND = 9_000
"""More than a core answers: so many hops are prepared for each second."""

WALK = (
    ("", "CON Kabambe\n1 Send money"),
    ("1", "CON Enter phone number"),
    ("0733000003", "CON Enter amount"),
    ("0", "CON Enter phone number"),
    ("0", "CON Kabambe"),
    ("6", "CON My account"),
    ("0", "CON Kabambe"),
    ("9", "CON Choose a number"),
    ("1", "CON Enter phone number"),
    ("0", "CON Kabambe"),
    ("6", "CON My account"),
    ("0", "CON Kabambe"),
)
"""A session that walks about the menus: on, back, nonsense; only its dial asks the bank."""


def run(seconds: float = 3.0, turns: int = TURNS) -> list[Figure]:
    """Measure hops a second of ours and of the yardstick, in turns of so many seconds."""
    core, phones_core = two_cores()
    pairs = []
    with ExitStack() as cleanup:
        set_up = cleanup.enter_context(stage())
        pin(set_up.redis.pid, core)
        with customers.kabambe(set_up) as app:
            callers = customers.enrol(set_up, app, CALLERS, lambda _: "none")[1::2]
        ours, theirs = free_port(), free_port()
        command = web_command(set_up.settings(port=ours))
        cleanup.enter_context(serving(command, set_up.environment(), ours, core))
        environment = {"REDIS_URL": set_up.redis.url()}
        cleanup.enter_context(serving(yardstick(theirs), environment, theirs, core))
        memory = redis.Redis.from_url(set_up.redis.url())
        for turn in range(-1, turns):  # one more, to warm up
            memory.flushdb()
            talks = list(_talks(callers, int(seconds * MOST_A_SECOND), turn))
            play(ours, (talk[:1] for talk in talks), PHONES, 60)
            hops = [talk[1:] for talk in talks]
            bare = [[hop._replace(expected=b"CON ") for hop in talk] for talk in hops]
            ours_s = beside(phones_core, ours, hops, PHONES, seconds).hops_per_s
            theirs_s = beside(phones_core, theirs, bare, PHONES, seconds).hops_per_s
            print(f"  {ours_s:,.0f} against {theirs_s:,.0f}", file=sys.stderr)
            if turn >= 0:
                pairs.append((ours_s, theirs_s))
    return [interleaved("front door, navigation hop", "hops/s", pairs, 1.5)]


def yardstick(port: int) -> list[str]:
    """The command line of the yardstick's server."""
    options = ("-k", "gthread", "-w", "1", "--threads", "8", "--keep-alive", "30")
    bind = ("-b", f"127.0.0.1:{port}", "--log-level", "warning")
    return [sys.executable, "-m", "gunicorn", *options, *bind, "bench.yardstick:app"]


def _talks(callers: Sequence[customers.Customer], hops: int, turn: int) -> Iterator[Conversation]:
    """Sessions enough for so many hops, of ids that no other turn has."""
    typed, expected = [answer for answer, _ in WALK[1:]], [screen for _, screen in WALK]
    for number, caller in zip(range(hops // len(typed) + PHONES), itertools.cycle(callers)):
        yield ussd(f"ATUid_{turn + 1:04x}{number:028x}", caller.msisdn, typed, expected)
