"""Coins at the counter: quotes for buying, selling and sending, rates, what somebody has."""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import coins
from ussd_app.domain.commands import PIN, PRICE, Command, Heard, Reply, Said
from ussd_app.domain.desk import Desk
from ussd_app.domain.exchange import COINS, SIDES
from ussd_app.kernel.errors import RefusalCode as Code
from ussd_app.kernel.errors import Refused

COMMANDS: Mapping[str, Command] = {
    "quote_coins": Command(
        "find",
        {
            "side": f"choice({', '.join(SIDES)})",
            "coin": f"choice({', '.join(COINS)})",
            "by": f"choice({coins.BY_KES}, {coins.BY_COINS})",
            "quantity": "coins",
            "payee?": "msisdn",
        },
        {
            "quote_id": "ref",
            "units": "units",
            "cost": "money",
            "rate": "money",
            "life": "count",
            "payee_name": "name",
        },
        PRICE
        | {Code.RATE_STALE, Code.TOO_FINE}
        | {Code.WALLET_FULL, Code.INSUFFICIENT_COINS, Code.NO_INVENTORY, Code.TOO_MANY_NAMES},
        coins.quote,
    ),
    "coin_balance": Command(
        "do",
        {"pin": "pin"},
        {"lines": f"rows({len(COINS)}, {coins.LINE_WIDTH})"},
        PIN,
        coins.balance,
    ),
    "coin_rates": Command(
        "find",
        {},
        {"lines": f"rows({len(COINS)}, {coins.RATE_WIDTH})"},
        frozenset({Code.RATE_STALE}),
        coins.told_rates,
    ),
}


def _rates(desk: Desk, connection: Connection, heard: Heard) -> Said:
    try:
        lines = coins.rate_lines(desk)
    except Refused:
        return Said("no_coin_rates", {})
    return Said("coin_rates", {"lines": "\n".join(lines), "at": desk.clock.now()})


REPLIES: Mapping[str, Reply] = {"rates": _rates}
