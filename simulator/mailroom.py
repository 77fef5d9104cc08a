"""A mail server that keeps what it is given: the simulator's end of `SMTP_URL`.

Knows no Kabambe; whatever can speak SMTP may send here.
"""

import socket
from asyncio import WriteTransport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from simulator.serving import LOOPBACK

TAKEN: Final = "250 OK"
MOST_KEPT: Final = 1_000
LARGEST_BYTES: Final = 1_000_000
WAYS: Final = {
    "works": TAKEN,
    "refuses": "550 No such mailbox",
    "is busy": "451 Come back later",
}


@dataclass(frozen=True)
class Letter:
    """One mail as it was read."""

    to: str
    sender: str
    subject: str
    body: str


@dataclass
class Mailroom:
    """The newest of what was sent. `answer` is what the next letter is told; `drop` hangs up
    instead, after the letter has come; `arrived` hears of each that was taken."""

    letters: list[Letter] = field(default_factory=list)
    answer: str = TAKEN
    drop: bool = False
    url: str = ""
    arrived: Callable[[Letter], None] = lambda letter: None

    def behave(self, how: str) -> bool:
        """`works`, `refuses`, `is busy` or `drops the answer`. False when there is no such way."""
        if how == "drops the answer":
            self.drop = True
            return True
        if how not in WAYS:
            return False
        self.answer, self.drop = WAYS[how], False
        return True

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """What aiosmtpd asks when a letter has come."""
        if self.answer == TAKEN:
            self.letters.append(_read(envelope))
            del self.letters[:-MOST_KEPT]
            self.arrived(self.letters[-1])
        if self.drop:
            assert isinstance(server.transport, WriteTransport)
            server.transport.abort()
        return self.answer

    def to(self, name: str) -> list[Letter]:
        """The letters to whoever has that name before the @, oldest first."""
        return [letter for letter in self.letters if letter.to.partition("@")[0].lower() == name]


def _read(envelope: Envelope) -> Letter:
    content = envelope.content
    assert isinstance(content, bytes)
    letter = message_from_bytes(content, EmailMessage, policy=policy.default)
    body = letter.get_body(("plain",))
    return Letter(
        envelope.rcpt_tos[0],
        str(letter["From"]),
        str(letter["Subject"]),
        body.get_content().strip() if body else "",
    )


@contextmanager
def opened(room: Mailroom, port: int | None = None) -> Iterator[Mailroom]:
    """The room behind a port of this machine, or a free one."""
    port = _free() if port is None else port
    controller = Controller(room, LOOPBACK, port, data_size_limit=LARGEST_BYTES)
    room.url = f"smtp://{LOOPBACK}:{controller.port}"
    controller.start()
    try:
        yield room
    finally:
        controller.stop()


def _free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
