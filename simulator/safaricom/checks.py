"""Requests held against what Safaricom asks of them; what is wrong is said in plain words.

One table of fields for each API. Knows no account: whether somebody may do it is judged later.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from simulator.safaricom.codes import Refused
from ussd_app.kernel.msisdn import parse as parse_msisdn

INVALID: Final = "400.002.02"
LONGEST_REFERENCE: Final = 12
LONGEST_B2B_REFERENCE: Final = 13
LONGEST_BILL: Final = 20
FORBIDDEN: Final = ("m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query")
"""In any case, in a URL that is registered for C2B."""

Complaint = str | None
Test = Callable[[Any], Complaint]
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One field: its name, what is wrong with a value, and what the error calls it."""

    name: str
    test: Test
    blamed: str = ""
    needed: bool = True
    also: str = ""


def text(value: Any) -> Complaint:
    return None if isinstance(value, str) and value.strip() else "must be a text that is not empty"


def shortcode(value: Any) -> Complaint:
    if isinstance(value, bool) or not re.fullmatch("[0-9]{5,7}", str(value), re.ASCII):
        return "must be a short code of 5 to 7 digits"
    return None


def amount(value: Any) -> Complaint:
    """A whole number of shillings, as a number or as a text."""
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,9}", str(value), re.ASCII):
        return "must be a whole number of shillings; what becomes of cents nobody has established"
    return None if int(value) > 0 else "must be at least 1"


def msisdn(value: Any) -> Complaint:
    digits = str(value)
    if not re.fullmatch("254[17][0-9]{8}", digits, re.ASCII):
        home = parse_msisdn(digits) if isinstance(value, str) else None
        hint = f"; write {home.removeprefix('+')}" if home else ""
        return f"must be 12 digits beginning 2547 or 2541{hint}"
    return None


def url(value: Any) -> Complaint:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        return "must be a URL with https:// (here http:// is taken too)"
    return None


def registered_url(value: Any) -> Complaint:
    complaint = url(value)
    if complaint:
        return complaint
    rest = str(value).partition("://")[2].lower()
    word = next((word for word in FORBIDDEN if word in rest), None)
    return f"may not have {word!r} in it" if word else None


def timestamp(value: Any) -> Complaint:
    good = isinstance(value, str) and re.fullmatch("20[0-9]{12}", value, re.ASCII)
    return None if good else "must be yyyyMMddHHmmss, as a text"


def remarks(value: Any) -> Complaint:
    good = isinstance(value, str) and 2 <= len(value) <= 100
    return None if good else "must have 2 to 100 characters"


def one_of(*names: str) -> Test:
    said = " or ".join(names)
    return lambda value: None if str(value) in names else f"must be {said}"


def at_most(length: int) -> Test:
    def test(value: Any) -> Complaint:
        if not isinstance(value, str):
            return "must be a text"
        if len(value) > length:
            return f"has {len(value)} characters, and {length} is the most"
        return None

    return test


def anything(_value: Any) -> Complaint:
    return None


_PUSH: Final = (
    Field("BusinessShortCode", shortcode),
    Field("Password", text),
    Field("Timestamp", timestamp),
)
_ANSWER_TO: Final = (
    Field("QueueTimeOutURL", url),
    Field("ResultURL", url),
)
_INITIATOR: Final = (Field("Initiator", text), Field("SecurityCredential", text))
_B2C: Final = (
    Field("InitiatorName", text),
    Field("SecurityCredential", text),
    Field("CommandID", one_of("SalaryPayment", "BusinessPayment", "PromotionPayment")),
    Field("Amount", amount),
    Field("PartyA", shortcode),
    Field("PartyB", msisdn),
    Field("Remarks", remarks),
    *_ANSWER_TO,
    Field("Occassion", at_most(100), needed=False, also="Occasion"),
)
_ORIGINATOR: Final = Field("OriginatorConversationID", text)
_SIMULATE: Final = (
    Field("ShortCode", shortcode),
    Field("CommandID", one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline")),
    Field("Amount", amount),
    Field("Msisdn", msisdn),
    Field("BillRefNumber", anything, needed=False),
)
_REGISTER: Final = (
    Field("ShortCode", shortcode),
    Field("ResponseType", one_of("Completed", "Cancelled")),
    Field("ConfirmationURL", registered_url),
    Field("ValidationURL", registered_url),
)

FIELDS: Final[Mapping[str, Sequence[Field]]] = {
    "stk push": (
        *_PUSH,
        Field("TransactionType", one_of("CustomerPayBillOnline", "CustomerBuyGoodsOnline")),
        Field("Amount", amount),
        Field("PartyA", msisdn),
        Field("PartyB", shortcode),
        Field("PhoneNumber", msisdn),
        Field("CallBackURL", url),
        Field("AccountReference", at_most(LONGEST_REFERENCE)),
        Field("TransactionDesc", at_most(LONGEST_REFERENCE + 1), blamed="Remarks"),
    ),
    "stk query": (*_PUSH, Field("CheckoutRequestID", text)),
    "c2b register": _REGISTER,
    "c2b simulate": _SIMULATE,
    "b2c v1": (*_B2C, Field("OriginatorConversationID", text, needed=False)),
    "b2c": (_ORIGINATOR, *_B2C),
    "b2pochi": (
        _ORIGINATOR,
        *(field for field in _B2C if field.name != "CommandID"),
        Field("CommandID", one_of("BusinessPayToPochi")),
    ),
    "b2b": (
        *_INITIATOR,
        Field("CommandID", one_of("BusinessPayBill", "BusinessBuyGoods", "BusinessPayToBulk")),
        Field("SenderIdentifierType", one_of("4", "2", "1")),
        Field("RecieverIdentifierType", one_of("4", "2", "1"), also="ReceiverIdentifierType"),
        Field("Amount", amount),
        Field("PartyA", shortcode),
        Field("PartyB", shortcode),
        Field("AccountReference", at_most(LONGEST_B2B_REFERENCE)),
        Field("Requester", msisdn, needed=False),
        Field("Remarks", remarks),
        *_ANSWER_TO,
        Field("Occassion", at_most(100), needed=False, also="Occasion"),
        Field("OriginatorConversationID", text, needed=False),
    ),
    "balance": (
        *_INITIATOR,
        Field("CommandID", one_of("AccountBalance")),
        Field("PartyA", shortcode),
        Field("IdentifierType", one_of("4", "2", "1")),
        Field("Remarks", remarks),
        *_ANSWER_TO,
    ),
    "status": (
        *_INITIATOR,
        Field("CommandID", one_of("TransactionStatusQuery")),
        Field("TransactionID", text, needed=False),
        Field("OriginalConversationID", text, needed=False, also="OriginatorConversationID"),
        Field("PartyA", shortcode),
        Field("IdentifierType", one_of("4", "2", "1")),
        *_ANSWER_TO,
        Field("Remarks", remarks),
        Field("Occasion", at_most(100), needed=False, also="Occassion"),
    ),
    "reversal": (
        *_INITIATOR,
        Field("CommandID", one_of("TransactionReversal")),
        Field("TransactionID", text),
        Field("Amount", amount),
        Field("ReceiverParty", shortcode),
        Field("RecieverIdentifierType", one_of("11", "4"), also="ReceiverIdentifierType"),
        *_ANSWER_TO,
        Field("Remarks", remarks),
        Field("Occasion", at_most(100), needed=False, also="Occassion"),
    ),
    "pull register": (
        Field("ShortCode", shortcode),
        Field("RequestType", one_of("Pull")),
        Field("NominatedNumber", msisdn),
        Field("CallBackURL", url),
    ),
    "pull query": (
        Field("ShortCode", shortcode),
        Field("StartDate", text),
        Field("EndDate", text),
        Field("OffSetValue", anything, needed=False),
    ),
    "sim swap": (Field("customerNumber", msisdn),),
}


def check(api: str, body: Body) -> list[str]:
    """Refuse what Safaricom would refuse; else what else is odd about it. Raises Refused."""
    fields = FIELDS[api]
    for field in fields:
        value = body.get(field.name)
        if value is None and field.also:
            value = body.get(field.also)
        blamed = field.blamed or field.name
        if value is None or value == "":
            if field.needed:
                raise _invalid(blamed, f"{field.name} is missing{_near(field, body)}")
            continue
        complaint = field.test(value)
        if complaint:
            raise _invalid(blamed, f"{field.name} {complaint}; it was {_shown(field, value)}")
    if api == "status" and not (body.get("TransactionID") or body.get("OriginalConversationID")):
        raise _invalid("TransactionID", "one of TransactionID and OriginalConversationID is needed")
    known = {name for field in fields for name in (field.name, field.also)}
    return [f"{name} is no field of this request" for name in body if name not in known]


def _invalid(field: str, why: str) -> Refused:
    return Refused(INVALID, why, f"Bad Request - Invalid {field}")


def _near(field: Field, body: Body) -> str:
    near = get_close_matches(field.name.lower(), [name.lower() for name in body], 1, 0.75)
    found = next((name for name in body if near and name.lower() == near[0]), None)
    return f"; there is {found}, which is not its name" if found else ""


def _shown(field: Field, value: Any) -> str:
    return "not for showing" if field.name in ("Password", "SecurityCredential") else repr(value)
