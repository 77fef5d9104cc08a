"""Lipa na M-PESA: a customer pays a pay bill or a till, from M-PESA's menu or from a prompt.

The business is asked first whether it takes the money, where it wants to be asked, and is told
afterwards; a payment from a prompt is told only.
"""

import json
from typing import Final

from simulator.safaricom.books import Order, Payment
from simulator.safaricom.codes import RESULTS, Declined
from simulator.safaricom.messages import Paid, c2b, money
from simulator.safaricom.model import MOST_TRIES, PIN, Business, Safaricom, Telling
from ussd_app.kernel.clock import nairobi

VALIDATION_WITHIN_S: Final = 8.0
CONFIRMATION: Final = "c2b confirmation"
NOT_VALID: Final = {
    "C2B00011": "does not take money from your number",
    "C2B00012": "does not know that account",
    "C2B00013": "does not take that amount",
    "C2B00014": "does not take money from you as you are registered",
    "C2B00015": "is not the business that you mean",
    "C2B00016": "cannot take your money now",
}


def pay(safaricom: Safaricom, order: Order, pin: str) -> str:
    """Pay from M-PESA's own menu; what M-PESA says on the phone."""
    said = wrong_pin(safaricom, order.msisdn, pin)
    if said:
        return refusal(said, order, 0)
    books, now = safaricom.books, safaricom.clock.now()
    business = safaricom.business(order.shortcode)
    try:
        books.check(order.msisdn, order.shortcode, order.amount_minor, now)
        paid = Paid(safaricom.names.receipt(now), now, order, safaricom.person(order.msisdn))
        code, third_party = _validate(safaricom, business, paid)
        if code != "0":
            why = NOT_VALID.get(code, "did not answer in time")
            return f"Failed. {business.name} {why}. No money has left your account."
        take(safaricom, order, paid.receipt, third_party)
    except Declined as declined:
        return refusal(declined.code, order, books.balance(order.msisdn))
    safaricom.flush()
    return safaricom.customer(order.msisdn).messages[-1]


def wrong_pin(safaricom: Safaricom, msisdn: str, pin: str) -> str:
    """The code of what is wrong with a PIN; empty when it is right. Three wrong ones lock it."""
    customer = safaricom.customer(msisdn)
    if customer.wrong_pins >= MOST_TRIES:
        return "8006"
    customer.wrong_pins = 0 if pin == PIN else customer.wrong_pins + 1
    if customer.wrong_pins >= MOST_TRIES:
        return "8006"
    return "2001" if customer.wrong_pins else ""


def take(safaricom: Safaricom, order: Order, receipt: str = "", third_party: str = "") -> Payment:
    """Move a customer's money to a business; the payer is told, and the business where it wants.
    Raises Declined."""
    now = safaricom.clock.now()
    parties = (order.msisdn, order.shortcode, order.amount_minor)
    with safaricom.lock:
        safaricom.books.check(*parties, now)
        receipt = receipt or safaricom.names.receipt(now)
        payment = Payment(order.kind, *parties, now, reference=order.account)
        safaricom.books.move(payment, receipt, now)
        business = safaricom.business(order.shortcode)
        text = _receipt(business, payment, safaricom.books.balance(order.msisdn))
        if business.confirmation_url:
            paid = Paid(receipt, now, order, safaricom.person(order.msisdn))
            balance = money(safaricom.books.balance(order.shortcode))
            message = c2b(paid, business.form, balance, third_party, safaricom.next_turn())
            url, aimed = business.confirmation_url, safaricom.take(CONFIRMATION)
            safaricom.say(Telling(CONFIRMATION, url, message, aimed=aimed))
    safaricom.write_to(order.msisdn, text)
    return payment


def _validate(safaricom: Safaricom, business: Business, paid: Paid) -> tuple[str, str]:
    """'0' when the business takes the money, and its own reference; else why not."""
    if not business.validation_url:
        return "0", ""
    asked = c2b(paid, business.form, turn=safaricom.next_turn())
    url = business.validation_url
    answer = safaricom.post("c2b validation", url, asked, VALIDATION_WITHIN_S)
    try:
        said = json.loads(answer.body) if answer is not None and answer.status == 200 else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or "ResultCode" not in said:
        return ("0" if business.unanswered == "Completed" else "no answer"), ""
    return str(said["ResultCode"]), str(said.get("ThirdPartyTransID") or "")


def shown(minor: int) -> str:
    """`Ksh1,250.00`."""
    return f"Ksh{minor / 100:,.2f}"


def refusal(code: str, order: Order, balance_minor: int) -> str:
    """What M-PESA says on the phone about a payment that did not happen."""
    match code:
        case "1":
            return (
                f"Failed. You do not have enough money in your M-PESA account to pay "
                f"{shown(order.amount_minor)}. Your balance is {shown(balance_minor)}."
            )
        case "2001":
            return "Failed. You have entered the wrong PIN."
        case "8006":
            return "Failed. Your M-PESA PIN is blocked. Call 234."
        case "17":
            return "Failed. You paid the same amount there a moment ago. Try again in 2 minutes."
        case _:
            return f"Failed. {RESULTS.get(code, 'Try again later.')}"


def _receipt(business: Business, payment: Payment, balance_minor: int) -> str:
    amount = shown(payment.amount_minor)
    paid = (
        f"{amount} paid to {business.name}"
        if payment.kind == "Buy Goods"
        else f"{amount} sent to {business.name} for account {payment.reference}"
    )
    at = nairobi(payment.at)
    when = f"{at.day}/{at.month}/{at:%y} at {at.hour % 12 or 12}:{at:%M %p}"
    balance = shown(balance_minor)
    return f"{payment.receipt} Confirmed. {paid} on {when}. New M-PESA balance is {balance}."
