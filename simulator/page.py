"""The page with the phones: its routes, each a few lines over the desk."""

from collections.abc import Callable
from typing import Any, Final

from flask import Blueprint, Response, jsonify, render_template, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from simulator.desk import Desk
from simulator.phones import Phone
from simulator.telco import NotNow
from simulator.wanted import Impossible, flag, text

LARGEST_REQUEST_BYTES: Final = 16_384
POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)


def blueprint(desk: Desk) -> Blueprint:
    """`/` and `/api`. Changes are asked for in JSON, which no other site's form can send."""
    blue = Blueprint("page", __name__)
    blue.before_request(_limit)
    blue.add_url_rule("/", "page", lambda: render_template("page.html"))
    _reads(blue, desk)
    _changes(blue, desk)
    blue.register_error_handler(Impossible, _refuse)
    blue.register_error_handler(NotNow, _refuse)
    blue.after_request(_guard)
    return blue


def _reads(blue: Blueprint, desk: Desk) -> None:
    @blue.get("/api/state")
    def state() -> Response:
        return jsonify(desk.state())

    @blue.get("/api/live")
    def live() -> Response:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        stream = desk.live.stream(desk.view)
        return Response(stream, content_type="text/event-stream", headers=headers)

    @blue.get("/api/recording")
    def recording() -> Response:
        dialogue = desk.recorder.text(list(desk.telco.phones.values()))
        return Response(dialogue, content_type="text/plain; charset=utf-8")


def _changes(blue: Blueprint, desk: Desk) -> None:
    of_phone: dict[str, Callable[[Phone, dict[str, Any]], None]] = {
        "dial": lambda phone, said: desk.dial(phone, _text(said, "code")),
        "answer": lambda phone, said: desk.answer(phone, _text(said, "text")),
        "hang-up": lambda phone, said: desk.hang_up(phone),
        "text": lambda phone, said: desk.text(phone, _text(said, "text"), _text(said, "to")),
        "read": lambda phone, said: desk.read(phone),
        "repeat": desk.repeat,
        "faults": desk.set_faults,
        "service": lambda phone, said: desk.set_service(said, phone),
        "mpesa-leave": lambda phone, said: desk.leave_prompt(phone, _text(said, "how")),
        "mpesa-reach": lambda phone, said: desk.switch(phone, _flag(said, "on")),
    }
    of_mpesa: dict[str, Callable[[Phone, dict[str, Any]], str]] = {
        "mpesa-pin": lambda phone, said: desk.enter_mpesa_pin(phone, _text(said, "pin")),
        "mpesa-pay": desk.pay_by_mpesa,
    }
    of_desk: dict[str, Callable[[dict[str, Any]], None]] = {
        "gateway": desk.set_gateway,
        "service": desk.set_service,
        "outside": desk.behave,
        "redis-forgets": lambda said: desk.redis_forgets(),
        "record": lambda said: desk.record(_flag(said, "on")),
    }

    @blue.post("/api/phones")
    def add() -> Response:
        said = _json()
        phone = desk.add(_text(said, "name"), _text(said, "number"), _text(said, "network"))
        return jsonify(desk.phone_view(phone))

    @blue.delete("/api/phones/<msisdn>")
    def remove(msisdn: str) -> Response:
        desk.remove(msisdn)
        return jsonify(ok=True)

    @blue.post("/api/phones/<msisdn>/<action>")
    def act(msisdn: str, action: str) -> Response:
        if action not in (of_phone.keys() | of_mpesa.keys()):
            raise Impossible("a phone cannot do that")
        phone = desk.phone(msisdn)
        if action in of_mpesa:
            answer = of_mpesa[action](phone, _json())
            return jsonify(answer=answer, **desk.phone_view(phone))
        of_phone[action](phone, _json())
        return jsonify(desk.phone_view(phone))

    @blue.post("/api/desk/<action>")
    def run(action: str) -> Response:
        if action not in of_desk:
            raise Impossible("nobody can do that here")
        of_desk[action](_json())
        return jsonify(desk.desk_view())


def _refuse(refusal: Exception) -> tuple[Response, int]:
    return jsonify(error=str(refusal)), 409


def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _limit() -> None:
    """Whatever a request says of its length."""
    request.max_content_length = LARGEST_REQUEST_BYTES


def _json() -> dict[str, Any]:
    try:
        wanted = request.get_json() if request.is_json else None
    except (BadRequest, RequestEntityTooLarge, RecursionError):
        wanted = None
    if not isinstance(wanted, dict):
        raise Impossible("send a small JSON object")
    return wanted


def _text(wanted: dict[str, Any], name: str) -> str:
    return text(name, wanted.get(name, ""))


def _flag(wanted: dict[str, Any], name: str) -> bool:
    return flag(name, wanted.get(name, False))
