"""What a customer may know about their own money. Reads only; the PIN is the caller's business."""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import parties, pins
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.limits import spendable_today
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.money import format_minor
from ussd_app.ledger.statements import StatementLine, last_lines

MINI_LINES = 5
LINE_WIDTH = 28

_NAMES = """
SELECT id::text AS owner, name, false AS business FROM parties WHERE id = ANY (%s)
UNION ALL
SELECT kind || '-' || id, name, true FROM agreements WHERE id = ANY (%s)
"""


def balance(desk: Desk, ask: Ask) -> Facts:
    """The caller's balance and what they may still send today, in minor units."""

    def then(connection: Connection, party: Party) -> Facts:
        return {
            "balance": available(desk, party),
            "spendable_today": spendable_today(desk, party),
        }

    return pins.with_pin(desk, "balance", ask, then)


def available(desk: Desk, party: Party) -> int:
    """What a party could spend at this moment, in minor units."""
    return desk.book.balances([party.wallet_id])[party.wallet_id].available


def mini_statement(desk: Desk, ask: Ask) -> Facts:
    """The caller's last five transactions as rows, with an SMS that says the same."""

    def then(connection: Connection, party: Party) -> Facts:
        lines = mini_lines(desk, party)
        facts = {"lines": "\n".join(lines), "balance": available(desk, party)}
        template = "mini_statement" if lines else "no_transactions"
        parties.say(desk, connection, party.msisdn, party.language, template, **facts)
        return {"lines": [{"key": str(n), "label": line} for n, line in enumerate(lines, 1)]}

    return pins.with_pin(desk, "mini_statement", ask, then)


def mini_lines(desk: Desk, party: Party) -> list[str]:
    """The last five transactions, newest first: `21/11 -507.00 BARAKA`."""
    with desk.reads.connect() as connection:
        found = last_lines(connection, party.wallet_id, MINI_LINES)
        others = _names(connection, {line.other_owner for line in found if line.other_owner})
    return [_mini_line(line, others) for line in found]


def _mini_line(line: StatementLine, names: Mapping[str, str]) -> str:
    day = nairobi(line.happened_at)
    sign = "+" if line.amount_minor > 0 else "-"
    what = names.get(line.other_owner or "", "Kabambe")
    text = f"{day.day}/{day.month} {sign}{format_minor(abs(line.amount_minor))} {what}"
    return text[:LINE_WIDTH].rstrip()


def _names(connection: Connection, owners: set[str]) -> dict[str, str]:
    """What owners of accounts are called: people by two names, a business by its own."""
    numbers = [int(owner) for owner in owners if owner.isdigit()]
    parts = [owner.rpartition("-") for owner in owners]
    behind = [int(number) for kind, _, number in parts if kind and number.isdigit()]
    rows = connection.exec_driver_sql(_NAMES, (numbers, behind))
    return {row.owner: row.name.upper() if row.business else two_names(row.name) for row in rows}
