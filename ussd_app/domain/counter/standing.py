"""Standing orders at the counter, and the round that pays them."""

from collections.abc import Mapping

from ussd_app.domain import due, standing
from ussd_app.domain.commands import PARTY, PIN, Command, Round
from ussd_app.kernel.errors import RefusalCode as Code

_TERMS = frozenset(
    {
        *(Code.UNKNOWN_PAYEE, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN),
        *(Code.AMOUNT_TOO_SMALL, Code.AMOUNT_TOO_LARGE),
        *(Code.DATE_OUT_OF_RANGE, Code.TOO_MANY),
    }
)
_ARGS = {
    "payee": "msisdn",
    "amount": "money",
    "first": "date",
    "every": "choice(week, month)",
    "until": "date",
}

COMMANDS: Mapping[str, Command] = {
    "standing_terms": Command(
        "find",
        _ARGS,
        {"payee_name": "name", "fee": "money"},
        PARTY | _TERMS | {Code.PIN_LOCKED},
        standing.check_terms,
    ),
    "set_standing_order": Command("do", _ARGS | {"pin": "pin"}, {}, PIN | _TERMS, standing.set_up),
    "standing_orders": Command("find", {}, {"orders": "rows(5, 28)"}, PARTY, standing.listed),
    "standing_order": Command(
        "find",
        {"order": "ref"},
        {
            "payee_name": "name",
            "amount": "money",
            "every": "choice(week, month)",
            "next": "date",
            "until": "date",
        },
        PARTY | {Code.NOT_YOURS},
        standing.look,
    ),
    "stop_standing_order": Command(
        "do", {"order": "ref", "pin": "pin"}, {}, PIN | {Code.NOT_YOURS}, standing.stop
    ),
}

ROUNDS: Mapping[str, Round] = {"standing_orders": Round(due.pay_due)}
