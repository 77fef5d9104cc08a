"""Asking to become more than a customer: an agent, a merchant. Staff answer, not this counter."""

from collections.abc import Mapping

from ussd_app.domain import applications
from ussd_app.domain.commands import PIN, Command
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "apply": Command(
        "do",
        {
            "kind": "text",
            "name": "name",
            "pin": "pin",
            "town?": "word",
            "ward?": "word",
            "under?": "shortcode",
            "category?": "ref",
            "bearer?": "choice(house, customer, business, shared)",
        },
        {},
        PIN | {Code.ALREADY_APPLIED, Code.UNKNOWN_NUMBER},
        applications.apply,
    ),
}
