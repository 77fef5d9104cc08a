"""Agents: whose ID they have seen, what is left of their float, what they have earned, where they
are. Cash in, cash out and float itself are types of the catalogue, quoted and accepted like all."""

from collections.abc import Mapping
from datetime import time

from ussd_app.domain import agencies, commissions, nearby, sightings
from ussd_app.domain.commands import PARTY, PIN, Command, Reply, Round
from ussd_app.kernel.errors import RefusalCode as Code

_AT_THE_COUNTER = PARTY | {
    *(Code.NOT_YOURS, Code.UNKNOWN_PAYEE, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN)
}

COMMANDS: Mapping[str, Command] = {
    "customer": Command(
        "find",
        {"customer": "msisdn"},
        {"customer_name": "name"},
        _AT_THE_COUNTER,
        sightings.customer,
    ),
    "see_id": Command(
        "do",
        {"customer": "msisdn", "id_tail": "id_tail"},
        {"seen": "ref"},
        _AT_THE_COUNTER | {Code.ID_MISMATCH, Code.TOO_MANY_REQUESTS},
        sightings.see,
    ),
    "float_balance": Command(
        "do",
        {"pin": "pin"},
        {"agency": "text(25)", "number": "shortcode", "balance": "money"},
        PIN | {Code.NOT_YOURS},
        agencies.float_balance,
    ),
    "commission_statement": Command(
        "do",
        {"pin": "pin"},
        {
            "today": "money",
            "unpaid": "money",
            "last": "money",
            "last_on": "date",
            "paid": "choice(yes, no)",
        },
        PIN | {Code.NOT_YOURS},
        commissions.ask_statement,
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
