"""Money out, by initiators: to customers (B2C), to pochis, to other businesses (B2B), and back to
whom it came from (reversal). Accepted at once; what became of it is a result, said later.
"""

from typing import Any, Final

from simulator import networks
from simulator.safaricom.books import Payment, is_phone, pochi
from simulator.safaricom.checks import Body
from simulator.safaricom.codes import DONE, Declined
from simulator.safaricom.faults import LATE_S
from simulator.safaricom.initiators import Asked, accept, initiated, tell
from simulator.safaricom.lipa import shown
from simulator.safaricom.messages import ABSENT, INTERNAL, Pairs, money, shillings, stamp
from simulator.safaricom.model import Safaricom
from ussd_app.kernel.clock import nairobi

KINDS: Final = {
    "BusinessPayment": "Business Payment to Customer via API",
    "SalaryPayment": "Salary Payment via API",
    "PromotionPayment": "Promotion Payment via API",
    "BusinessPayToPochi": "Business Payment to Pochi via API",
    "BusinessPayBill": "Business Pay Bill",
    "BusinessBuyGoods": "Business Buy Goods",
    "BusinessPayToBulk": "Business Pay to Bulk",
}


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


def in_portal(safaricom: Safaricom, receipt: str) -> None:
    """A payment is reversed by somebody in Safaricom's portal, or by Safaricom: nobody tells the
    business. Raises KeyError."""
    original, now = safaricom.books.payments[receipt], safaricom.clock.now()
    kind, business = "Transaction Reversal", original.credit
    payment = Payment(kind, business, original.debit, original.amount_minor, now, reference=receipt)
    with safaricom.lock:
        safaricom.books.move(payment, safaricom.names.receipt(now), now)
        original.reversed = True
    _tell_receiver(safaricom, payment)


def _order(
    safaricom: Safaricom, asked: Asked, payment: Payment, answer: dict[str, Any]
) -> dict[str, Any]:
    """Remember what was asked for; do it now, or in a minute when Safaricom takes its time."""
    payment.originator, payment.conversation = asked.originator, asked.conversation
    safaricom.books.remember(payment)
    if safaricom.way.slow:
        safaricom.agenda.at(LATE_S, lambda: _do(safaricom, asked, payment))
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
    tell(
        safaricom,
        asked,
        code,
        said,
        receipt=payment.receipt,
        parameters=_parameters(safaricom, asked, payment, code),
        references=references,
    )


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
