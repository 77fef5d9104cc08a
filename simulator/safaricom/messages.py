"""What Safaricom says: callbacks, confirmations, results. Pure; sends nothing.

The same result is not written twice in the same way: codes are numbers or texts, lists are single
objects, values are left out, parameters change places. `turn` decides, and so is reproducible.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from simulator.safaricom.books import Order
from simulator.safaricom.names import no_receipt
from ussd_app.kernel.clock import nairobi

Message = dict[str, Any]
Pairs = Sequence[tuple[str, Any]]
ABSENT: Final = object()
"""The value of a parameter that comes without one."""
INTERNAL: Final = "https://internalsandbox.safaricom.co.ke/mpesa/{}results/v1/submit"


@dataclass(frozen=True)
class Person:
    """A payer as confirmations name them."""

    msisdn: str
    first: str
    last: str = ""

    @property
    def public(self) -> str:
        """`254712000001 - ASHA WANJIKU`."""
        return f"{self.msisdn} - {self.first} {self.last}".rstrip()


def shillings(minor: int) -> Decimal:
    """Cents as an amount with two places."""
    return Decimal(minor) / 100


def money(minor: int) -> str:
    """`1250.00`."""
    return f"{shillings(minor):.2f}"


def stamp(moment: datetime) -> str:
    """`20261121090000`, in Nairobi."""
    return f"{nairobi(moment):%Y%m%d%H%M%S}"


def stk_callback(
    merchant: str, checkout: str, code: str, said: str, items: Pairs, turn: int
) -> Message:
    """How a prompt on a phone ended; `items` when it was paid."""
    callback: Message = {
        "MerchantRequestID": merchant,
        "CheckoutRequestID": checkout,
        "ResultCode": _number(code),
        "ResultDesc": said,
    }
    if items:
        rows = [{"Name": name} | _value(value) for name, value in _turned(items, turn)]
        callback["CallbackMetadata"] = {"Item": rows}
    return {"Body": {"stkCallback": callback}}


def masked(msisdn: str, form: str) -> str:
    """A payer's number as a business sees it: `v2` masked, `v1` hashed, `plain` of old."""
    if form == "v1":
        return sha256(msisdn.encode()).hexdigest()
    return msisdn if form == "plain" else f"{msisdn[:4]} ***** {msisdn[-3:]}"


@dataclass(frozen=True)
class Paid:
    """A customer's payment to a business."""

    receipt: str
    at: datetime
    order: Order
    payer: Person


def c2b(paid: Paid, form: str, balance: str = "", third_party: str = "", turn: int = 0) -> Message:
    """Validation (no balance yet) or confirmation of a payment."""
    names: Message = {"FirstName": paid.payer.first}
    if turn % 3 != 2:
        names |= {"MiddleName": "" if turn % 3 else None, "LastName": ""}
    return {
        "TransactionType": paid.order.kind,
        "TransID": paid.receipt,
        "TransTime": stamp(paid.at),
        "TransAmount": money(paid.order.amount_minor),
        "BusinessShortCode": paid.order.shortcode,
        "BillRefNumber": paid.order.account,
        "InvoiceNumber": "",
        "OrgAccountBalance": balance,
        "ThirdPartyTransID": third_party,
        "MSISDN": masked(paid.payer.msisdn, form),
        **names,
    }


@dataclass(frozen=True)
class Outcome:
    """What a result says, before it is written in one of its forms."""

    code: str
    said: str
    originator: str
    conversation: str
    at: datetime
    receipt: str = ""
    parameters: Pairs = ()
    references: Pairs = ()
    type: int = 0


def result(outcome: Outcome, turn: int) -> Message:
    """The envelope of everything but STK and C2B."""
    as_text = turn % 2 == 1
    code = outcome.code if as_text else _number(outcome.code)
    envelope: Message = {
        "ResultType": str(outcome.type) if as_text else outcome.type,
        "ResultCode": code,
        "ResultDesc": outcome.said,
        "OriginatorConversationID": outcome.originator,
        "ConversationID": outcome.conversation,
        "TransactionID": outcome.receipt or no_receipt(outcome.at),
    }
    if outcome.parameters:
        rows = [_pair(*each) for each in _turned(outcome.parameters, turn)]
        envelope["ResultParameters"] = {"ResultParameter": _listed(rows)}
    references = [_pair(*each) for each in outcome.references]
    envelope["ReferenceData"] = {"ReferenceItem": _listed(references)}
    return {"Result": envelope}


def written(value: Any) -> str:
    """JSON, with decimals as they stand: `500.00`, not `500.0`."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(k)}:{written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _listed(rows: list[Message]) -> Any:
    return rows[0] if len(rows) == 1 else rows


def _pair(key: str, value: Any) -> Message:
    return {"Key": key} if value is ABSENT else {"Key": key, "Value": value}


def _value(value: Any) -> Message:
    return {} if value is ABSENT else {"Value": value}


def _turned(pairs: Pairs, turn: int) -> Pairs:
    """The same pairs, beginning elsewhere, every other time backwards."""
    start = turn % len(pairs)
    moved = [*pairs[start:], *pairs[:start]]
    return moved[::-1] if turn // 2 % 2 else moved


def _number(code: str) -> int | str:
    return int(code) if code.isdigit() else code
