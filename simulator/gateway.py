"""The HTTP face of the SMS side: `/version1/messaging` and `/version1/user`, for any AT client."""

import socket
from contextlib import suppress

from flask import Blueprint, Response, request

from simulator.sms import ApiAnswer, SmsCentre

LARGEST_REQUEST_BYTES = 1_000_000


def blueprint(centre: SmsCentre) -> Blueprint:
    """The provider's API as its SDK meets it."""
    blue = Blueprint("gateway", __name__)

    @blue.post("/version1/messaging")
    def messaging() -> Response:
        if (request.content_length or 0) > LARGEST_REQUEST_BYTES:
            return Response("Request entity too large", 413, content_type="text/plain")
        return _respond(centre.send(request.form, request.headers.get("apiKey")))

    @blue.get("/version1/user")
    def user() -> Response:
        return _respond(centre.user(request.headers.get("apiKey")))

    return blue


def _respond(answer: ApiAnswer) -> Response:
    if answer.dropped:
        _hang_up()
    response = Response(answer.body, answer.status)
    response.headers["Content-Type"] = answer.content_type
    if answer.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="api"'
    return response


def _hang_up() -> None:
    """Close the caller's connection without a word, where the server lets us."""
    line = request.environ.get("werkzeug.socket")
    if isinstance(line, socket.socket):
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
