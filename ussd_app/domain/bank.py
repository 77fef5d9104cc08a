"""The bank's counter: every question (`find`) and every command (`do`) that a channel may put.

The table below is the whole vocabulary. The menu linter holds every flow against it, so a flow that
asks for something else, or forgets a refusal, does not ship.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ussd_app.domain import callers, parties, pins, pricing, queries, registration, transact
from ussd_app.domain.desk import SCOPE, Ask, Desk, Facts
from ussd_app.kernel.errors import RefusalCode as Code

_PIN = frozenset({Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN, Code.PIN_LOCKED, Code.WRONG_PIN})
_PARTY = frozenset({Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN})
_PRICE = frozenset(
    {
        *(Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN, Code.PIN_LOCKED),
        *(Code.NOT_YOURS, Code.UNKNOWN_PAYEE, Code.UNKNOWN_NUMBER),
        *(Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN),
        *(Code.AMOUNT_TOO_SMALL, Code.FAT_FINGER, Code.AMOUNT_TOO_LARGE),
        *(Code.DAILY_LIMIT, Code.DAILY_COUNT, Code.PAYEE_BALANCE_LIMIT),
        Code.INSUFFICIENT_FUNDS,
    }
)
_ACCEPT = frozenset(
    {
        *(Code.NOT_REGISTERED, Code.ACCOUNT_FROZEN, Code.PIN_LOCKED, Code.WRONG_PIN),
        *(Code.PAYEE_FROZEN, Code.QUOTE_EXPIRED),
        *(Code.DAILY_LIMIT, Code.DAILY_COUNT, Code.PAYEE_BALANCE_LIMIT),
        Code.INSUFFICIENT_FUNDS,
    }
)


@dataclass(frozen=True)
class Command:
    """One thing to ask: its kind, arguments and facts by slot type, refusals, and who serves it."""

    kind: str
    args: Mapping[str, str]
    gives: Mapping[str, str]
    refuses: frozenset[Code]
    serve: Callable[[Desk, Ask], Facts]


COMMANDS: Mapping[str, Command] = {
    "caller": Command(
        "find",
        {},
        {"name": "name", "language": "lang", "standing": f"choice({', '.join(callers.STANDINGS)})"},
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
        },
        {"quote_id": "ref", "payee_name": "name", "fee": "money"},
        _PRICE,
        pricing.quote,
    ),
    "accept_quote": Command(
        "do",
        {"quote": "ref", "pin": "pin"},
        {"receipt": "receipt", "balance": "money"},
        _ACCEPT,
        transact.accept,
    ),
    "balance": Command(
        "do",
        {"pin": "pin"},
        {"balance": "money", "spendable_today": "money"},
        _PIN,
        queries.balance,
    ),
    "mini_statement": Command(
        "do", {"pin": "pin"}, {"lines": "rows(5, 28)"}, _PIN, queries.mini_statement
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
        frozenset({Code.ALREADY_REGISTERED, Code.ID_TAKEN, Code.PROOF_EXPIRED}),
        registration.register,
    ),
    "prove_pin": Command("do", {"pin": "pin"}, {"proof": "ref"}, _PIN, pins.prove),
    "change_pin": Command(
        "do",
        {"proof": "ref", "chosen": "ref"},
        {},
        _PARTY | {Code.PROOF_EXPIRED, Code.PIN_UNCHANGED},
        pins.change,
    ),
    "set_language": Command("do", {"language": "lang"}, {}, _PARTY, parties.set_language),
    "request_unlock": Command(
        "do",
        {"national_id": "national_id"},
        {},
        _PARTY | {Code.PIN_NOT_LOCKED, Code.ID_MISMATCH, Code.TOO_MANY_REQUESTS},
        pins.request_unlock,
    ),
    "unlock": Command(
        "do",
        {"code": "code", "chosen": "ref"},
        {},
        _PARTY | {Code.CODE_EXPIRED, Code.WRONG_CODE, Code.PROOF_EXPIRED},
        pins.unlock,
    ),
}


class Bank:
    """Serves one request at a time, from any channel, in the same words."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def has_acted(self, session_id: str) -> bool:
        """Whether a command was answered in a session: what Redis forgot, the ledger knows."""
        with self.desk.reads.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT EXISTS (SELECT FROM idempotency"
                " WHERE scope = %s AND key >= %s AND key < %s)",
                (SCOPE, f"{session_id}:", f"{session_id};"),
            )
            return bool(found.scalar_one())

    def serve(self, name: str, msisdn: str, args: Mapping[str, object], key: str = "") -> Facts:
        """Answer a `find`, or do a `do` exactly once under its key.

        Raises Refused with a code that the command declares, or Unavailable.
        """
        return COMMANDS[name].serve(self.desk, Ask(msisdn, key, args))


@dataclass(frozen=True)
class Signature:
    """What a flow must know about a command to use it rightly."""

    kind: str
    name: str
    args: Mapping[str, str]
    gives: Mapping[str, str]
    refuses: frozenset[str]


def signatures() -> dict[str, Signature]:
    """The vocabulary as data, for the menu linter."""
    return {
        name: Signature(
            command.kind,
            name,
            command.args,
            command.gives,
            frozenset(code.value for code in command.refuses),
        )
        for name, command in COMMANDS.items()
    }
