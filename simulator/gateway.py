"""The HTTP face of those outside: the provider's `/version1/…`, for any AT client, and a switch."""

import socket
from contextlib import suppress

from flask import Blueprint, Response, request

from simulator.airtime import Reseller
from simulator.answers import ApiAnswer
from simulator.bank import Switch
from simulator.sms import SmsCentre

LARGEST_REQUEST_BYTES = 1_000_000


def blueprint(centre: SmsCentre) -> Blueprint:
    """The provider's API as its SDK meets it."""
    blue = Blueprint("gateway", __name__)

    @blue.post("/version1/messaging")
    def messaging() -> Response:
        if (request.content_length or 0) > LARGEST_REQUEST_BYTES:
            return Response("Request entity too large", 413, content_type="text/plain")
        return respond(centre.send(request.form, request.headers.get("apiKey")))

    @blue.get("/version1/user")
    def user() -> Response:
        return respond(centre.user(request.headers.get("apiKey")))

    return blue


def airtime(reseller: Reseller) -> Blueprint:
    """The provider's airtime API as its SDK meets it."""
    blue = Blueprint("airtime", __name__)

    @blue.post("/version1/airtime/send")
    def send() -> Response:
        headers = request.headers
        key, idempotency = headers.get("apiKey"), headers.get("Idempotency-Key")
        return respond(reseller.send(request.form, key, idempotency))

    return blue


def bank(switch: Switch) -> Blueprint:
    """The bank switch, under `/bank`."""
    blue = Blueprint("bank", __name__, url_prefix="/bank")

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
