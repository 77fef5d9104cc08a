"""What no client library would send, over raw sockets, at a really served application.

Every oddity is answered in bounded time or hung up on, and nobody else has to wait for it.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg2
import pytest

from tests.processes import Stage, Web, until
from ussd_app.embedded import Postgres, Redis
from ussd_app.running.bodies import PATIENCE_S
from ussd_app.settings import Settings

SECRET = "a-secret-of-the-gateway-0001"
HEAD = (
    f"POST /ussd/{SECRET} HTTP/1.1\r\nHost: x\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n"
).encode()
GOOD = (
    b"phoneNumber=%2B254712000001&serviceCode=%2A383%23&text=&sessionId=ATUid_raw&networkCode=63902"
)
HTTP_ERRORS = tuple(
    f"HTTP/1.1 {status} ".encode() for status in (400, 404, 405, 413, 414, 415, 431)
)


def administer(postgres: Postgres, statement: str) -> None:
    connection = psycopg2.connect(postgres.dsn())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


@pytest.fixture(scope="module")
def web(
    postgres: Postgres,
    template: str,
    redis_server: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Web]:
    """One served application for all of this: nothing here changes anything in it."""
    administer(postgres, f'CREATE DATABASE "raw" TEMPLATE "{template}"')
    stage = Stage(tmp_path_factory.mktemp("raw"), postgres.url("raw"), redis_server.url())
    try:
        yield stage.web(SIMULATOR="off", CALLBACK_SECRET=SECRET)
    finally:
        stage.end()
        administer(postgres, 'DROP DATABASE "raw" WITH (FORCE)')


Dial = Callable[[], "Line"]


@pytest.fixture
def dial(web: Web) -> Iterator[Dial]:
    """Opens connections, and closes them all in the end."""
    lines: list[Line] = []

    def dial() -> Line:
        lines.append(Line(web))
        return lines[-1]

    yield dial
    for line in lines:
        line.close()


class Line:
    """A connection to the server."""

    def __init__(self, web: Web) -> None:
        self._socket = socket.create_connection(("127.0.0.1", web.port), timeout=10)

    def say(self, *pieces: bytes) -> "Line":
        for piece in pieces:
            self._socket.sendall(piece)
        return self

    def hear(self, wait_s: float = 10) -> bytes:
        """What the server says until it pauses after the end of an answer, or hangs up."""
        self._socket.settimeout(wait_s)
        heard = b""
        try:
            while more := self._socket.recv(65_536):
                heard += more
                self._socket.settimeout(0.1)
        except (TimeoutError, ConnectionError):
            pass
        return heard

    def close(self) -> None:
        self._socket.close()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


ODDITIES = {
    "no length": HEAD + b"\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\na=bc",
    "an endless length": HEAD + b"Content-Length: 99999999999\r\n\r\na=b",
    "a length that is no number": HEAD + b"Content-Length: many\r\n\r\na=b",
    "a length and chunks": HEAD
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    + chunk(b"a=b")
    + b"0\r\n\r\n",
    "a chunk that lies": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\na=b\r\n0\r\n\r\n",
    "a header without a colon": b"GET /healthz HTTP/1.1\r\nHost x\r\n\r\n",
    "a header of control characters": b"GET /healthz HTTP/1.1\r\nHost: x\x01\x02\r\n\r\n",
    "a hundred kilobytes of path": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a megabyte of headers": b"GET /healthz HTTP/1.1\r\n" + b"X-A: " + b"a" * 1_000_000,
    "a thousand headers": b"GET /healthz HTTP/1.1\r\n" + b"X-A: a\r\n" * 1_000 + b"\r\n",
    "a path of raw bytes": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path of escaped bytes": b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method nobody knows": HEAD.replace(b"POST", b"BREW") + b"Content-Length: 0\r\n\r\n",
    "a tunnel": b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "no HTTP at all": b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
    "an older HTTP with a body": HEAD.replace(b"1.1", b"0.9") + b"\r\n",
}


def test_oddities_are_answered_or_hung_up_on(web: Web, dial: Dial) -> None:
    for name, said in ODDITIES.items():
        line = dial()
        with suppress(ConnectionError):  # hung up on in the middle of it
            line.say(said)
        heard = line.hear()
        line.close()
        assert heard == b"" or heard.startswith(HTTP_ERRORS) or b"\r\n\r\nEND " in heard, name
        assert b"Traceback" not in heard, name
        assert web.get("/healthz") == (200, "alive\n"), name


def test_whole_bodies_are_read_however_they_come(web: Web, dial: Dial) -> None:
    in_one = HEAD + f"Content-Length: {len(GOOD)}\r\n\r\n".encode() + GOOD
    first = dial().say(in_one).hear()
    assert b"\r\n\r\nCON " in first
    in_pieces = dial().say(HEAD + f"Content-Length: {len(GOOD)}\r\n\r\n".encode(), GOOD[:40])
    time.sleep(0.3)
    assert in_pieces.say(GOOD[40:]).hear().partition(b"\r\n\r\n")[2] in first
    chunks = dial().say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunks.say(chunk(GOOD[:30]), chunk(GOOD[30:]), b"0\r\n\r\n")
    assert chunks.hear().partition(b"\r\n\r\n")[2] in first


def test_an_absolute_target_is_the_path_in_it(web: Web, dial: Dial) -> None:
    said = b"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert dial().say(said).hear().endswith(b"\r\n\r\nalive\n")


def test_chunks_without_end_are_cut_short(web: Web, dial: Dial) -> None:
    line = dial().say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while sent < 64_000_000:
            line.say(chunk(b"a" * 65_536))
            sent += 65_536
    except (ConnectionError, TimeoutError):
        pass
    assert sent < 64_000_000, "the server stopped reading"
    assert web.get("/healthz") == (200, "alive\n")


def test_megabytes_cost_no_memory(web: Web, dial: Dial) -> None:
    def memory() -> int:
        return sum(process.memory_info().rss for process in web.children())

    before = memory()
    for _ in range(4):
        line = dial().say(HEAD + b"Content-Length: 50000000\r\n\r\n")
        try:
            for _ in range(50):
                line.say(b"a" * 1_000_000)
        except ConnectionError:
            pass
        line.close()
    assert memory() - before < 20_000_000


def test_bodies_that_do_not_come_keep_nobody_waiting_for_long(web: Web, dial: Dial) -> None:
    threads = Settings().web_threads
    slow = [dial().say(HEAD + b"Content-Length: 90\r\n\r\na=") for _ in range(2 * threads)]
    time.sleep(0.3)
    began = time.monotonic()
    until(web.answers, 4 * PATIENCE_S)
    assert time.monotonic() - began < 3 * PATIENCE_S
    until(lambda: all(line.hear(0.1) == b"" for line in slow), 10)
    in_one = HEAD + f"Content-Length: {len(GOOD)}\r\n\r\n".encode() + GOOD
    assert b"\r\n\r\nCON " in dial().say(in_one).hear()


def test_who_does_not_know_the_secret_cannot_even_be_slow(web: Web, dial: Dial) -> None:
    wrong = HEAD.replace(SECRET.encode(), b"a-wrong-secret")
    slow = [dial().say(wrong + b"Content-Length: 90\r\n\r\na=") for _ in range(24)]
    for line in slow:
        assert line.hear(3).startswith(b"HTTP/1.1 404 ")
        line.close()


def test_heads_that_do_not_come_are_hung_up_on(web: Web, dial: Dial) -> None:
    slow = [dial().say(b"POST /ussd HTTP/1.1\r\nHo") for _ in range(24)]
    began = time.monotonic()
    assert web.get("/healthz") == (200, "alive\n")
    assert time.monotonic() - began < 2
    assert slow[0].hear(8) == b""
