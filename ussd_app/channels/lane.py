"""The short way of a plain hop, past Flask, to the same door.

Flask's contexts, routing and response objects cost as much as all the rest of a hop together. So a
hop that is exactly as the gateway posts it, which is nearly every request that we get, is taken to
the door here; whatever is unusual about a request (its method, type, length, a flood, a fault) is
left to Flask's route, which says what is to be said. Knows nothing of what is in a hop.
"""

from collections.abc import Callable, Iterable
from typing import Any

from ussd_app.channels.answers import Answer
from ussd_app.channels.limits import AddressLimit
from ussd_app.channels.ussd import FORM, MOST_BODY_BYTES, Door, Malformed

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Lane:
    """Wraps Flask's WSGI application. `apologise` answers for a fault that nobody foresaw."""

    def __init__(
        self,
        flask: Wsgi,
        door: Door,
        path: str,
        limit: AddressLimit,
        apologise: Callable[[Exception], Answer],
    ) -> None:
        self._flask = flask
        self._door = door
        self._path = path
        self._limit = limit
        self._apologise = apologise

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        """Serve a request."""
        length = environ.get("CONTENT_LENGTH") or ""
        if (
            environ["PATH_INFO"] != self._path
            or environ["REQUEST_METHOD"] != "POST"
            or environ.get("CONTENT_TYPE") != FORM
            or "HTTP_TRANSFER_ENCODING" in environ
            or not (length.isascii() and length.isdigit() and len(length) < 6)
            or int(length) > MOST_BODY_BYTES
            or not self._limit.allows(environ.get("REMOTE_ADDR") or "")
        ):
            return self._flask(environ, start)
        answer = self._answer(environ["wsgi.input"], int(length))
        start("200 OK", answer.headers)
        return (answer.body,)

    def _answer(self, stream: Any, length: int) -> Answer:
        try:
            return self._door.serve(_read(stream, length))
        except Malformed as malformed:
            return self._door.decline(malformed)
        except Exception as fault:
            return self._apologise(fault)


def _read(stream: Any, length: int) -> bytes:
    """The whole body, in as many pieces as it comes. Raises Malformed when the line is cut."""
    body = b""
    try:
        while len(body) < length and (more := stream.read(length - len(body))):
            body += more
    except (OSError, ValueError):
        raise Malformed("cut_off") from None
    if len(body) < length:
        raise Malformed("cut_off")
    return body
