"""What the house's own people decide from a phone: who becomes an agent or a merchant, whose a
disputed payment is, whose limits are raised."""

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
    "disputes": Command(
        "find",
        {},
        {"disputes": f"rows({deciding.MOST_LISTED}, {deciding.ROW_WIDTH})"},
        PARTY | {Code.NOT_YOURS},
        deciding.disputed,
    ),
    "dispute": Command(
        "find",
        {"dispute": "ref"},
        {
            "payment": "receipt",
            "amount": "money",
            "held": "money",
            "sender_name": "text(15)",
            "receiver_name": "text(15)",
            "approvals": "count",
        },
        PARTY | _DECIDED,
        deciding.look_at_dispute,
    ),
    "grant_return": Command(
        "do",
        {"dispute": "ref", "pin": "pin"},
        {"outcome": "choice(made, noted)"},
        PIN | _DECIDED | {Code.SAID_ALREADY},
        deciding.grant_return,
    ),
    "deny_return": Command(
        "do",
        {"dispute": "ref", "pin": "pin"},
        {},
        PIN | _DECIDED | {Code.SAID_ALREADY},
        deciding.deny_return,
    ),
    "tier_requests": Command(
        "find",
        {},
        {"requests": f"rows({deciding.MOST_LISTED}, {deciding.ROW_WIDTH})"},
        PARTY | {Code.NOT_YOURS},
        deciding.tier_requests,
    ),
    "tier_request": Command(
        "find",
        {"request": "ref"},
        {"name": "text(24)", "phone": "msisdn", "tier": "count", "approvals": "count"},
        PARTY | _DECIDED,
        deciding.look_at_request,
    ),
    "raise_tier": Command(
        "do",
        {"request": "ref", "pin": "pin"},
        {"outcome": "choice(made, noted)"},
        PIN | _DECIDED | {Code.SAID_ALREADY},
        deciding.raise_tier,
    ),
    "leave_tier": Command(
        "do",
        {"request": "ref", "pin": "pin"},
        {},
        PIN | _DECIDED | {Code.SAID_ALREADY},
        deciding.leave_tier,
    ),
}
