"""Airtime at the counter: its price, which is what is asked for and no more."""

from collections.abc import Mapping

from ussd_app.domain import airtime
from ussd_app.domain.commands import PRICE, Command
from ussd_app.kernel.errors import RefusalCode as Code

COMMANDS: Mapping[str, Command] = {
    "airtime_quote": Command(
        "find",
        {"amount": "money", "receiver?": "msisdn"},
        {"quote_id": "ref"},
        PRICE
        - {Code.UNKNOWN_PAYEE, Code.UNKNOWN_NUMBER, Code.PAYEE_IS_PAYER, Code.PAYEE_FROZEN}
        - {Code.PAYEE_BALANCE_LIMIT, Code.NOT_YOURS},
        airtime.quote,
    ),
}
