"""Money to M-PESA at the counter: what it costs, before the PIN is asked for."""

from collections.abc import Mapping

from ussd_app.domain import payouts
from ussd_app.domain.commands import PRICE, Command
from ussd_app.kernel.errors import RefusalCode as Code

PRICED = (
    PRICE
    - {Code.UNKNOWN_PAYEE, Code.UNKNOWN_NUMBER, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN}
    - {Code.PAYEE_BALANCE_LIMIT, Code.NOT_YOURS}
) | {Code.MPESA_SILENT, Code.SIM_SWAPPED, Code.WHOLE_SHILLINGS}

COMMANDS: Mapping[str, Command] = {
    "mpesa_send_quote": Command(
        "find",
        {"amount": "money", "receiver?": "msisdn"},
        {"quote_id": "ref", "fee": "money"},
        PRICED,
        payouts.quote_send,
    ),
    "mpesa_pay_quote": Command(
        "find",
        {"amount": "money", "number": "shortcode", "account?": "reference"},
        {"quote_id": "ref", "fee": "money"},
        PRICED | {Code.ACCOUNT_TOO_LONG},
        payouts.quote_pay,
    ),
}
