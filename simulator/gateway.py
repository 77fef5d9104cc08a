"""The HTTP face of those outside: the provider's `/version1/…`, for any AT client, and a switch."""

import socket
from contextlib import suppress
from typing import Final

from flask import Blueprint, Response, request

from simulator.airtime import Reseller
from simulator.answers import ApiAnswer
from simulator.bank import Switch
from simulator.sms import SmsCentre

LARGEST_REQUEST_BYTES: Final = 1_000_000


def face(name: str, prefix: str | None = None) -> Blueprint:
    """A set of doors through which nothing larger comes, whatever it says of its length."""
    blue = Blueprint(name, __name__, url_prefix=prefix)

    @blue.before_request
    def limit() -> None:
        request.max_content_length = LARGEST_REQUEST_BYTES

    return blue


def blueprint(centre: SmsCentre) -> Blueprint:
    """The provider's API as its SDK meets it."""
    blue = face("gateway")

    @blue.post("/version1/messaging")
    def messaging() -> Response:
        return respond(centre.send(request.form, request.headers.get("apiKey")))

    @blue.get("/version1/user")
    def user() -> Response:
        return respond(centre.user(request.headers.get("apiKey")))

    return blue


def airtime(reseller: Reseller) -> Blueprint:
    """The provider's airtime API as its SDK meets it."""
    blue = face("airtime")

    @blue.post("/version1/airtime/send")
    def send() -> Response:
        headers = request.headers
        key, idempotency = headers.get("apiKey"), headers.get("Idempotency-Key")
        return respond(reseller.send(request.form, key, idempotency))

    return blue


def bank(switch: Switch) -> Blueprint:
    """The bank switch, under `/bank`."""
    blue = face("bank", "/bank")

    def signature() -> str:
        return request.headers.get("X-Signature", "")

    @blue.post("/names")
    def names() -> Response:
        body = request.get_data(cache=True)
        return respond(switch.name(body, request.form, signature()))

    @blue.post("/transfers")
    def transfers() -> Response:
        body = request.get_data(cache=True)
        return respond(switch.transfer(body, request.form, signature()))

    @blue.get("/transfers/<reference>")
    def transfer(reference: str) -> Response:
        path = f"/transfers/{reference}".encode()
        return respond(switch.standing(path, reference, signature()))

    return blue


def respond(answer: ApiAnswer) -> Response:
    """An answer behind this server, or its line dropped."""
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
