"""The month's sums, what payments were for, and statements on paper, at the counter."""

from collections.abc import Mapping

from ussd_app.domain import months, papers, purposes
from ussd_app.domain.commands import PARTY, PIN, Command, Reply, Round
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "month": Command(
        "do",
        {"which": "choice(this, last)", "pin": "pin"},
        {"month": "text(7)", "came": "money", "went": "money", "top": "rows(3, 27)"},
        PIN,
        months.show,
    ),
    "last_payments": Command(
        "do", {"pin": "pin"}, {"payments": "rows(5, 28)"}, PIN, purposes.last_payments
    ),
    "purposes": Command("find", {}, {"purposes": "rows(20, 20)"}, PARTY, purposes.choices),
    "tag": Command(
        "do",
        {"payment": "ref", "purpose": "ref"},
        {"label": "text(20)"},
        PARTY | {Code.NOT_YOURS},
        purposes.tag,
    ),
    "statement_terms": Command(
        "find",
        {"months": "count"},
        {"first": "date", "last": "date"},
        PARTY | {Code.TOO_MANY},
        papers.terms,
    ),
    "ask_statement": Command(
        "do",
        {"months": "count", "pin": "pin"},
        {},
        PIN | {Code.TOO_MANY, Code.TOO_MANY_REQUESTS},
        papers.ask_for,
    ),
}

REPLIES: Mapping[str, Reply] = {
    "month": months.reply,
    "statement": papers.reply,
    "tag": purposes.reply,
}
ROUNDS: Mapping[str, Round] = {"month_letters": Round(months.letters)}
