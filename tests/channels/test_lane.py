"""The short way past Flask: taken by plain hops only, and it answers as the long way does."""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from ussd_app.bootstrap import App
from ussd_app.channels.lane import Lane
from ussd_app.channels.limits import AddressLimit
from ussd_app.web import create_app

FORM = "application/x-www-form-urlencoded"
DIAL = b"sessionId=s1&serviceCode=%2A383%23&phoneNumber=%2B254712000001&networkCode=63902&text="

Answered = tuple[str, dict[str, str], bytes]


class LongWay:
    """Stands where Flask stands; notes what is left to it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.calls += 1
        start("299 Long", [])
        return [b"the long way"]


def ask(wsgi: Any, changes: Mapping[str, Any] | None = None, body: bytes = DIAL) -> Answered:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/ussd",
        "CONTENT_TYPE": FORM,
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(body),
        **(changes or {}),
    }
    said: list[Any] = []
    whole = b"".join(wsgi(environ, lambda status, headers: said.extend((status, headers))))
    return said[0], dict(said[1]), whole


@pytest.fixture
def long_way() -> LongWay:
    return LongWay()


@pytest.fixture
def lane(app: App, long_way: LongWay) -> Lane:
    made = create_app(app).wsgi_app
    assert isinstance(made, Lane)
    made._flask = long_way
    return made


def test_a_plain_hop_takes_the_short_way(lane: Lane, long_way: LongWay) -> None:
    status, headers, body = ask(lane)
    assert (status, long_way.calls) == ("200 OK", 0)
    assert body.startswith(b"CON ")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize(
    "changes",
    [
        {"REQUEST_METHOD": "GET"},
        {"PATH_INFO": "/ussd/"},
        {"PATH_INFO": "/healthz"},
        {"CONTENT_TYPE": "application/json"},
        {"CONTENT_TYPE": FORM + "; charset=utf-8"},
        {"CONTENT_LENGTH": ""},
        {"CONTENT_LENGTH": "-1"},
        {"CONTENT_LENGTH": "1e3"},
        {"CONTENT_LENGTH": "16385"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
    ],
)
def test_what_is_unusual_is_left_to_flask(
    lane: Lane, long_way: LongWay, changes: dict[str, str]
) -> None:
    assert ask(lane, changes)[0] == "299 Long"
    assert long_way.calls == 1


def test_a_flood_is_left_to_flask(lane: Lane) -> None:
    lane._limit = AddressLimit(per_minute=2)
    assert [ask(lane)[0] for _ in range(3)] == ["200 OK", "200 OK", "299 Long"]


def test_both_ways_answer_alike(app: App) -> None:
    web = create_app(app)
    _, headers, body = ask(web.wsgi_app)
    slow = web.test_client().post("/ussd", data=DIAL, content_type=FORM + "; charset=utf-8")
    assert slow.data == body
    assert {name: slow.headers[name] for name in headers} == headers


def test_a_body_that_is_cut_off_is_said_to_be_malformed(lane: Lane) -> None:
    status, _, body = ask(lane, {"CONTENT_LENGTH": str(len(DIAL) + 1)})
    assert status == "200 OK"
    assert body.startswith(b"END ")


def test_a_body_in_pieces_is_put_together(lane: Lane) -> None:
    class Pieces(io.BytesIO):
        def read(self, most: int | None = -1) -> bytes:
            return super().read(min(7, most or 7))

    assert ask(lane, {"wsgi.input": Pieces(DIAL)})[2].startswith(b"CON ")


def test_a_fault_nobody_foresaw_is_an_apology(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: bytes) -> None:
        raise RuntimeError("4826")

    monkeypatch.setattr(lane._door, "serve", broken)
    status, _, body = ask(lane)
    assert status == "200 OK"
    assert body.startswith(b"END ")
    assert b"4826" not in body
