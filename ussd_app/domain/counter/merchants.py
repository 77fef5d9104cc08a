"""Merchants: their shops, what these sold, refunds, takings to the wallet, operators, pochi."""

from collections.abc import Mapping
from datetime import time

from ussd_app.domain import operators, refunds, settlements, shop_banks, shops
from ussd_app.domain.commands import PARTY, PIN, Command, Round
from ussd_app.kernel.errors import RefusalCode as Code

LOOK = PIN | {Code.NOT_YOURS}
OWN = LOOK | {Code.OWNER_ONLY}
BANK = {Code.UNKNOWN_ACCOUNT, Code.BANK_SILENT}
LATE = {Code.UNKNOWN_PAYMENT, Code.PAYEE_FROZEN, Code.ALREADY_REVERSED, Code.REFUND_TOO_LATE}

COMMANDS: Mapping[str, Command] = {
    "shops": Command(
        "find",
        {"right": f"choice({operators.OWNER}, {operators.OPERATOR})"},
        {"shops": f"rows({shops.MOST_SHOPS}, 28)", "shop": "ref", "how_many": "choice(one, many)"},
        PARTY | {Code.NOT_YOURS, Code.OWNER_ONLY},
        shops.shops,
    ),
    "shop_sales": Command(
        "do",
        {"shop": "ref", "pin": "pin"},
        {
            "shop_name": "text(25)",
            "sales": "text(9)",
            "sold": "money",
            "refunded": "money",
            "balance": "money",
        },
        LOOK,
        shops.sales,
    ),
    "shop_payments": Command(
        "do", {"shop": "ref", "pin": "pin"}, {"lines": "rows(5, 28)"}, LOOK, shops.payments
    ),
    "payment": Command(
        "find",
        {"shop": "ref", "payment": "receipt"},
        {"payment": "receipt", "payer_name": "name", "back": "money"},
        PARTY | {Code.NOT_YOURS, Code.OWNER_ONLY, Code.PAYEE_BALANCE_LIMIT} | LATE,
        refunds.payment,
    ),
    "refund": Command(
        "do",
        {"shop": "ref", "payment": "receipt", "pin": "pin"},
        {"receipt": "receipt", "balance": "money"},
        OWN | LATE | {Code.MAINTENANCE, Code.PAYEE_BALANCE_LIMIT, Code.TAKINGS_SHORT},
        refunds.refund,
    ),
    "settle_shop": Command(
        "do",
        {"shop": "ref", "amount?": "money", "pin": "pin"},
        {"receipt": "receipt", "amount": "money", "balance": "money"},
        OWN | {Code.MAINTENANCE, Code.WALLET_FULL, Code.TAKINGS_SHORT},
        settlements.settle_shop,
    ),
    "shop_bank": Command(
        "find",
        {"shop": "ref"},
        {"known": "choice(no, yes)"},
        PARTY | {Code.NOT_YOURS, Code.OWNER_ONLY},
        shop_banks.shop_bank,
    ),
    "bank_holder": Command(
        "find",
        {"bank": "ref", "account": "reference"},
        {"holder": "text(25)", "bank_name": "text(10)"},
        PARTY | BANK,
        shop_banks.holder,
    ),
    "set_shop_bank": Command(
        "do",
        {"shop": "ref", "bank": "ref", "account": "reference", "holder": "text(25)", "pin": "pin"},
        {},
        OWN,
        shop_banks.set_shop_bank,
    ),
    "bank_takings": Command(
        "find",
        {"shop": "ref", "amount?": "money"},
        {
            "quote_id": "ref",
            "amount": "money",
            "bank_name": "text(10)",
            "account": "reference",
            "holder": "text(25)",
        },
        PARTY
        | {Code.PIN_LOCKED, Code.NOT_YOURS, Code.OWNER_ONLY, Code.MAINTENANCE}
        | {Code.AMOUNT_TOO_SMALL, Code.AMOUNT_TOO_LARGE, Code.TAKINGS_SHORT}
        | BANK,
        shop_banks.quote,
    ),
    "set_settlement": Command(
        "do",
        {"shop": "ref", "settle": "choice(wallet, bank, mpesa, none)", "pin": "pin"},
        {},
        OWN | {Code.UNKNOWN_ACCOUNT, Code.MPESA_SILENT},
        shops.set_settlement,
    ),
    "shop_operators": Command(
        "find",
        {"shop": "ref"},
        {"operators": f"rows({operators.MOST}, 28)"},
        PARTY | {Code.NOT_YOURS, Code.OWNER_ONLY},
        shops.shop_operators,
    ),
    "add_shop_operator": Command(
        "do",
        {"shop": "ref", "operator": "msisdn", "pin": "pin"},
        {"operator_name": "name"},
        OWN | {Code.UNKNOWN_PAYEE, Code.PAYEE_IS_PAYER, Code.TOO_MANY},
        shops.add_operator,
    ),
    "drop_shop_operator": Command(
        "do",
        {"shop": "ref", "operator": "ref", "pin": "pin"},
        {"operator_name": "name"},
        OWN,
        shops.drop_operator,
    ),
    "categories": Command("find", {}, {"categories": "rows(20, 20)"}, PARTY, shops.categories),
    "my_pochi": Command("find", {}, {"pochi": "choice(none, open)"}, PARTY, shops.my_pochi),
    "open_pochi": Command(
        "do",
        {"name": "name", "category": "ref", "pin": "pin"},
        {},
        PIN | {Code.NUMBER_TAKEN},
        shops.open_pochi,
    ),
}

ROUNDS: Mapping[str, Round] = {
    "shop_settlements": Round(settlements.settle_all, time(1, 0)),
    "shop_summaries": Round(settlements.tell_all, time(1, 0)),
}
