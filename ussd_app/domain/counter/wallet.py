"""The customer's own wallet: who calls, what a payment costs, PINs, language, what is left."""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import callers, parties, pins, pricing, queries, registration, transact
from ussd_app.domain.commands import ACCEPT, PARTY, PIN, PRICE, Command, Heard, Reply, Said
from ussd_app.domain.desk import Desk
from ussd_app.domain.limits import spendable_today
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "caller": Command(
        "find",
        {"question?": "choice(later)", "menu?": "ref"},
        {
            "name": "name",
            "language": "lang",
            "standing": f"choice({', '.join(callers.STANDINGS)})",
            "menus": f"rows({len(callers.HOMES)}, {callers.LABEL_WIDTH})",
        },
        frozenset({Code.NOT_REGISTERED}),
        callers.caller,
    ),
    "quote": Command(
        "find",
        {
            "type": "text",
            "amount": "money",
            "payee?": "msisdn",
            "number?": "shortcode",
            "reference?": "reference",
            "store?": "count",
            "seen?": "ref",
            "outlet?": "ref",
        },
        {"quote_id": "ref", "payee_name": "name", "fee": "money"},
        PRICE | {Code.TOO_MANY_NAMES},
        pricing.quote,
    ),
    "accept_quote": Command(
        "do",
        {"quote": "ref", "pin": "pin"},
        {"receipt": "receipt", "balance": "money"},
        ACCEPT,
        transact.accept,
    ),
    "balance": Command(
        "do",
        {"pin": "pin"},
        {"balance": "money", "spendable_today": "money"},
        PIN,
        queries.balance,
    ),
    "mini_statement": Command(
        "do", {"pin": "pin"}, {"lines": "rows(5, 28)"}, PIN, queries.mini_statement
    ),
    "choose_pin": Command(
        "do", {"pin": "pin"}, {"draft": "ref"}, frozenset({Code.WEAK_PIN}), pins.choose
    ),
    "confirm_pin": Command(
        "do",
        {"draft": "ref", "pin": "pin"},
        {"chosen": "ref"},
        frozenset({Code.PINS_DIFFER, Code.PROOF_EXPIRED}),
        pins.confirm,
    ),
    "register": Command(
        "do",
        {"name": "name", "national_id": "national_id", "chosen": "ref", "language": "lang"},
        {"name": "name"},
        frozenset({Code.ALREADY_REGISTERED, Code.ID_TAKEN, Code.ID_BLOCKED, Code.PROOF_EXPIRED}),
        registration.register,
    ),
    "prove_pin": Command("do", {"pin": "pin"}, {"proof": "ref"}, PIN, pins.prove),
    "change_pin": Command(
        "do",
        {"proof": "ref", "chosen": "ref"},
        {},
        PARTY | {Code.PROOF_EXPIRED, Code.PIN_UNCHANGED},
        pins.change,
    ),
    "set_language": Command("do", {"language": "lang"}, {}, PARTY, parties.set_language),
    "request_unlock": Command(
        "do",
        {"national_id": "national_id"},
        {},
        PARTY | {Code.PIN_NOT_LOCKED, Code.ID_MISMATCH, Code.TOO_MANY_REQUESTS},
        pins.request_unlock,
    ),
    "unlock": Command(
        "do",
        {"code": "code", "chosen": "ref"},
        {},
        PARTY | {Code.CODE_EXPIRED, Code.WRONG_CODE, Code.PROOF_EXPIRED},
        pins.unlock,
    ),
}


def _balance(desk: Desk, connection: Connection, heard: Heard) -> Said:
    left = spendable_today(desk, heard.party)
    facts = {"balance": queries.available(desk, heard.party), "at": desk.clock.now(), "left": left}
    return Said("balance", facts)


def _mini(desk: Desk, connection: Connection, heard: Heard) -> Said:
    lines = queries.mini_lines(desk, heard.party)
    found = {"lines": "\n".join(lines), "balance": queries.available(desk, heard.party)}
    return Said("mini_statement" if lines else "no_transactions", found)


def _language(desk: Desk, connection: Connection, heard: Heard) -> Said:
    language = heard.meaning or ("sw" if heard.party.language == "en" else "en")
    connection.exec_driver_sql(
        "UPDATE parties SET language = %s WHERE id = %s", (language, heard.party.id)
    )
    return Said("language_set", {}, language)


def _offers(wanted: bool) -> Reply:
    def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
        connection.exec_driver_sql(
            "UPDATE parties SET offers = %s WHERE id = %s", (wanted, heard.party.id)
        )
        return Said("started" if wanted else "stopped", {})

    return reply


def _help(desk: Desk, connection: Connection, heard: Heard) -> Said:
    return Said("help", {})


REPLIES: Mapping[str, Reply] = {
    "balance": _balance,
    "mini": _mini,
    "language": _language,
    "help": _help,
    "stop": _offers(False),
    "start": _offers(True),
}
