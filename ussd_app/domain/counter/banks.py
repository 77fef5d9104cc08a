"""Banks at the counter: which there are, and what a transfer costs and who gets it."""

from collections.abc import Mapping

from ussd_app.domain import banks
from ussd_app.domain.commands import PARTY, PRICE, Command
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "banks": Command("find", {}, {"banks": "rows(20, 28)"}, PARTY, banks.choices),
    "bank_quote": Command(
        "find",
        {"bank": "ref", "account": "reference", "amount": "money"},
        {"quote_id": "ref", "holder": "text(25)", "bank_name": "text(10)", "fee": "money"},
        (
            PRICE
            - {Code.UNKNOWN_PAYEE, Code.UNKNOWN_NUMBER, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN}
            - {Code.PAYEE_BALANCE_LIMIT, Code.NOT_YOURS}
        )
        | {Code.UNKNOWN_ACCOUNT, Code.BANK_SILENT},
        banks.quote,
    ),
}
