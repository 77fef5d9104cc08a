"""M-PESA at the counter: money from there into the wallet, and staff who say whose it is."""

from collections.abc import Mapping

from ussd_app.domain.commands import PARTY, PIN, Command
from ussd_app.domain.mpesa import matching, pushes
from ussd_app.kernel.errors import RefusalCode as Code

_NOT_THERE = frozenset({Code.UNKNOWN_NUMBER, Code.UNKNOWN_BILL_ACCOUNT, Code.PAYEE_FROZEN})

COMMANDS: Mapping[str, Command] = {
    "top_up": Command(
        "do",
        {"amount": "money"},
        {},
        PARTY
        | {Code.MPESA_SILENT, Code.WHOLE_SHILLINGS, Code.AMOUNT_TOO_SMALL, Code.AMOUNT_TOO_LARGE}
        | {Code.TOO_FAST, Code.WALLET_FULL},
        pushes.top_up,
    ),
    "unplaced_payments": Command(
        "find",
        {},
        {"payments": f"rows({matching.MOST_LISTED}, {matching.ROW_WIDTH})"},
        PARTY | {Code.NOT_YOURS},
        matching.listed,
    ),
    "unplaced_payment": Command(
        "find",
        {"payment": "ref"},
        {
            "amount": "money",
            "sender": "text(14)",
            "typed": "text(16)",
            "wanted": "text(20)",
        },
        PARTY | {Code.NOT_YOURS, Code.ALREADY_DECIDED},
        matching.look,
    ),
    "whose_account": Command(
        "find",
        {"account": "reference"},
        {"payee_name": "name"},
        PARTY | {Code.NOT_YOURS} | _NOT_THERE,
        matching.whose,
    ),
    "place_payment": Command(
        "do",
        {"payment": "ref", "account": "reference", "pin": "pin"},
        {"outcome": "choice(placed, noted)"},
        PIN
        | {Code.NOT_YOURS, Code.ALREADY_DECIDED, Code.SAID_ALREADY, Code.PAYEE_BALANCE_LIMIT}
        | _NOT_THERE,
        matching.place,
    ),
}
