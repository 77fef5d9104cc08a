"""Standing orders at the counter, and the round that pays them."""

from collections.abc import Mapping

from ussd_app.domain import due, standing
from ussd_app.domain.commands import PARTY, PIN, Command, Round
from ussd_app.kernel.errors import RefusalCode as Code

_PRICE = frozenset(
    {
        *(Code.UNKNOWN_PAYEE, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN),
        *(Code.AMOUNT_TOO_SMALL, Code.AMOUNT_TOO_LARGE, Code.TOO_MANY),
    }
)
_PAID = {"payee": "msisdn", "amount": "money"}
_DAYS = {"first": "date", "every": "choice(week, month)", "until": "date"}

COMMANDS: Mapping[str, Command] = {
    "standing_price": Command(
        "find",
        _PAID,
        {"payee_name": "name", "fee": "money"},
        PARTY | _PRICE | {Code.PIN_LOCKED, Code.TOO_MANY_NAMES},
        standing.price,
    ),
    "standing_days": Command(
        "find", _DAYS, {}, PARTY | {Code.DATE_OUT_OF_RANGE}, standing.check_days
    ),
    "set_standing_order": Command(
        "do",
        _PAID | _DAYS | {"pin": "pin"},
        {},
        PIN | _PRICE | {Code.DATE_OUT_OF_RANGE},
        standing.set_up,
    ),
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
