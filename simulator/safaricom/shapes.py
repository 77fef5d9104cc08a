"""The shapes of every message that Safaricom sends, as its fixtures and captures show them.

Whatever the simulator is about to say is held against them; tests hold the fixtures against them
too, so that they are neither stricter nor laxer than the wire.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

Test = Callable[[Any], bool]


def _like(pattern: str) -> Test:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and bool(compiled.fullmatch(value))


def _number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _code(value: Any) -> bool:
    return _number(value) or _like("[A-Z0-9_]{1,12}")(value)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _words(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_STAMP: Final = _like("20[0-9]{12}")
_RECEIPT: Final = _like("[A-Z0-9]{10}")
_CONVERSATION: Final = _like("AG_20[0-9]{6}_[0-9a-f]{20}")

C2B: Final[Mapping[str, tuple[Test, bool]]] = {
    "TransactionType": (_text, True),
    "TransID": (_RECEIPT, True),
    "TransTime": (_STAMP, True),
    "TransAmount": (_like(r"[0-9]+(\.[0-9]{2})?"), True),
    "BusinessShortCode": (_like("[0-9]{5,7}"), True),
    "BillRefNumber": (_like(".{0,20}"), True),
    "InvoiceNumber": (_text, True),
    "OrgAccountBalance": (_like(r"|-?[0-9]+\.[0-9]{2}"), True),
    "ThirdPartyTransID": (_words, True),
    "MSISDN": (_like(r"[0-9a-f]{64}|254[0-9]{9}|254[0-9] \*{5} [0-9]{3}"), True),
    "FirstName": (_text, True),
    "MiddleName": (_words, False),
    "LastName": (_words, False),
}
STK: Final[Mapping[str, tuple[Test, bool]]] = {
    "MerchantRequestID": (_text, True),
    "CheckoutRequestID": (_like("ws_CO_[0-9]{20,30}"), True),
    "ResultCode": (_code, True),
    "ResultDesc": (_text, True),
    "CallbackMetadata": (lambda value: isinstance(value, dict), False),
}
ITEMS: Final[Mapping[str, tuple[Test, bool]]] = {
    "Amount": (_number, True),
    "MpesaReceiptNumber": (_RECEIPT, True),
    "Balance": (_text, False),
    "TransactionDate": (lambda value: _STAMP(str(value)), True),
    "PhoneNumber": (lambda value: _like("254[0-9]{9}")(str(value)), True),
}
RESULT: Final[Mapping[str, tuple[Test, bool]]] = {
    "ResultType": (lambda value: str(value) in ("0", "1"), True),
    "ResultCode": (_code, True),
    "ResultDesc": (_text, True),
    "OriginatorConversationID": (_text, True),
    "ConversationID": (_CONVERSATION, True),
    "TransactionID": (_RECEIPT, True),
    "ResultParameters": (lambda value: isinstance(value, dict), False),
    "ReferenceData": (lambda value: isinstance(value, dict), True),
}
PARAMETERS: Final = {
    "ActionType",
    "ErrorMsg",
    "AccountBalance",
    "BOCompletedTime",
    "TransactionAmount",
    "TransactionReceipt",
    "ReceiverPartyPublicName",
    "TransactionCompletedDateTime",
    "B2CUtilityAccountAvailableFunds",
    "B2CWorkingAccountAvailableFunds",
    "B2CChargesPaidAccountAvailableFunds",
    "B2CRecipientIsRegisteredCustomer",
    "DebitAccountBalance",
    "InitiatorAccountCurrentBalance",
    "DebitPartyAffectedAccountBalance",
    "Amount",
    "TransCompletedTime",
    "DebitPartyCharges",
    "Currency",
    "ReceiptNo",
    "ConversationID",
    "FinalisedTime",
    "TransactionStatus",
    "ReasonType",
    "TransactionReason",
    "DebitAccountType",
    "InitiatedTime",
    "OriginatorConversationID",
    "CreditPartyName",
    "DebitPartyName",
    "OriginalTransactionID",
    "Charge",
    "CreditPartyPublicName",
    "DebitPartyPublicName",
}


def faults(message: Any) -> list[str]:
    """What is unlike Safaricom in a message; empty for what it would say."""
    if not isinstance(message, dict):
        return ["a message is an object"]
    if "Result" in message:
        return _result_faults(message["Result"])
    if "Body" in message:
        return _stk_faults(message["Body"].get("stkCallback", {}))
    return _against(C2B, message)


def _stk_faults(callback: Mapping[str, Any]) -> list[str]:
    found = _against(STK, callback)
    items = callback.get("CallbackMetadata", {}).get("Item", [])
    said = {row["Name"]: row.get("Value", "") for row in items}
    if str(callback.get("ResultCode")) == "0":
        found += _against(ITEMS, said)
    elif items:
        found.append("only what was paid has CallbackMetadata")
    return found


def _result_faults(result: Mapping[str, Any]) -> list[str]:
    found = _against(RESULT, result)
    parameters = _rows(result.get("ResultParameters", {}).get("ResultParameter", []))
    references = _rows(result.get("ReferenceData", {}).get("ReferenceItem", []))
    rows = [*parameters, *references]
    for row in rows:
        if not isinstance(row, dict) or not {"Key"} <= set(row) <= {"Key", "Value"}:
            found.append(f"a parameter has Key and perhaps Value: {row!r}")
    keys = {str(row["Key"]).replace(" ", "") for row in parameters if isinstance(row, dict)}
    return found + [f"no result has a {key}" for key in sorted(keys - PARAMETERS)]


def _against(shape: Mapping[str, tuple[Test, bool]], said: Mapping[str, Any]) -> list[str]:
    found = [f"{name} is missing" for name, (_, need) in shape.items() if need and name not in said]
    for name, value in said.items():
        if name not in shape:
            found.append(f"{name} is not said")
        elif not shape[name][0](value):
            found.append(f"{name} cannot be {value!r}")
    return found
