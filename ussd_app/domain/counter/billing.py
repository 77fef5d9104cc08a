"""Billing at the counter: what billers do by phone, and what their customers see and pay."""

from collections.abc import Mapping
from datetime import time

from ussd_app.domain.billing import (
    asking,
    billers,
    credit,
    invoices,
    mine,
    openings,
    reminders,
    sales,
)
from ussd_app.domain.commands import PARTY, PIN, Command, Reply, Round
from ussd_app.kernel.errors import RefusalCode as Code

_OWN = PARTY | {Code.NOT_YOURS}
_ACT = PIN | {Code.NOT_YOURS}

COMMANDS: Mapping[str, Command] = {
    "billers": Command(
        "find",
        {},
        {
            "billers": f"rows({billers.MOST_BILLERS}, 28)",
            "biller": "ref",
            "how_many": "choice(one, many)",
        },
        _OWN,
        billers.billers,
    ),
    "add_bill_customer": Command(
        "do",
        {"biller": "ref", "name": "name", "phone": "msisdn", "account?": "reference", "pin": "pin"},
        {"account": "reference"},
        _ACT | {Code.NUMBER_TAKEN},
        billers.add_customer,
    ),
    "bill_customer": Command(
        "find",
        {"biller": "ref", "account": "reference"},
        {"customer_name": "name", "account": "reference", "owed": "money"},
        _OWN | {Code.UNKNOWN_BILL_ACCOUNT},
        billers.customer,
    ),
    "add_invoice": Command(
        "do",
        {
            "biller": "ref",
            "account": "reference",
            "what": "word",
            "amount": "money",
            "due": "date",
            "pin": "pin",
        },
        {"bill": "ref", "invoice": "text(10)", "total": "money", "open": "money"},
        _ACT | {Code.UNKNOWN_BILL_ACCOUNT, Code.AMOUNT_TOO_LARGE, Code.DATE_OUT_OF_RANGE},
        billers.add_invoice,
    ),
    "add_sale": Command(
        "do",
        {"biller": "ref", "what": "word", "amount": "money", "phone": "msisdn", "pin": "pin"},
        {"sold": "ref", "sale": "text(10)"},
        _ACT | {Code.AMOUNT_TOO_LARGE, Code.AMOUNT_TOO_SMALL, Code.WHOLE_SHILLINGS},
        billers.add_sale,
    ),
    "owing": Command(
        "find",
        {"biller": "ref"},
        {"bills": f"rows({billers.MOST_ROWS}, {billers.LABEL})"},
        _OWN,
        billers.owing,
    ),
    "owed_bill": Command(
        "find",
        {"biller": "ref", "bill": "ref"},
        {
            "invoice": "text(10)",
            "customer_name": "name",
            "open": "money",
            "due": "date",
            "when": "choice(soon, late)",
        },
        _OWN | {Code.NOTHING_OPEN},
        billers.owed,
    ),
    "remind_bill": Command(
        "do",
        {"biller": "ref", "bill": "ref", "pin": "pin"},
        {},
        _ACT | {Code.NOTHING_OPEN, Code.ALREADY_ASKED},
        billers.remind,
    ),
    "credit_note": Command(
        "do",
        {"biller": "ref", "bill": "ref", "pin": "pin"},
        {"invoice": "text(10)", "back": "money"},
        _ACT | {Code.NOTHING_OPEN},
        billers.take_back,
    ),
    "my_bills": Command(
        "find", {}, {"bills": f"rows({mine.MOST_ROWS}, {mine.LABEL})"}, PARTY, mine.bills
    ),
    "bill_push": Command(
        "do",
        {"bill": "ref", "amount": "money"},
        {},
        PARTY
        | {Code.NOTHING_OPEN, Code.MPESA_SILENT, Code.WHOLE_SHILLINGS, Code.AMOUNT_TOO_SMALL}
        | {Code.AMOUNT_TOO_LARGE, Code.TOO_FAST, Code.DAILY_LIMIT, Code.UNKNOWN_BILL_ACCOUNT}
        | {Code.ACCOUNT_TOO_LONG},
        asking.pay_by_mpesa,
    ),
    "my_bill": Command(
        "find",
        {"bill": "ref"},
        {
            "biller_name": "text(25)",
            "business": "shortcode",
            "invoice": "reference",
            "open": "money",
            "due": "date",
        },
        PARTY | {Code.NOTHING_OPEN},
        mine.bill,
    ),
}

REPLIES: Mapping[str, Reply] = {"bills": mine.tell}

ROUNDS: Mapping[str, Round] = {
    "bill_openings": Round(openings.enter),
    "bills_forgotten": Round(invoices.send_forgotten),
    "sales_forgotten": Round(sales.begin_forgotten),
    "bill_sales": Round(sales.expire),
    "bill_credits": Round(credit.use_all, time(5, 0)),
    "bill_reminders": Round(reminders.send_all, time(9, 0)),
}
