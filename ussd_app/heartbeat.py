"""How the parts that have no door show that they live: a key in Redis that fades by itself.

One key a part: it is there while at least one worker, or scheduler, of this installation beats. No
clocks are compared, and a Redis that lost its memory learns of everybody within seconds. RQ's own
registration says less: it is not renewed while a bell is answered, nor after Redis forgot it.
"""

import socket
from enum import StrEnum

import redis

EVERY_S = 2.0
FADES_S = 10
"""The oldest heartbeat that still counts as life (seconds)."""


class Part(StrEnum):
    """Who beats."""

    WORKER = "worker"
    SCHEDULER = "scheduler"


def beat(client: redis.Redis, part: Part) -> None:
    """Live for another `FADES_S` seconds. Raises redis.RedisError."""
    client.set(_key(part), socket.gethostname(), ex=FADES_S)


def stop(client: redis.Redis, part: Part) -> None:
    """Forget what this host's part said: it ends now, or was killed and begins anew.

    Another host's word stands. Raises redis.RedisError.
    """
    if client.get(_key(part)) == socket.gethostname().encode():
        client.delete(_key(part))


def silent(client: redis.Redis) -> list[Part]:
    """The parts of which nobody has beaten lately. Raises redis.RedisError."""
    beaten = client.mget([_key(part) for part in Part])
    return [part for part, host in zip(Part, beaten, strict=True) if host is None]


def _key(part: Part) -> str:
    return f"alive:{part.value}"
