"""Scripts in Redis, called over a line that each thread keeps for itself.

redis-py shakes hands and knows the URL's many forms; after that its socket and hiredis's parser are
used as they are, because its command path costs more than the server's answer. Knows no key and no
script.
"""

import hashlib
import socket
import struct
import threading
from typing import Any, Final

import hiredis
import redis

READ_MOST: Final = 65_536
_MORE: Final = object()


class _Line:
    """One thread's connection."""

    def __init__(self, client: redis.Redis) -> None:
        connection: Any = client.connection_pool.make_connection()
        connection.connect()
        self._connection = connection
        self._socket: socket.socket = connection._sock
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        timeout_s = self._socket.gettimeout()
        if timeout_s and type(self._socket) is socket.socket:
            # Time-outs by the kernel: Python's own poll before every read and write, and each poll
            # lets another thread have the interpreter.
            limit = struct.pack("ll", int(timeout_s), int(timeout_s % 1 * 1_000_000))
            self._socket.settimeout(None)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def call(self, packed: bytes) -> Any:
        """Send a command and wait for its answer.

        Raises redis.ConnectionError, or redis.TimeoutError when the answer may still be on its way.
        """
        try:
            self._socket.sendall(packed)
            while (reply := self._reader.gets()) is _MORE:
                heard = self._socket.recv(READ_MOST)
                if not heard:
                    raise redis.ConnectionError("Redis hung up")
                self._reader.feed(heard)
        except (BlockingIOError, TimeoutError):
            raise redis.TimeoutError("Redis does not answer") from None
        except OSError as broken:
            raise redis.ConnectionError(type(broken).__name__) from None
        return reply

    def close(self) -> None:
        """Hang up."""
        self._connection.disconnect()


class Lines:
    """A line for every thread that asks."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._threads = threading.local()

    def call(self, *command: str | int) -> Any:
        """Run a command. Raises redis.RedisError."""
        line: _Line | None = getattr(self._threads, "line", None)
        if line is None:
            line = self._threads.line = _Line(self._client)
        try:
            reply = line.call(hiredis.pack_command(command))  # type: ignore[arg-type]
        except redis.RedisError:
            del self._threads.line
            line.close()
            raise
        if isinstance(reply, hiredis.ReplyError):
            said = str(reply)
            if said.startswith("NOSCRIPT"):
                raise redis.exceptions.NoScriptError(said)
            raise redis.ResponseError(said)
        return reply


class Script:
    """A Lua script, called by its digest; taught again to a Redis that lost it."""

    def __init__(self, lines: Lines, source: str) -> None:
        self._lines = lines
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: int, *args: str | int) -> Any:
        """Run the script; its first so many arguments are keys.

        A line that was found cut is tried once more: a script may be run twice. Raises
        redis.RedisError when Redis does not answer.
        """
        try:
            return self._lines.call("EVALSHA", self._sha, keys, *args)
        except (redis.exceptions.NoScriptError, redis.ConnectionError):
            return self._lines.call("EVAL", self._source, keys, *args)
