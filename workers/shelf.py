"""Where all workers see the same thing for a while: Redis, as a provider's client may use it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis
from redis.exceptions import LockError

from workers.gateways.daraja_token import NoToken

HOLD_S = 30.0
"""Nobody needs longer; whoever died while holding it lets go by then."""
WAIT_S = 15.0
STEP_S = 0.05


class RedisShelf:
    """A `Shelf` in Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def read(self, name: str) -> str | None:
        try:
            value = self._client.get(name)
        except redis.RedisError as failure:
            raise NoToken(type(failure).__name__) from None
        return value.decode() if isinstance(value, bytes) else None

    def put(self, name: str, value: str, ttl_s: int) -> None:
        try:
            self._client.set(name, value, ex=ttl_s)
        except redis.RedisError as failure:
            raise NoToken(type(failure).__name__) from None

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        lock = self._client.lock(
            f"{name}:lock", timeout=HOLD_S, sleep=STEP_S, blocking_timeout=WAIT_S
        )
        try:
            held = lock.acquire()
        except redis.RedisError as failure:
            raise NoToken(type(failure).__name__) from None
        if not held:
            raise NoToken("others are at it")
        try:
            yield
        finally:
            with suppress(LockError, redis.RedisError):
                lock.release()
