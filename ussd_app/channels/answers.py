"""What a door says back: USSD's CON and END, and short honest sentences for everybody else.

Knows the wire's form and nothing of what is said.
"""

from flask import Response

PLAIN = "text/plain; charset=utf-8"
HOP_LABEL = "at-ussd-hop-metadata"
"""Echoed by the gateway and listed in the end-of-session event: how we learn where people leave."""


def go_on(text: str, step: str) -> Response:
    """`CON `: a screen that waits for an answer."""
    return _screen("CON " + text, step)


def end(text: str, step: str = "end") -> Response:
    """`END `: the last screen of a session."""
    return _screen("END " + text, step)


def _screen(body: str, step: str) -> Response:
    return Response(
        body.encode(), status=200, headers=[("Content-Type", PLAIN), (HOP_LABEL, step[:99])]
    )


def say(status: int, sentence: str) -> Response:
    """A status with a sentence, for callers that are no gateway."""
    return Response(sentence.encode() + b"\n", status=status, headers=[("Content-Type", PLAIN)])
