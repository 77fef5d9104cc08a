"""What Safaricom tells us of money that comes in: C2B and STK pushes."""

from dataclasses import dataclass
from datetime import datetime

from ussd_app.kernel.daraja.said import (
    NotUnderstood,
    Said,
    Value,
    code_in,
    inside,
    items,
    name_in,
    name_or_none,
    read_json,
    words_in,
)
from ussd_app.kernel.daraja.values import minor, moment, paid_minor, said_moment
from ussd_app.kernel.msisdn import parse

PAID = "0"
LONGEST_PERSON = 60


@dataclass(frozen=True)
class C2b:
    """A payment into our shortcode, or the question whether it may be made.

    `payer` is a number, a masked one or a hash: see `can_be`. `account` is as it was typed.
    """

    receipt: str
    type: str
    at: datetime
    amount_minor: int
    shortcode: str
    account: str
    invoice: str
    payer: str
    name: str
    third_party_id: str
    balance_minor: int | None


@dataclass(frozen=True)
class Stk:
    """How a push ended. Paid only with code 0 and a receipt; the amount and time come with it."""

    merchant_request_id: str
    checkout_request_id: str
    code: str
    said: str
    receipt: str | None = None
    amount_minor: int | None = None
    at: datetime | None = None
    msisdn: str | None = None

    @property
    def paid(self) -> bool:
        """Whether money surely came."""
        return self.code == PAID and self.receipt is not None


def read_c2b(body: bytes | str) -> C2b:
    """A validation or a confirmation. Raises NotUnderstood."""
    said = read_json(body)
    names = (words_in(said, name, LONGEST_PERSON) for name in _NAMES)
    return C2b(
        receipt=name_in(said, "TransID").upper(),
        type=words_in(said, "TransactionType", 60),
        at=moment(said.get("TransTime")),
        amount_minor=paid_minor(said.get("TransAmount")),
        shortcode=name_in(said, "BusinessShortCode"),
        account=words_in(said, "BillRefNumber", 60),
        invoice=words_in(said, "InvoiceNumber", 60),
        payer=words_in(said, "MSISDN", 64).replace(" ", "").lower(),
        name=" ".join(name for name in names if name)[:LONGEST_PERSON],
        third_party_id=words_in(said, "ThirdPartyTransID", 64),
        balance_minor=_balance(said.get("OrgAccountBalance")),
    )


def read_stk(body: bytes | str) -> Stk:
    """The end of a push. Raises NotUnderstood."""
    said = inside(read_json(body), "Body", "stkCallback")
    plain = Stk(
        merchant_request_id=name_or_none(said, "MerchantRequestID") or "",
        checkout_request_id=name_in(said, "CheckoutRequestID"),
        code=code_in(said, "ResultCode"),
        said=words_in(said, "ResultDesc"),
    )
    return _with_payment(plain, said) if plain.code == PAID else plain


_NAMES = ("FirstName", "MiddleName", "LastName")


def _with_payment(plain: Stk, said: Said) -> Stk:
    """Add what only a payment has. Without a receipt nothing is sure, whatever the code says."""
    metadata = said.get("CallbackMetadata")
    listed = metadata.get("Item") if isinstance(metadata, dict) else None
    facts: dict[str, Value] = {}
    for item in items(listed):
        facts.setdefault(words_in(item, "Name", 64), item.get("Value"))
    receipt = name_or_none(facts, "MpesaReceiptNumber")
    if receipt is None:
        return plain
    phone = facts.get("PhoneNumber")
    return Stk(
        plain.merchant_request_id,
        plain.checkout_request_id,
        plain.code,
        plain.said,
        receipt=receipt.upper(),
        amount_minor=paid_minor(facts.get("Amount")),
        at=said_moment(facts.get("TransactionDate")),
        msisdn=parse(str(phone)) if isinstance(phone, int | str) else None,
    )


def _balance(value: Value) -> int | None:
    try:
        return minor(value)
    except NotUnderstood:
        return None
