"""Money out, by initiators: to customers (B2C), to pochis, to other businesses (B2B), and back to
whom it came from (reversal). Accepted at once; what became of it is a result, said later.
"""

from dataclasses import dataclass
from typing import Any, Final

from simulator import networks
from simulator.safaricom.books import Payment, is_phone, pochi
from simulator.safaricom.checks import Body
from simulator.safaricom.codes import DONE, DUPLICATE, Declined, Refused
from simulator.safaricom.faults import LATE_S
from simulator.safaricom.keys import password
from simulator.safaricom.lipa import shown
from simulator.safaricom.messages import (
    ABSENT,
    INTERNAL,
    Outcome,
    Pairs,
    money,
    shillings,
    stamp,
)
from simulator.safaricom.model import Safaricom
from ussd_app.kernel.clock import nairobi

ACCEPTED: Final = "Accept the service request successfully."
KINDS: Final = {
    "BusinessPayment": "Business Payment to Customer via API",
    "SalaryPayment": "Salary Payment via API",
    "PromotionPayment": "Promotion Payment via API",
    "BusinessPayToPochi": "Business Payment to Pochi via API",
    "BusinessPayBill": "Business Pay Bill",
    "BusinessBuyGoods": "Business Buy Goods",
    "BusinessPayToBulk": "Business Pay to Bulk",
}


@dataclass(frozen=True)
class Asked:
    """A request of an initiator: which API, its two ids, and what it said."""

    api: str
    originator: str
    conversation: str
    body: Body

    def text(self, name: str, also: str = "") -> str:
        """A field as a text; empty when it is absent."""
        return str(self.body.get(name) or self.body.get(also) or "")


def accept(safaricom: Safaricom, api: str, body: Body) -> tuple[Asked, dict[str, Any]]:
    """Take a request: its ids, and the answer to it. Raises Refused for an id used before."""
    given = str(body.get("OriginatorConversationID") or "") if api != "status" else ""
    if given and given in safaricom.books.asked:
        why = f"a payment with OriginatorConversationID {given} was asked for before"
        raise Refused("500.002.1001", why, DUPLICATE)
    originator = given or safaricom.names.originator()
    conversation = safaricom.names.conversation(safaricom.clock.now())
    answer = {
        "ConversationID": conversation,
        "OriginatorConversationID": originator,
        "ResponseCode": "0",
        "ResponseDescription": ACCEPTED,
    }
    return Asked(api, originator, conversation, body), answer


def initiated(safaricom: Safaricom, asked: Asked, shortcode: str) -> None:
    """Whether the initiator may: wrong credentials are a result, no error. Raises Declined."""
    refuses = safaricom.faults.refuses
    if refuses and "." not in refuses:
        raise Declined(refuses)
    business = safaricom.business(shortcode)
    name = asked.text("Initiator", "InitiatorName")
    opened = password(asked.text("SecurityCredential"))
    if opened is None:
        raise Declined("2001")
    if business.initiator is None:
        business.initiator = (name, opened)
    if business.initiator != (name, opened):
        raise Declined("2001")


def trouble(safaricom: Safaricom, shortcode: str, body: Body) -> str:
    """Plainly, what the result will say is wrong with an initiator; empty when nothing is."""
    business = safaricom.business(shortcode)
    name = str(body.get("Initiator") or body.get("InitiatorName") or "")
    opened = password(str(body.get("SecurityCredential") or ""))
    if opened is None:
        return (
            "SecurityCredential was not made with this Safaricom's certificate "
            "(/safaricom/certificate.pem), RSA with PKCS#1 v1.5; the result will say 2001"
        )
    if business.initiator is not None and business.initiator[0] != name:
        return f"{name} is no initiator of {shortcode}; the result will say 2001"
    if business.initiator is not None and business.initiator[1] != opened:
        return "SecurityCredential holds another password than the initiator's; 2001 will follow"
    return ""


def b2c(safaricom: Safaricom, body: Body, api: str = "b2c") -> dict[str, Any]:
    """`POST /mpesa/b2c/v3/paymentrequest`, v1, and `/mpesa/b2pochi/v1/paymentrequest`."""
    asked, answer = accept(safaricom, api, body)
    msisdn = str(body["PartyB"])
    payment = Payment(
        KINDS[body["CommandID"]],
        str(body["PartyA"]),
        pochi(msisdn) if api == "b2pochi" else msisdn,
        int(body["Amount"]) * 100,
        safaricom.clock.now(),
    )
    return _order(safaricom, asked, payment, answer)


def b2b(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /mpesa/b2b/v1/paymentrequest`."""
    asked, answer = accept(safaricom, "b2b", body)
    payment = Payment(
        KINDS[body["CommandID"]],
        str(body["PartyA"]),
        str(body["PartyB"]),
        int(body["Amount"]) * 100,
        safaricom.clock.now(),
        reference=asked.text("AccountReference"),
    )
    return _order(safaricom, asked, payment, answer)


def reversal(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /mpesa/reversal/v1/request`: of money that came to the business itself."""
    asked, answer = accept(safaricom, "reversal", body)
    original = safaricom.books.payments.get(str(body["TransactionID"]))
    payment = Payment(
        "Transaction Reversal",
        str(body["ReceiverParty"]),
        original.debit if original else "",
        int(body["Amount"]) * 100,
        safaricom.clock.now(),
        reference=str(body["TransactionID"]),
    )
    return _order(safaricom, asked, payment, answer)


def _order(
    safaricom: Safaricom, asked: Asked, payment: Payment, answer: dict[str, Any]
) -> dict[str, Any]:
    """Remember what was asked for; do it now, or in a minute when Safaricom takes its time."""
    payment.originator, payment.conversation = asked.originator, asked.conversation
    safaricom.books.remember(payment)
    if safaricom.faults.slow:
        safaricom.at(LATE_S, lambda: _do(safaricom, asked, payment))
    else:
        _do(safaricom, asked, payment)
    return answer


def _do(safaricom: Safaricom, asked: Asked, payment: Payment) -> None:
    now = safaricom.clock.now()
    books = safaricom.books
    try:
        initiated(safaricom, asked, payment.debit)
        _may(safaricom, asked, payment)
        with safaricom.lock:
            books.check(payment.debit, payment.credit, payment.amount_minor, now)
            books.move(payment, safaricom.names.receipt(now), now)
            if asked.api == "reversal":
                books.payments[payment.reference].reversed = True
    except Declined as declined:
        payment.status, payment.finished = "Declined", now
        _say(safaricom, asked, payment, declined.code, declined.said)
        return
    _tell_receiver(safaricom, payment)
    _say(safaricom, asked, payment, "0", DONE)


def _may(safaricom: Safaricom, asked: Asked, payment: Payment) -> None:
    """What is refused before the money is looked at. Raises Declined."""
    if asked.api == "reversal":
        original = safaricom.books.payments.get(payment.reference)
        if original is None or original.credit != payment.debit:
            raise Declined("R000002")
        if original.reversed:
            raise Declined("R000001")
        if payment.amount_minor > original.amount_minor:
            raise Declined("R000002")
        return
    msisdn = payment.credit[-12:]
    if is_phone(msisdn) and networks.of(f"+{msisdn}") is not networks.SAFARICOM:
        raise Declined("2040")


def _tell_receiver(safaricom: Safaricom, payment: Payment) -> None:
    """The M-PESA message of a customer who received money."""
    msisdn = payment.credit[-12:]
    if not msisdn.isdigit() or not is_phone(msisdn):
        return
    name = safaricom.business(payment.debit).name
    balance = shown(safaricom.books.balance(payment.credit))
    account = "business" if payment.credit != msisdn else "M-PESA"
    amount = shown(payment.amount_minor)
    text = (
        f"{payment.receipt} Confirmed. {payment.reference} is reversed and {amount} is back. "
        if payment.kind == "Transaction Reversal"
        else f"{payment.receipt} Confirmed. You have received {amount} from {name}. "
    )
    safaricom.write_to(msisdn, f"{text}New {account} balance is {balance}.")


def _say(safaricom: Safaricom, asked: Asked, payment: Payment, code: str, said: str) -> None:
    host = {"b2b": "b2b", "reversal": "reversal"}.get(asked.api, "b2c")
    references: list[tuple[str, Any]] = [("QueueTimeoutURL", INTERNAL.format(host))]
    if asked.api == "b2b":
        references = [("BillReferenceNumber", payment.reference), *references]
        occasion = asked.text("Occassion", "Occasion")
        references.append(("Occassion", occasion or ABSENT))
    outcome = Outcome(
        code,
        said,
        asked.originator,
        asked.conversation,
        safaricom.clock.now(),
        receipt=payment.receipt,
        parameters=_parameters(safaricom, asked, payment, code),
        references=references,
    )
    urls = (asked.text("ResultURL"), asked.text("QueueTimeOutURL"))
    safaricom.say_result(f"{asked.api} result", *urls, outcome)


def _parameters(safaricom: Safaricom, asked: Asked, payment: Payment, code: str) -> Pairs:
    now = safaricom.clock.now()
    if code != "0":
        return [("BOCompletedTime", int(stamp(now)))] if asked.api == "b2b" else []
    left = safaricom.books.balance(payment.debit)
    match asked.api:
        case "b2b":
            return _b2b(safaricom, payment, left)
        case "reversal":
            return [
                (
                    "DebitAccountBalance",
                    f"Utility Account|KES|{money(left)}|{money(left)}|0.00|0.00",
                ),
                ("Amount", shillings(payment.amount_minor)),
                ("TransCompletedTime", int(stamp(now))),
                ("OriginalTransactionID", payment.reference),
                ("Charge", shillings(0)),
                ("CreditPartyPublicName", safaricom.public(payment.credit)),
                ("DebitPartyPublicName", safaricom.public(payment.debit)),
            ]
        case _:
            completed = f"{nairobi(now):%d.%m.%Y %H:%M:%S}"
            return [
                ("TransactionAmount", payment.amount_minor // 100),
                ("TransactionReceipt", payment.receipt),
                ("ReceiverPartyPublicName", safaricom.public(payment.credit)),
                ("TransactionCompletedDateTime", completed),
                ("B2CUtilityAccountAvailableFunds", shillings(left)),
                ("B2CWorkingAccountAvailableFunds", shillings(0)),
                ("B2CRecipientIsRegisteredCustomer", "Y"),
                ("B2CChargesPaidAccountAvailableFunds", shillings(0)),
            ]


def _b2b(safaricom: Safaricom, payment: Payment, left: int) -> Pairs:
    balance = f"{{Amount={{CurrencyCode=KES, MinimumAmount={left}, BasicAmount={money(left)}}}}}"
    return [
        ("DebitAccountBalance", balance),
        ("Amount", money(payment.amount_minor)),
        (
            "DebitPartyAffectedAccountBalance",
            f"Working Account|KES|{money(left)}|{money(left)}|0.00|0.00",
        ),
        ("TransCompletedTime", int(stamp(safaricom.clock.now()))),
        ("DebitPartyCharges", ""),
        ("ReceiverPartyPublicName", safaricom.public(payment.credit)),
        ("Currency", "KES"),
        ("InitiatorAccountCurrentBalance", balance),
    ]
