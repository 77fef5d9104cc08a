"""Africa's Talking's wire, to the letter: forms out, replies in. Pure; sends nothing.

Sources: the provider's USSD and SMS documentation and captures of real requests; the shapes are
those of tests/fixtures. The order of fields is the one seen on the wire.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

FORM: Final = "application/x-www-form-urlencoded"
USSD_AGENT: Final = "at-ussd-api/1.0"
HOP_LABEL: Final = "at-ussd-hop-metadata"
LONGEST_LABEL: Final = 99
ANSWER_WITHIN_S: Final = 10.0
LARGEST_REPLY_BYTES: Final = 8_192

Fields = Sequence[tuple[str, str]]

SUCCESS: Final = "Success"
INCOMPLETE: Final = "Incomplete"
FAILED: Final = "Failed"

SESSION_COST: Final = {SUCCESS: "KES 0.10", INCOMPLETE: "0.00", FAILED: "0.00"}

MASK: Final = "••••"
_PIN_LIKE: Final = re.compile(r"[0-9]{4}", re.ASCII)
_ASKS_SECRET: Final = re.compile(
    r"\b(pin|siri|password|code|msimbo|kitambulisho|id number)\b", re.I
)


def encode(fields: Fields) -> bytes:
    """A form body with everything but letters, digits and `_.-~` percent-encoded."""
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields).encode()


@dataclass(frozen=True)
class Call:
    """What every message about one session says of it."""

    session_id: str
    service_code: str
    msisdn: str
    network: str


def hop(call: Call, text: str) -> Fields:
    """The callback of one turn; `text` is the whole transcript and holds PINs."""
    return [
        ("phoneNumber", call.msisdn),
        ("serviceCode", call.service_code),
        ("text", text),
        ("sessionId", call.session_id),
        ("networkCode", call.network),
    ]


@dataclass(frozen=True)
class Ending:
    """How a session ended. `error` is said with `Failed` only."""

    status: str
    at: datetime
    duration_ms: int
    hops: int
    labels: Sequence[str]
    text: str
    last_response: str
    error: str = ""


def event(call: Call, ending: Ending) -> Fields:
    """The end-of-session event. Its `input` holds PINs, as the real one's does."""
    fields = [
        ("date", stamp(ending.at)),
        ("sessionId", call.session_id),
        ("serviceCode", call.service_code),
        ("networkCode", call.network),
        ("phoneNumber", call.msisdn),
        ("status", ending.status),
        ("cost", SESSION_COST[ending.status]),
        ("durationInMillis", str(ending.duration_ms)),
        ("hopsCount", str(ending.hops)),
    ]
    if ending.labels:
        fields.append(("hopsMetadata", "|".join(ending.labels)))
    fields += [("input", ending.text), ("lastAppResponse", ending.last_response)]
    if ending.status == FAILED:
        fields.append(("errorMessage", ending.error))
    return fields


def delivery_report(
    message_id: str, status: str, msisdn: str, network: str, *, reason: str = "", retries: int = 0
) -> Fields:
    """What became of an SMS. `reason` comes with `Failed` and `Rejected`."""
    fields = [
        ("id", message_id),
        ("status", status),
        ("phoneNumber", msisdn),
        ("networkCode", network),
    ]
    if reason:
        fields.append(("failureReason", reason))
    fields.append(("retryCount", str(retries)))
    return fields


def incoming_sms(
    at: datetime, msisdn: str, message_id: str, text: str, to: str, network: str
) -> Fields:
    """An SMS that a customer sent to the application's short code."""
    return [
        ("date", stamp(at)),
        ("from", msisdn),
        ("id", message_id),
        ("text", text),
        ("to", to),
        ("networkCode", network),
    ]


def opt_out(sender: str, msisdn: str) -> Fields:
    """A customer had the provider stop a sender's messages."""
    return [("senderId", sender), ("phoneNumber", msisdn)]


def airtime_status(sent: Mapping[str, str], status: str, words: str) -> Fields:
    """What became of airtime that was said to be sent."""
    failed = status != "Success"
    return [
        ("phoneNumber", sent["phoneNumber"]),
        ("description", words),
        ("status", status),
        ("requestId", sent["requestId"]),
        ("discount", "KES 0.0000" if failed else sent["discount"]),
        ("value", sent["amount"]),
    ]


def stamp(moment: datetime) -> str:
    """A time as the provider writes it: UTC, to the second, without a zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True)
class Reply:
    """An application's answer to a hop that the gateway can use."""

    text: str
    ends: bool

    @property
    def said(self) -> str:
        """As it came: `CON ` or `END `, and the text."""
        return ("END " if self.ends else "CON ") + self.text


class BadReply(Exception):
    """An answer that ends the session with an error on the phone; the message says why."""


def read_reply(status: int, body: bytes) -> Reply:
    """Judge an application's answer as the gateway does. Raises BadReply."""
    if status != 200:
        raise BadReply(f"HTTP {status}, expected 200")
    if len(body) > LARGEST_REPLY_BYTES:
        raise BadReply(f"body of more than {LARGEST_REPLY_BYTES} bytes")
    try:
        said = body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadReply("body is not UTF-8 text") from None
    if said.startswith("CON "):
        return Reply(said[4:], ends=False)
    if said.startswith("END "):
        return Reply(said[4:], ends=True)
    raise BadReply(f"body begins with {said[:12]!r}, expected 'CON ' or 'END '")


def asks_secret(screen: str) -> bool:
    """Whether a screen seems to ask for something that must not be read in a log."""
    return bool(_ASKS_SECRET.search(screen))


def looks_secret(answer: str) -> bool:
    """Whether an answer has the form of a PIN."""
    return bool(_PIN_LIKE.fullmatch(answer.strip()))


def mask(answers: Sequence[str], secret: Sequence[bool]) -> str:
    """A transcript that may be shown: each secret answer as four dots, whatever its length."""
    return "*".join(
        MASK if hidden else answer for answer, hidden in zip(answers, secret, strict=True)
    )
