"""What an application may ask about: a payment's standing, a balance, the list of payments that
came, and when a SIM was swapped.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.safaricom.books import Payment
from simulator.safaricom.checks import Body
from simulator.safaricom.codes import DONE, Declined, Refused
from simulator.safaricom.initiators import Asked, accept, initiated, tell
from simulator.safaricom.messages import ABSENT, INTERNAL, Pairs, money, stamp
from simulator.safaricom.model import Safaricom
from ussd_app.kernel.clock import NAIROBI, nairobi

PULLED_FOR: Final = timedelta(hours=48)
MOST_ROWS: Final = 100
NEVER_SWAPPED: Final = "01-01-1900 00:00"
_ASKED_AS: Final = "%Y-%m-%d %H:%M:%S"


def status(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /mpesa/transactionstatus/v1/query`, by receipt or by conversation."""
    asked, answer = accept(safaricom, "status", body)
    books = safaricom.books
    found = books.payments.get(asked.text("TransactionID")) or books.asked.get(
        asked.text("OriginalConversationID", "OriginatorConversationID")
    )

    def found_out() -> Pairs:
        if found is None:
            raise Declined("2032")
        return _standing(safaricom, found)

    references: Pairs = [("Occasion", asked.text("Occasion", "Occassion") or ABSENT)]
    _answer(safaricom, asked, found_out, references, shortcode=str(body["PartyA"]))
    return answer


def balance(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /mpesa/accountbalance/v1/query`: all that the business has is in one account."""
    asked, answer = accept(safaricom, "balance", body)

    def found_out() -> Pairs:
        held = money(safaricom.books.balance(str(body["PartyA"])))
        accounts = {
            "Working Account": "0.00",
            "Float Account": "0.00",
            "Utility Account": held,
            "Charges Paid Account": "0.00",
            "Organization Settlement Account": "0.00",
        }
        rows = (f"{name}|KES|{minor}|{minor}|0.00|0.00" for name, minor in accounts.items())
        return [("AccountBalance", "&".join(rows)), _finished(safaricom)]

    references: Pairs = [("QueueTimeoutURL", INTERNAL.format("ab"))]
    _answer(safaricom, asked, found_out, references, shortcode=str(body["PartyA"]))
    return answer


def _answer(
    safaricom: Safaricom,
    asked: Asked,
    find_out: Callable[[], Pairs],
    references: Pairs,
    *,
    shortcode: str,
) -> None:
    code, said = "0", DONE
    try:
        initiated(safaricom, asked, shortcode)
        parameters = find_out()
    except Declined as declined:
        code, said = declined.code, declined.said
        parameters = []
        if asked.api == "balance":
            words = {"8006": "API Password is locked. "}.get(code, said)
            parameters = [
                ("ActionType", "AccountBalance"),
                ("ErrorMsg", words),
                _finished(safaricom),
            ]
    tell(safaricom, asked, code, said, parameters=parameters, references=references)


def _finished(safaricom: Safaricom) -> tuple[str, Any]:
    stamped = stamp(safaricom.clock.now())
    return "BOCompletedTime", stamped if safaricom.turn % 2 else int(stamped)


def _standing(safaricom: Safaricom, payment: Payment) -> Pairs:
    """What is known of a payment; every other time the keys come with spaces in them."""
    gap = " " if safaricom.turn % 2 else ""
    finished = int(stamp(payment.finished or payment.at))
    amount = money(payment.amount_minor) if safaricom.turn % 2 else payment.amount_minor // 100
    return [
        ("DebitPartyName", safaricom.public(payment.debit)),
        ("CreditPartyName", safaricom.public(payment.credit)),
        (f"Originator{gap}Conversation{gap}ID", payment.originator or ABSENT),
        ("InitiatedTime", int(stamp(payment.at))),
        ("DebitAccountType", "Utility Account"),
        ("DebitPartyCharges", ""),
        ("TransactionReason", ABSENT),
        ("ReasonType", payment.kind),
        ("TransactionStatus", payment.status),
        ("FinalisedTime", finished if payment.finished else ABSENT),
        ("Amount", amount),
        (f"Conversation{gap}ID", payment.conversation or ABSENT),
        ("ReceiptNo", payment.receipt or ABSENT),
    ]


def pull_register(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /pulltransactions/v1/register`."""
    business = safaricom.business(str(body["ShortCode"]))
    known, business.pulls = business.pulls, True
    return {
        "ResponseRefID": safaricom.names.originator(),
        "ResponseStatus": "1001" if known else "1000",
        "ShortCode": business.shortcode,
        "ResponseDescription": "Shortcode already Registered"
        if known
        else "Shortcode Registered Successfully",
    }


def pull(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`/pulltransactions/v1/query`: what came in a period of the last 48 hours."""
    since, until = _moment(body, "StartDate"), _moment(body, "EndDate")
    since = max(since, safaricom.clock.now() - PULLED_FOR)
    offset = str(body.get("OffSetValue") or "0")
    if not offset.isdigit():
        why = "OffSetValue must be a number, as a text"
        raise Refused("400.002.02", why, "Bad Request - Invalid OffSetValue")
    shortcode = str(body["ShortCode"])
    came = [
        payment
        for payment in safaricom.books.to_business(shortcode, since)
        if since <= payment.at <= until
    ][::-1]
    name = safaricom.business(shortcode).name
    rows = [
        {
            "transactionId": payment.receipt,
            "trxDate": f"{payment.at:%Y-%m-%dT%H:%M:%SZ}",
            "msisdn": int(payment.debit[3:]),
            "transactiontype": "c2b-pay-bill-debit",
            "billreference": payment.reference,
            "amount": money(payment.amount_minor),
            "organizationname": name,
        }
        for payment in came[int(offset) : int(offset) + MOST_ROWS]
    ]
    return {
        "ResponseRefID": safaricom.names.originator(),
        "ResponseCode": "1000" if rows else "1001",
        "ResponseMessage": "Success" if rows else "No transactions in the period",
        "Response": [rows],
    }


def _moment(body: Body, name: str) -> datetime:
    try:
        return datetime.strptime(str(body[name]), _ASKED_AS).replace(tzinfo=NAIROBI)
    except ValueError:
        why = f"{name} must be like 2026-11-20 08:36:00, in Nairobi's time"
        raise Refused("400.002.02", why, f"Bad Request - Invalid {name}") from None


def sim_swap(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /imsi/v1/checkATI` and v2."""
    swapped = safaricom.customer(str(body["customerNumber"])).swapped
    return {
        "requestRefID": safaricom.names.originator(),
        "responseCode": "200",
        "responseDesc": "Success",
        "lastSwapDate": f"{nairobi(swapped):%d-%m-%Y %H:%M}" if swapped else NEVER_SWAPPED,
    }
