"""A small SMS gateway on a local port: takes what it is told to take, as slowly as it is told.

Not the simulator's telco, which is a network with phones: this one only counts, and misbehaves on
request. It runs in a thread of its own, so that what it took survives the worker that is killed.
"""

import asyncio
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

Form = dict[str, str]
Answer = tuple[int, str, bytes]
"""Status, content type, body. A status of 0 hangs up without an answer."""


def taken(form: Form, provider_id: str, *, code: int = 101, status: str = "Success") -> Answer:
    """The answer of 201 for one recipient."""
    recipient = {
        "cost": "KES 0.8000",
        "messageId": provider_id,
        "number": form["to"],
        "status": status,
        "statusCode": code,
    }
    body = {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}
    return 201, "application/json", json.dumps(body).encode()


@dataclass
class LocalGateway:
    """Start it with `with`; `taken` lists (msisdn, text, provider id) in order of arrival."""

    delay_s: float = 0.0
    answer: Callable[[Form, str], Answer] = taken
    heard: list[tuple[str, str, str]] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """The base URL, as AT_API_URL has it."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "LocalGateway":
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def texts(self) -> Counter[tuple[str, str]]:
        """How often each message (msisdn, text) was taken."""
        return Counter((msisdn, text) for msisdn, text, _ in self.heard)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=1024)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        waiting = asyncio.all_tasks(self._loop)
        for task in waiting:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ")[::2] for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.forms.append(form)
        self.headers.append(headers)
        provider_id = f"ATXid_{next(self._numbers):032x}"
        status, kind, said = self.answer(form, provider_id)
        if status == 201 and b'"statusCode": 101' in said:
            self.heard.append((form["to"], form["message"], provider_id))
        await asyncio.sleep(self.delay_s)
        if status == 0:
            return False
        top = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(said)}\r\n\r\n"
        writer.write(top.encode() + said)
        await writer.drain()
        return True
