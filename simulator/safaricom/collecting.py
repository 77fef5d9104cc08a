"""Money in: STK push and query, C2B registration, and payments from M-PESA's own menu."""

import base64
import binascii
from typing import Any, Final

from simulator.safaricom.books import Order
from simulator.safaricom.checks import Body
from simulator.safaricom.codes import (
    ACCEPTED,
    ALREADY_REGISTERED,
    PENDING,
    WRONG_CREDENTIALS,
    Refused,
)
from simulator.safaricom.lipa import pay
from simulator.safaricom.model import PIN, Business, Safaricom
from simulator.safaricom.prompts import Prompt, Prompts, standing

PUSHED: Final = "Success. Request accepted for processing"
SANDBOX: Final = {"174379": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"}
"""The passkey that Safaricom publishes for its sandbox, and most clients begin with."""
QUERY_ACCEPTED: Final = "The service request has been accepted successfully"


# STK push


def push(prompts: Prompts, body: Body) -> dict[str, Any]:
    """`POST /mpesa/stkpush/v1/processrequest`."""
    safaricom = prompts.safaricom
    business = proven(safaricom, body)
    goods = body["TransactionType"] == "CustomerBuyGoodsOnline"
    order = Order(
        msisdn=str(body["PhoneNumber"]),
        shortcode=str(body["PartyB"]),
        amount_minor=int(body["Amount"]) * 100,
        account="" if goods else body["AccountReference"],
        goods=goods,
    )
    prompt = Prompt(
        merchant=safaricom.names.merchant_request(),
        checkout=safaricom.names.checkout(safaricom.clock.now(), order.msisdn),
        business=business,
        order=order,
        url=body["CallBackURL"],
        aimed=safaricom.aimed,
    )
    if not goods and order.shortcode != business.shortcode:
        prompts.end(prompt, "2028")
    else:
        prompts.send(prompt)
        if safaricom.way.told == "first" and not prompt.code:
            prompts.enter(prompt, PIN)
    return {
        "MerchantRequestID": prompt.merchant,
        "CheckoutRequestID": prompt.checkout,
        "ResponseCode": "0",
        "ResponseDescription": PUSHED,
        "CustomerMessage": PUSHED,
    }


def push_query(prompts: Prompts, body: Body) -> dict[str, Any]:
    """`POST /mpesa/stkpushquery/v1/query`: pending is 4999 or, every other time, an error."""
    proven(prompts.safaricom, body)
    prompt = prompts.known.get(str(body["CheckoutRequestID"]))
    if prompt is None or prompt.business.shortcode != str(body["BusinessShortCode"]):
        why = "no push of this short code has that CheckoutRequestID"
        raise Refused("400.002.02", why, "Bad Request - Invalid CheckoutRequestID")
    code, said = standing(prompt)
    if code == PENDING and prompts.safaricom.next_turn() % 2:
        why = "nothing is wrong: the prompt is still on the phone; ask again"
        raise Refused("500.001.1001", why, "The transaction is being processed")
    return {
        "ResponseCode": "0",
        "ResponseDescription": QUERY_ACCEPTED,
        "MerchantRequestID": prompt.merchant,
        "CheckoutRequestID": prompt.checkout,
        "ResultCode": code,
        "ResultDesc": said,
    }


def proven(safaricom: Safaricom, body: Body) -> Business:
    """The business whose Password this is: short code, passkey and Timestamp. Raises Refused."""
    shortcode, stamped = str(body["BusinessShortCode"]), body["Timestamp"]
    try:
        opened = base64.b64decode(body["Password"], validate=True).decode()
    except (binascii.Error, ValueError):
        raise _wrong("Password is no base64 of BusinessShortCode + passkey + Timestamp") from None
    business = safaricom.business(shortcode)
    if not opened.startswith(shortcode):
        raise _wrong("Password was built from another BusinessShortCode than the one sent")
    if not opened.endswith(stamped):
        raise _wrong("Password was built from another Timestamp than the one sent")
    passkey = opened[len(shortcode) : -len(stamped)]
    if business.passkey is None:
        business.passkey = passkey
    if passkey not in (business.passkey, SANDBOX.get(shortcode)):
        raise _wrong("Password was built from another passkey than this short code's")
    return business


def _wrong(why: str) -> Refused:
    return Refused("500.001.1001", why, WRONG_CREDENTIALS)


# C2B


def register(safaricom: Safaricom, body: Body, form: str) -> dict[str, Any]:
    """`POST /mpesa/c2b/v1/registerurl` and v2: the version decides how numbers are hidden."""
    business = safaricom.business(str(body["ShortCode"]))
    if safaricom.way.once and business.confirmation_url:
        why = "the URLs are there already; in production they are taken away at the portal first"
        raise Refused("500.003.1001", why, ALREADY_REGISTERED)
    business.confirmation_url = body["ConfirmationURL"]
    business.validation_url = body["ValidationURL"]
    business.unanswered, business.form = body["ResponseType"], form
    return {
        "OriginatorCoversationID": safaricom.names.originator(),
        "ResponseCode": "0",
        "ResponseDescription": "Success" if safaricom.next_turn() % 2 else "success",
    }


def simulate(safaricom: Safaricom, body: Body) -> dict[str, Any]:
    """`POST /mpesa/c2b/v1/simulate`: a customer pays whom nobody asked for a PIN."""
    goods = body["CommandID"] == "CustomerBuyGoodsOnline"
    account = "" if goods else str(body.get("BillRefNumber") or "")
    payer, minor = str(body["Msisdn"]), int(body["Amount"]) * 100
    order = Order(payer, str(body["ShortCode"]), minor, account, goods)
    if safaricom.books.balance(payer) < minor:
        safaricom.books.put(payer, minor)
    safaricom.later(lambda: pay(safaricom, order, PIN))
    return {
        "OriginatorCoversationID": safaricom.names.originator(),
        "ResponseCode": "0",
        "ResponseDescription": ACCEPTED,
    }
