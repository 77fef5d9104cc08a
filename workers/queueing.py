"""Ringing a bell in Redis: "there is something to do", never what.

A bell is an RQ job with a fixed id that is unique while it waits, so a thousand rings before the
worker wakes are one. The worker frees the id before it starts, so a ring that comes while it works
is heard afterwards. If Redis loses a bell the scheduler rings again within seconds.
"""

from collections.abc import Callable
from enum import StrEnum

import redis
from rq import Queue
from rq.exceptions import DuplicateJobError
from rq.job import Job

from ussd_app import logs

QUEUE = "kabambe"
BELL_TTL_S = 60
"""How long a bell that nobody hears keeps others with its id away (seconds)."""

log = logs.get(__name__)


class Bell(StrEnum):
    """Everything that a worker can be called for; `workers.schedules` says what is done then."""

    WORK = "work"
    SETTLE = "settle"
    FOLD = "fold"
    SEAL = "seal"
    EXPIRE = "expire"
    ROUNDS = "rounds"
    AUDIT = "audit"


def ring(connection: redis.Redis, bell: Bell) -> bool:
    """Ring one bell; False when it rings already. Raises redis.RedisError.

    Under load it nearly always rings already, and asking costs a quarter of making a job.
    """
    name = f"bell-{bell.value}"
    if connection.exists(Job.key_for(name)):
        return False
    try:
        Queue(QUEUE, connection=connection).enqueue(
            f"bell.{bell.value}",
            job_id=name,
            unique=True,
            ttl=BELL_TTL_S,
            result_ttl=0,
            description=bell.value,
        )
    except DuplicateJobError:
        return False
    return True


def nudge(connection: redis.Redis, bell: Bell = Bell.WORK) -> None:
    """Ring, and let a silent Redis be a delay: whoever calls has committed what matters already."""
    try:
        ring(connection, bell)
    except redis.RedisError as failure:
        log.warning("a bell was not rung", bell=bell.value, because=type(failure).__name__)


def nudger(connection: redis.Redis) -> Callable[[], None]:
    """What a door calls when it has queued something to say or to understand."""
    return lambda: nudge(connection)
