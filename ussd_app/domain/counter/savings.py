"""Savings pots at the counter."""

from collections.abc import Mapping

from ussd_app.domain import savings
from ussd_app.domain.commands import PARTY, PIN, PRICE, Command, Round
from ussd_app.kernel.errors import RefusalCode as Code

_TERMS = frozenset({Code.AMOUNT_TOO_LARGE, Code.DATE_OUT_OF_RANGE, Code.TOO_MANY})
_OWN_PRICE = PRICE - {Code.UNKNOWN_PAYEE, Code.UNKNOWN_NUMBER, Code.PAYEE_IS_PAYER}

COMMANDS: Mapping[str, Command] = {
    "pots": Command("find", {}, {"pots": "rows(5, 26)"}, PARTY, savings.pots),
    "pot": Command(
        "find",
        {"pot": "ref"},
        {"goal": "word", "held": "money", "target": "money", "until": "date"},
        PARTY | {Code.NOT_YOURS},
        savings.look,
    ),
    "pot_terms": Command(
        "find",
        {"target": "money", "until": "date"},
        {"percent": "text(5)"},
        PARTY | _TERMS,
        savings.check_terms,
    ),
    "open_pot": Command(
        "do",
        {"goal": "word", "target": "money", "until": "date", "pin": "pin"},
        {},
        PIN | _TERMS,
        savings.open_pot,
    ),
    "price_saving": Command(
        "find",
        {"pot": "ref", "amount": "money"},
        {"quote_id": "ref"},
        _OWN_PRICE,
        savings.price_saving,
    ),
    "price_taking": Command(
        "find",
        {"pot": "ref", "amount": "money"},
        {"quote_id": "ref", "when": "choice(free, early)", "cost": "money"},
        _OWN_PRICE,
        savings.price_taking,
    ),
}

ROUNDS: Mapping[str, Round] = {"emptied_pots": Round(savings.tidy)}
