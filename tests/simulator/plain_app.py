"""Somebody else's USSD application: the smallest that says CON and END, and remembers its calls."""

import threading
import time
from urllib.parse import parse_qsl

from flask import Flask, Response, request


class PlainApp:
    """Greets, asks a number, asks a PIN, says goodbye. `say` overrides what it answers next."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.told: list[tuple[str, dict[str, str]]] = []
        self.say: list[tuple[int, bytes]] = []
        self.delay_s = 0.0
        self.lock = threading.Lock()
        self.flask = Flask("plain")
        self.flask.add_url_rule("/ussd", "hop", self._hop, methods=["POST"])
        for path in ("/ussd/events", "/sms/delivery", "/sms/incoming", "/sms/opt-out"):
            self.flask.add_url_rule(path, path, self._told, methods=["POST"])
        self.refusals = 0

    def _hop(self) -> Response:
        body = request.get_data(cache=False)
        with self.lock:
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            said = self.say.pop(0) if self.say else None
        if self.delay_s:
            time.sleep(self.delay_s)
        status, content = said or (200, self._screen(body))
        label = {"at-ussd-hop-metadata": f"hop-{len(self.bodies)}"}
        return Response(content, status, headers=label, content_type="text/plain")

    def _screen(self, body: bytes) -> bytes:
        text = dict(parse_qsl(body.decode(), keep_blank_values=True))["text"]
        steps = len(text.split("*")) if text else 0
        screens = [b"CON Hello\n1 Go", b"CON Enter a number", b"CON Enter PIN", b"END Bye"]
        return screens[min(steps, 3)]

    def _told(self) -> Response:
        with self.lock:
            self.told.append((request.path, dict(parse_qsl(request.get_data().decode(), True))))
            if self.refusals:
                self.refusals -= 1
                return Response("not now", 503)
        return Response("ok")
