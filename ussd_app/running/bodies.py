"""Bodies that do not come: a thread of the web server waits for one only so long.

The server hands a request over when its head is complete and then waits for the body without a
time-out of its own. A gateway whose line broke in the middle, or somebody who sends a byte a
minute, would keep a thread for ever, and a few of them the whole server. So reads of bodies are
timed, and for each that is overdue the line that has been silent longest is closed, which ends the
read. The server does not say which line a request came by; a closed idle line costs its owner a new
connection, and an overdue one is always reached within a few turns.

Knows no door. Where the system cannot tell how long a line was silent, nothing is closed.
"""

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from ussd_app import logs

PATIENCE_S = 5.0
TURN_S = 0.5

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_ESTABLISHED = 1
_TCP_INFO_BYTES = 104
_LAST_DATA_RECEIVED_AT = 52
"""Offset in Linux' struct tcp_info of the milliseconds since data came (uint32)."""

log = logs.get(__name__)


class Bodies:
    """Wraps a WSGI application that is served on `port`; watches from the first request on."""

    def __init__(self, app: Wsgi, port: int, patience_s: float = PATIENCE_S) -> None:
        self._app = app
        self._port = port
        self._patience_s = patience_s
        self._reading: dict[int, float] = {}
        self._watch = threading.Thread(target=self._run, name="bodies", daemon=True)
        self._starting = threading.Lock()
        self._started = not hasattr(socket, "TCP_INFO")

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request, with the reads of its body timed."""
        if not self._started:
            self._begin()
        environ["wsgi.input"] = _Timed(environ["wsgi.input"], self._reading)
        return self._app(environ, start)

    def _begin(self) -> None:
        """Start the watch in the process that serves: a thread does not survive a fork."""
        with self._starting:
            if not self._started:
                self._watch.start()
                self._started = True

    def _run(self) -> None:
        while True:
            time.sleep(TURN_S)
            too_early = time.monotonic() - self._patience_s
            overdue = sum(began < too_early for began in list(self._reading.values()))
            if overdue:
                self._close_silent(overdue)

    def _close_silent(self, most: int) -> None:
        lines = sorted(_lines(self._port), key=lambda line: line[0], reverse=True)
        for _, line in lines[:most]:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for _, line in lines:
            line.close()
        log.warning("bodies did not come", closed=min(most, len(lines)))


class _Timed:
    """A request's body; notes when a read begins and that it ended."""

    __slots__ = ("_body", "_reading")

    def __init__(self, body: Any, reading: dict[int, float]) -> None:
        self._body = body
        self._reading = reading

    def read(self, *most: int) -> bytes:
        """As the body reads."""
        me = threading.get_ident()
        self._reading[me] = time.monotonic()
        try:
            read: bytes = self._body.read(*most)
            return read
        finally:
            del self._reading[me]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)


def _lines(port: int) -> Iterator[tuple[int, socket.socket]]:
    """The connections that this process serves on a port, each with the ms it has been silent."""
    for name in os.listdir("/proc/self/fd"):
        try:
            copy = os.dup(int(name))
        except OSError:
            continue
        try:
            line = socket.socket(fileno=copy)
        except OSError:
            os.close(copy)
            continue
        silent_ms = _silent_ms(line, port)
        if silent_ms is None:
            line.close()
        else:
            yield silent_ms, line


def _silent_ms(line: socket.socket, port: int) -> int | None:
    try:
        if line.family not in (socket.AF_INET, socket.AF_INET6) or line.getsockname()[1] != port:
            return None
        info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return None
    if len(info) < _TCP_INFO_BYTES or info[0] != _ESTABLISHED:
        return None
    return int(struct.unpack_from("I", info, _LAST_DATA_RECEIVED_AT)[0])
