"""What a door says back: USSD's CON and END, and short honest sentences for everybody else.

Knows the wire's form and nothing of what is said.
"""

from typing import NamedTuple

from flask import Response

PLAIN = "text/plain; charset=utf-8"
HOP_LABEL = "at-ussd-hop-metadata"
"""Echoed by the gateway and listed in the end-of-session event: how we learn where people leave."""


class Answer(NamedTuple):
    """A screen as the gateway wants it, for whichever way the hop came in."""

    body: bytes
    headers: list[tuple[str, str]]

    def response(self) -> Response:
        """The same for Flask."""
        return Response(self.body, status=200, headers=self.headers)


def go_on(text: str, step: str) -> Answer:
    """`CON `: a screen that waits for an answer."""
    return _screen("CON " + text, step)


def end(text: str, step: str = "end") -> Answer:
    """`END `: the last screen of a session."""
    return _screen("END " + text, step)


def _screen(text: str, step: str) -> Answer:
    body = text.encode()
    length = ("Content-Length", str(len(body)))
    return Answer(body, [("Content-Type", PLAIN), length, (HOP_LABEL, step[:99])])


def say(status: int, sentence: str) -> Response:
    """A status with a sentence, for callers that are no gateway."""
    return Response(sentence.encode() + b"\n", status=status, headers=[("Content-Type", PLAIN)])
