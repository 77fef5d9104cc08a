"""The envelope in which Safaricom says how a request of ours ended, and what is in it.

One shape for paying out, asking and giving back. A code of 0 says that the *request* worked: of a
question about a payment it says nothing of the payment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ussd_app.kernel.daraja.said import (
    NotUnderstood,
    Said,
    Value,
    code_in,
    inside,
    items,
    name_or_none,
    read_json,
    words,
    words_in,
)
from ussd_app.kernel.daraja.values import (
    Balance,
    Party,
    balances,
    charges_minor,
    minor,
    paid_minor,
    party,
    said_moment,
)

DONE = "0"
WAITING = "1"
NOTHING = "0000000"
"""What the id of a transaction ends in that was never made: OAK0000000. It is not unique."""
LONGEST_PARAMETER = 4_000


@dataclass(frozen=True)
class Result:
    """How a request ended. Known by its two conversation ids, of which either may be missing.

    Names of parameters are without spaces; one without a value is empty.
    """

    type: str
    code: str
    said: str
    originator_id: str
    conversation_id: str
    receipt: str | None
    parameters: Mapping[str, str]
    reference: Mapping[str, str]

    @property
    def done(self) -> bool:
        """Whether the request was carried out."""
        return self.final and self.code == DONE

    @property
    def final(self) -> bool:
        """Whether nothing more will be said."""
        return self.type != WAITING


@dataclass(frozen=True)
class Moved:
    """Money that went out or back: B2C, B2B and reversal."""

    receipt: str
    amount_minor: int
    at: datetime | None
    party: Party
    charges_minor: int
    original_receipt: str | None


@dataclass(frozen=True)
class Status:
    """What became of a payment. `word` is theirs; `Completed` alone says that money moved."""

    word: str
    receipt: str | None
    amount_minor: int | None
    originator_id: str
    conversation_id: str
    at: datetime | None
    debit: Party
    credit: Party
    charges_minor: int
    reason: str

    @property
    def completed(self) -> bool:
        """Whether the money moved."""
        return self.word == "Completed"

    @property
    def failed(self) -> bool:
        """Whether it is certain that it never will."""
        return self.word in FAILED


FAILED = frozenset({"Cancelled", "Declined", "Expired"})


def read_result(body: bytes | str) -> Result:
    """The end of a request of ours. Raises NotUnderstood."""
    said = inside(read_json(body), "Result")
    originator = name_or_none(said, "OriginatorConversationID") or ""
    conversation = name_or_none(said, "ConversationID") or ""
    if not originator and not conversation:
        raise NotUnderstood("without a conversation")
    return Result(
        type=name_or_none(said, "ResultType") or "0",
        code=code_in(said, "ResultCode"),
        said=words_in(said, "ResultDesc"),
        originator_id=originator,
        conversation_id=conversation,
        receipt=_receipt(name_or_none(said, "TransactionID")),
        parameters=_pairs(_nested(said, "ResultParameters", "ResultParameter")),
        reference=_pairs(_nested(said, "ReferenceData", "ReferenceItem")),
    )


def conversation_of(body: bytes | str) -> tuple[str, str]:
    """The originator's and Safaricom's id of whatever came to a time-out's door; empty ones where
    it names none. Raises NotUnderstood when it is not JSON."""
    level: list[Value] = [read_json(body)]
    names = {"OriginatorConversationID": "", "ConversationID": ""}
    while level:
        for said in (each for each in level if isinstance(each, dict)):
            for name in names:
                try:
                    names[name] = names[name] or name_or_none(said, name) or ""
                except NotUnderstood:
                    continue
        level = [inner for each in level for inner in _inner(each)]
    return names["OriginatorConversationID"], names["ConversationID"]


def moved(result: Result) -> Moved:
    """What was paid or given back, in a result that is done. Raises NotUnderstood."""
    said = result.parameters
    receipt = said.get("TransactionReceipt") or result.receipt
    if not result.done or not receipt:
        raise NotUnderstood("without a receipt")
    return Moved(
        receipt=receipt.upper(),
        amount_minor=paid_minor(said.get("TransactionAmount") or said.get("Amount")),
        at=said_moment(said.get("TransactionCompletedDateTime") or said.get("TransCompletedTime")),
        party=party(said.get("ReceiverPartyPublicName") or said.get("CreditPartyPublicName")),
        charges_minor=charges_minor(said.get("DebitPartyCharges") or said.get("Charge")),
        original_receipt=said.get("OriginalTransactionID") or None,
    )


def status_of(result: Result) -> Status:
    """What became of the payment that was asked about. Raises NotUnderstood."""
    said = result.parameters
    word = said.get("TransactionStatus", "")
    if not result.done or not word:
        raise NotUnderstood("without a status")
    return Status(
        word=word.capitalize(),
        receipt=_receipt(said.get("ReceiptNo") or None),
        amount_minor=minor(said["Amount"]) if said.get("Amount") else None,
        originator_id=said.get("OriginatorConversationID", ""),
        conversation_id=said.get("ConversationID", ""),
        at=said_moment(said.get("FinalisedTime")),
        debit=party(said.get("DebitPartyName")),
        credit=party(said.get("CreditPartyName")),
        charges_minor=charges_minor(said.get("DebitPartyCharges")),
        reason=said.get("ReasonType", ""),
    )


def balances_of(result: Result) -> tuple[Balance, ...]:
    """The accounts of our organisation. Raises NotUnderstood."""
    told = result.parameters.get("AccountBalance")
    if not result.done or not told:
        raise NotUnderstood("without balances")
    return balances(told)


def _inner(said: Value) -> list[Value]:
    if isinstance(said, dict):
        return list(said.values())
    return said if isinstance(said, list) else []


def _receipt(text: str | None) -> str | None:
    return None if text is None or text.endswith(NOTHING) else text.upper()


def _nested(said: Said, outer: str, inner: str) -> Value:
    """The list below two names, whichever of them stands outside."""
    for first, second in ((outer, inner), (inner, outer)):
        holder = said.get(first)
        if isinstance(holder, dict):
            return holder.get(second)
    return None


def _pairs(listed: Value) -> dict[str, str]:
    """Keys without spaces and values as text. A party named twice as the debited one is the
    credited one the second time: so it stands in their own example."""
    pairs: dict[str, str] = {}
    for item in items(listed):
        key = words_in(item, "Key", 64).replace(" ", "")
        if key == "DebitPartyName" and key in pairs:
            key = "CreditPartyName"
        if key:
            pairs.setdefault(key, words(item.get("Value"), LONGEST_PARAMETER))
    return pairs
