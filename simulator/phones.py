"""Basic phones and what a telco remembers of them. Calls nobody; `telco` makes it move."""

import secrets
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from simulator import paging, wire
from simulator.networks import Network
from ussd_app.kernel.msisdn import local

MOST_TRAFFIC: Final = 60
MOST_MESSAGES: Final = 100
MOST_SECRETS: Final = 50

NO_SERVICE: Final = "Connection problem or invalid MMI code."
"""What a phone shows when a session fails, whatever the reason."""

DELIVERIES: Final = ("normal", "first", "late", "twice", "never", "failed")
"""How the delivery report of an SMS comes: after the send, before it is answered, a minute later,
two times, not at all, or saying that it failed."""


@dataclass
class Service:
    """The application behind a service code: where its callbacks are. Other people's, too."""

    code: str
    ussd_url: str
    events_url: str
    delivery_url: str
    incoming_url: str
    opt_out_url: str
    airtime_url: str
    shortcode: str

    @classmethod
    def at(cls, base: str, code: str, shortcode: str, secret: str | None = None) -> "Service":
        """The callbacks of a Kabambe at this base URL, under its secret path segment if any."""
        tail = f"/{secret}" if secret else ""
        return cls(
            code=code,
            ussd_url=f"{base}/ussd{tail}",
            events_url=f"{base}/ussd/events{tail}",
            delivery_url=f"{base}/sms/delivery{tail}",
            incoming_url=f"{base}/sms/incoming{tail}",
            opt_out_url=f"{base}/sms/opt-out{tail}",
            airtime_url=f"{base}/airtime/status{tail}",
            shortcode=shortcode,
        )

    def dialled(self, text: str) -> str | None:
        """What was dialled behind the code, '' for nothing; None when it is another code."""
        stem = self.code.removesuffix("#")
        if not text.endswith("#") or not text.startswith(stem):
            return None
        behind = text[len(stem) : -1]
        if behind and not behind.startswith("*"):
            return None
        return behind[1:]


@dataclass
class Faults:
    """What goes wrong for one phone. The first three hold for its next hop and are then used up."""

    lose_hop: bool = False
    lose_reply: bool = False
    copies: int = 1
    slow_ms: int = 0
    delivery: str = "normal"
    sms_status: int | None = None

    def take(self) -> "Faults":
        """The faults of the hop that begins now; one-time faults are used up by it."""
        taken = Faults(
            self.lose_hop,
            self.lose_reply,
            self.copies,
            self.slow_ms,
            self.delivery,
            self.sms_status,
        )
        self.lose_hop = self.lose_reply = False
        self.copies = 1
        return taken


@dataclass(frozen=True)
class Request:
    """One callback as it was sent: enough to send the very same bytes again."""

    url: str
    body: bytes
    label: str
    shown: str


@dataclass
class Session:
    """One USSD session, from dial to its end. `answers` are secret where `secret` says so."""

    id: str
    call: wire.Call
    service: Service
    began: datetime
    heard: datetime
    answers: list[str] = field(default_factory=list)
    secret: list[bool] = field(default_factory=list)
    hops: int = 0
    labels: list[str] = field(default_factory=list)
    last_response: str = ""
    requests: list[Request] = field(default_factory=list)
    open: bool = True

    @property
    def transcript(self) -> str:
        """All that was typed, as the wire carries it."""
        return "*".join(self.answers)

    def request(
        self, call: wire.Call, typed: Sequence[str] = (), secret: Sequence[bool] = ()
    ) -> Request:
        """The callback of a hop by this caller, with what is typed behind all there was."""
        answers, hidden = [*self.answers, *typed], [*self.secret, *secret]
        body = wire.encode(wire.hop(call, "*".join(answers)))
        shown = wire.encode(wire.hop(call, wire.mask(answers, hidden))).decode()
        return Request(self.service.ussd_url, body, self.labels[-1] if self.labels else "", shown)

    def ending(self, status: str, at: datetime, error: str = "") -> wire.Ending:
        """How it ended at this moment."""
        return wire.Ending(
            status=status,
            at=at,
            duration_ms=round((at - self.began).total_seconds() * 1000),
            hops=self.hops,
            labels=tuple(self.labels),
            text=self.transcript,
            last_response=self.last_response,
            error=error,
        )


_ON_THE_WIRE: Final = {"menu": "CON ", "end": "END "}


def on_the_wire(kind: str, screen: str) -> list[str]:
    """What a phone shows, line by line, with CON and END as they came; its own notices without."""
    return (_ON_THE_WIRE.get(kind, "") + screen).split("\n")


@dataclass
class Display:
    """What the phone shows: 'idle', a 'menu' that takes an answer, an 'end', or a 'notice'."""

    kind: str = "idle"
    text: str = ""
    pages: list[str] = field(default_factory=list)
    page: int = 0
    takes_answer: bool = False

    @property
    def screen(self) -> str:
        """The text on the glass now: the current page of the operator's, when it broke it."""
        return self.pages[self.page] if self.pages else self.text

    def turned(self, typed: str) -> bool:
        """Whether what is typed is the operator's own, for another page, which is shown then."""
        step = {paging.FORTH: 1, paging.BACK_AGAIN: -1}.get(typed, 0)
        if not step or not 0 <= self.page + step < len(self.pages):
            return False
        self.page += step
        return True


@dataclass(frozen=True)
class Message:
    """An SMS in the inbox (or sent: `outgoing`)."""

    id: str
    sender: str
    text: str
    at: datetime
    segments: int
    cost: str
    outgoing: bool = False


@dataclass(frozen=True)
class Traffic:
    """One exchange on the wire, with every secret masked."""

    number: int
    at: datetime
    kind: str
    request: str
    status: str
    answer: str
    took_ms: int
    note: str = ""


@dataclass
class Phone:
    """A phone with its SIM. `lock` guards all of it; no call is made while it is held.

    `secrets` were typed where a secret was asked for, and are masked wherever they are typed.
    """

    name: str
    msisdn: str
    network: Network
    service: Service
    faults: Faults = field(default_factory=Faults)
    session: Session | None = None
    display: Display = field(default_factory=Display)
    inbox: deque[Message] = field(default_factory=lambda: deque(maxlen=MOST_MESSAGES))
    unread: int = 0
    traffic: deque[Traffic] = field(default_factory=lambda: deque(maxlen=MOST_TRAFFIC))
    exchanges: int = 0
    busy: bool = False
    asks_secret: bool | None = None
    secrets: set[str] = field(default_factory=set)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def number(self) -> str:
        """As its owner says it: 0712000001."""
        return local(self.msisdn) if self.msisdn.startswith("+254") else self.msisdn

    def is_secret(self, typed: str) -> bool:
        """Whether an answer must not be read in a log: asked for as a secret, or known as one."""
        known = self.asks_secret
        if known is None:
            known = wire.asks_secret(self.display.text) or wire.looks_secret(typed)
        if known and len(self.secrets) < MOST_SECRETS and len(typed) > 2:
            self.secrets.add(typed)
        return known or typed in self.secrets

    @property
    def in_session(self) -> bool:
        """Whether a session waits for an answer."""
        return self.session is not None and self.session.open


def new_session_id() -> str:
    """`ATUid_` and 32 lower-case hexadecimal digits."""
    return f"ATUid_{secrets.token_hex(16)}"


def new_message_id() -> str:
    """`ATXid_` and 32 lower-case hexadecimal digits."""
    return f"ATXid_{secrets.token_hex(16)}"
