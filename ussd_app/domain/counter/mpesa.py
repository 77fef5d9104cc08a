"""M-PESA at the counter: money from there into the wallet."""

from collections.abc import Mapping

from ussd_app.domain.commands import PARTY, Command
from ussd_app.domain.mpesa import pushes
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "top_up": Command(
        "do",
        {"amount": "money"},
        {},
        PARTY
        | {Code.MPESA_SILENT, Code.WHOLE_SHILLINGS, Code.AMOUNT_TOO_SMALL, Code.AMOUNT_TOO_LARGE}
        | {Code.TOO_FAST, Code.WALLET_FULL},
        pushes.top_up,
    ),
}
