"""Agents: their outlets and who serves there, whose ID they have seen, what is left of their float,
what they have earned, where they are. Cash in, cash out and float itself are types of the
catalogue, quoted and accepted like all."""

from collections.abc import Mapping
from datetime import time

from ussd_app.domain import agencies, commissions, nearby, operators, sightings
from ussd_app.domain.commands import PARTY, PIN, Command, Reply, Round
from ussd_app.kernel.errors import RefusalCode as Code

_AT_THE_COUNTER = PARTY | {
    *(Code.NOT_YOURS, Code.UNKNOWN_PAYEE, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN)
}

_LOOK = PIN | {Code.NOT_YOURS}
_OWN = _LOOK | {Code.OWNER_ONLY}

COMMANDS: Mapping[str, Command] = {
    "outlets": Command(
        "find",
        {"right": f"choice({operators.OWNER}, {operators.OPERATOR})"},
        {
            "outlets": f"rows({agencies.MOST_OUTLETS}, 28)",
            "outlet": "ref",
            "how_many": "choice(one, many)",
        },
        PARTY | {Code.NOT_YOURS, Code.OWNER_ONLY},
        agencies.outlets,
    ),
    "customer": Command(
        "find",
        {"customer": "msisdn", "outlet?": "ref"},
        {"customer_name": "name"},
        _AT_THE_COUNTER | {Code.TOO_MANY_NAMES},
        sightings.customer,
    ),
    "see_id": Command(
        "do",
        {"customer": "msisdn", "id_tail": "id_tail", "outlet?": "ref"},
        {"seen": "ref"},
        _AT_THE_COUNTER | {Code.ID_MISMATCH, Code.TOO_MANY_REQUESTS},
        sightings.see,
    ),
    "float_balance": Command(
        "do",
        {"outlet": "ref", "pin": "pin"},
        {"agency": "text(25)", "number": "shortcode", "balance": "money"},
        _LOOK,
        agencies.float_balance,
    ),
    "commission_statement": Command(
        "do",
        {"outlet": "ref", "pin": "pin"},
        {
            "today": "money",
            "unpaid": "money",
            "last": "money",
            "last_on": "date",
            "paid": "choice(yes, no)",
        },
        _OWN,
        commissions.ask_statement,
    ),
    "outlet_operators": Command(
        "find",
        {"outlet": "ref"},
        {"operators": f"rows({operators.MOST}, 28)"},
        PARTY | {Code.NOT_YOURS, Code.OWNER_ONLY},
        agencies.outlet_operators,
    ),
    "add_outlet_operator": Command(
        "do",
        {"outlet": "ref", "operator": "msisdn", "pin": "pin"},
        {"operator_name": "name"},
        _OWN | {Code.UNKNOWN_PAYEE, Code.PAYEE_IS_PAYER, Code.TOO_MANY},
        agencies.add_operator,
    ),
    "drop_outlet_operator": Command(
        "do",
        {"outlet": "ref", "operator": "ref", "pin": "pin"},
        {"operator_name": "name"},
        _OWN,
        agencies.drop_operator,
    ),
    "agents_near": Command(
        "find", {"place": "word"}, {"agents": "rows(4, 28)"}, frozenset(), nearby.answer
    ),
}

REPLIES: Mapping[str, Reply] = {"commission": commissions.reply, "agents": nearby.reply}

ROUNDS: Mapping[str, Round] = {
    "commission_payout": Round(commissions.pay_out, at=time(2)),
    "low_float": Round(agencies.warn),
}
