"""A bare HTTP/1.1 client for load: one kept connection, one request at a time, little of our time.

Measuring a server on the same machine, every microsecond of the client is taken from the server.
"""

import asyncio
from types import TracebackType
from typing import Final

LARGEST_HEAD: Final = 16_384


class LineBroken(Exception):
    """No usable answer: refused, cut off, too late, or not HTTP."""


class Line:
    """One connection to one callback, opened when it is needed."""

    def __init__(self, host: str, port: int, path: str, within_s: float) -> None:
        self._host = host
        self._port = port
        self._path = path
        self._within_s = within_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send a form as the telco does; status and body. Raises LineBroken."""
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            "User-Agent: at-ussd-api/1.0\r\nAccept-Encoding: gzip\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(self._within_s):
                return await self._exchange(head.encode() + body)
        except (OSError, EOFError, ValueError, TimeoutError, asyncio.LimitOverrunError) as failure:
            self.close()
            raise LineBroken(type(failure).__name__) from None

    async def _exchange(self, message: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                self._host, self._port, limit=LARGEST_HEAD
            )
        reader, writer = self._streams
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        status = int(head[0].split(b" ", 2)[1])
        fields = dict(_field(line) for line in head[1:] if line)
        if fields.get(b"transfer-encoding") == b"chunked":
            content = await _chunks(reader)
        else:
            content = await reader.readexactly(int(fields.get(b"content-length", b"0")))
        if fields.get(b"connection") == b"close":
            self.close()
        return status, content

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip().lower()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        content += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            return content
