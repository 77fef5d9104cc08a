"""What Safaricom answers at once: a token, an acceptance, an error, rows of a list."""

from dataclasses import dataclass
from datetime import datetime

from ussd_app.kernel.daraja.said import (
    LONGEST_LIST,
    NotUnderstood,
    Value,
    code_in,
    name_in,
    name_or_none,
    read_json,
    words,
    words_in,
)
from ussd_app.kernel.daraja.values import moment, paid_minor

LONGEST_TOKEN = 2_000
LONGEST_LIFE_S = 86_400
NONE_IN_PERIOD = "1001"
C2B = "c2b"
"""How the types of payments into a pay bill begin, in the list."""


@dataclass(frozen=True)
class Token:
    """Leave to ask for a while."""

    text: str
    life_s: int

    def __repr__(self) -> str:
        return f"Token(life_s={self.life_s})"


@dataclass(frozen=True)
class Error:
    """Why a request was not taken, or that nobody knows: by code *and* message."""

    code: str
    message: str
    request_id: str


@dataclass(frozen=True)
class Accepted:
    """A request that is taken up; how it ends is said later to its result's door."""

    code: str
    said: str
    conversation_id: str
    originator_id: str


@dataclass(frozen=True)
class StkAccepted:
    """A push that is on its way to a phone."""

    code: str
    said: str
    merchant_request_id: str
    checkout_request_id: str


@dataclass(frozen=True)
class StkStanding:
    """How a push stands, asked for. It names neither amount nor receipt."""

    checkout_request_id: str
    code: str
    said: str

    @property
    def pending(self) -> bool:
        """Whether the customer may still answer."""
        return self.code == "4999"


@dataclass(frozen=True)
class Pulled:
    """One payment of the last 48 hours."""

    receipt: str
    at: datetime
    payer: str
    type: str
    account: str
    amount_minor: int

    @property
    def came_in(self) -> bool:
        """Whether it was paid to us; money that we paid out is listed, too."""
        return self.type.lower().startswith(C2B) and not self.went_back

    @property
    def went_back(self) -> bool:
        """Whether it is a payment's reversal. By what name it is listed is not documented."""
        return "revers" in self.type.lower()


def read_token(body: bytes | str) -> Token:
    """Leave to ask; its life comes as a text or a number. Raises NotUnderstood."""
    said = read_json(body)
    text, life = said.get("access_token"), name_or_none(said, "expires_in") or ""
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TOKEN:
        raise NotUnderstood("without access_token")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise NotUnderstood("access_token is none")
    if not life.isdigit():
        raise NotUnderstood("expires_in is no number")
    return Token(text, min(int(life), LONGEST_LIFE_S))


def read_error(body: bytes | str) -> Error:
    """The envelope of an error. Raises NotUnderstood."""
    said = read_json(body)
    return Error(
        name_in(said, "errorCode"),
        words_in(said, "errorMessage", 200),
        words_in(said, "requestId", 64),
    )


def read_accepted(body: bytes | str) -> Accepted:
    """That a request was taken up, or with another code than 0 was not. Raises NotUnderstood."""
    said = read_json(body)
    originator = name_or_none(said, "OriginatorConversationID") or name_or_none(
        said, "OriginatorCoversationID"
    )
    return Accepted(
        code_in(said, "ResponseCode"),
        words_in(said, "ResponseDescription"),
        name_or_none(said, "ConversationID") or "",
        originator or "",
    )


def read_stk_accepted(body: bytes | str) -> StkAccepted:
    """That a push was sent. Raises NotUnderstood."""
    said = read_json(body)
    return StkAccepted(
        code_in(said, "ResponseCode"),
        words_in(said, "ResponseDescription"),
        name_or_none(said, "MerchantRequestID") or "",
        name_in(said, "CheckoutRequestID"),
    )


def read_stk_standing(body: bytes | str) -> StkStanding:
    """How a push stands. Raises NotUnderstood."""
    said = read_json(body)
    return StkStanding(
        name_or_none(said, "CheckoutRequestID") or "",
        code_in(said, "ResultCode"),
        words_in(said, "ResultDesc"),
    )


def read_pulled(body: bytes | str) -> tuple[Pulled, ...]:
    """Payments of a period, however deeply the rows are wrapped. Raises NotUnderstood."""
    said = read_json(body, LONGEST_LIST)
    code = name_or_none(said, "ResponseCode") or name_or_none(said, "ResponseStatus") or ""
    if code == NONE_IN_PERIOD:
        return ()
    rows: list[Pulled] = []
    level: list[Value] = [said.get("Response")]
    while level:
        each = level.pop()
        if isinstance(each, list):
            level += reversed(each)
        elif isinstance(each, dict):
            rows.append(_pulled(each))
    if not rows and code not in ("1000", "0"):
        raise NotUnderstood("without rows")
    return tuple(rows)


def read_pull_registered(body: bytes | str) -> bool:
    """Whether pulling is allowed from now on; once more is not needed. Raises NotUnderstood."""
    return name_in(read_json(body), "ResponseStatus") in ("1000", "1001")


def read_swapped(body: bytes | str) -> datetime | None:
    """When a SIM was last swapped; None when it never was. Raises NotUnderstood."""
    said = read_json(body)
    if name_in(said, "responseCode") != "200":
        raise NotUnderstood("without an answer")
    at = moment(said.get("lastSwapDate"))
    return at if at.year > 1900 else None


def _pulled(said: dict[str, Value]) -> Pulled:
    return Pulled(
        name_in(said, "transactionId").upper(),
        moment(said.get("trxDate")),
        words(said.get("msisdn"), 64).replace(" ", "").lower(),
        words_in(said, "transactiontype", 60),
        words_in(said, "billreference", 60),
        paid_minor(said.get("amount")),
    )
