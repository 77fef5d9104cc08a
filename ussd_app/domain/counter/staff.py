"""What the house's own people do from a phone: decide who becomes an agent or a merchant."""

from collections.abc import Mapping

from ussd_app.domain import deciding
from ussd_app.domain.commands import PARTY, PIN, Command
from ussd_app.kernel.errors import RefusalCode as Code

_DECIDED = frozenset({Code.NOT_YOURS, Code.ALREADY_DECIDED})
_DECIDE = PIN | _DECIDED | {Code.PAYEE_FROZEN}

COMMANDS: Mapping[str, Command] = {
    "applications": Command(
        "find",
        {},
        {"applications": f"rows({deciding.MOST_LISTED}, {deciding.ROW_WIDTH})"},
        PARTY | {Code.NOT_YOURS},
        deciding.waiting,
    ),
    "application": Command(
        "find",
        {"application": "ref"},
        {
            "kind": "text(18)",
            "name": "text(20)",
            "applicant": "text(20)",
            "town": "text(16)",
            "approvals": "count",
        },
        PARTY | _DECIDED,
        deciding.look,
    ),
    "approve_application": Command(
        "do",
        {"application": "ref", "pin": "pin"},
        {"outcome": "choice(made, noted)"},
        _DECIDE | {Code.SAID_ALREADY},
        deciding.approve,
    ),
    "refuse_application": Command(
        "do",
        {"application": "ref", "pin": "pin"},
        {},
        _DECIDE | {Code.SAID_ALREADY},
        deciding.refuse,
    ),
}
