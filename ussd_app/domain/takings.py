"""What a shop's account did on a Nairobi day: payments, charges, refunds, settlements. Reads only.

Whatever came in is a payment and whatever went out a settlement, but for what is undone and what
the house took; so the four of them are all that moved. A settlement that the bank sent back is
none, on the day on which it came back.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from ussd_app.domain.days import at_hour
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.money import format_minor
from ussd_app.ledger.statements import last_lines

LINE_WIDTH = 28
FIRST_PAGE = 200
PAGES_GROW = 8

_PAGE = """
SELECT min(p.entry_id), bool_or(e.happened_at >= %(since)s)
FROM (SELECT entry_id FROM legs WHERE to_id = %(account)s AND to_shard = -1
         AND to_version < %(before)s ORDER BY to_version DESC LIMIT %(most)s) p
JOIN entries e ON e.id = p.entry_id
"""
_MOVED = """
WITH moved AS (
    SELECT entry_id, amount_minor AS came, 0 AS went, from_id AS other_id FROM legs
     WHERE to_id = %(account)s AND (to_shard >= 0 OR to_version >= %(first)s)
    UNION ALL
    SELECT entry_id, 0, amount_minor, to_id FROM legs
     WHERE from_id = %(account)s AND (from_shard >= 0 OR from_version >= %(first)s))
SELECT e.reverses IS NOT NULL AS undoes, o.kind = 'float' AND o.owner = 'house' AS house,
       count(DISTINCT e.id) FILTER (WHERE m.came > 0) AS came_in,
       count(DISTINCT e.id) FILTER (WHERE m.went > 0) AS went_out,
       sum(m.came)::bigint AS came, sum(m.went)::bigint AS went
FROM moved m JOIN entries e ON e.id = m.entry_id JOIN accounts o ON o.id = m.other_id
WHERE e.happened_at >= %(since)s AND e.happened_at < %(until)s
GROUP BY 1, 2
"""
_SAID = """
SELECT id, facts->'said'->'payer'->>'name', facts->'said'->'payee'->>'name',
       facts->'said'->>'reference'
FROM entries WHERE id = ANY (%s)
"""
_NEWEST = 2**62


@dataclass(frozen=True)
class Takings:
    """What one day did to a shop's account; values in minor units.

    `charges_minor` is what the house kept: what came back with refunds is no charge any more.
    """

    payments: int = 0
    paid_minor: int = 0
    charges_minor: int = 0
    refunds: int = 0
    refunded_minor: int = 0
    settlements: int = 0
    settled_minor: int = 0

    @property
    def net_minor(self) -> int:
        """By how much the account holds more than before."""
        return self.paid_minor - self.charges_minor - self.refunded_minor - self.settled_minor


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first moment of a Nairobi day, and that of the next."""
    return at_hour(day, 0), at_hour(day, 24)


def of_day(connection: Connection, account_id: int, day: date) -> Takings:
    """What a day did to the account. Costs as much as has happened since, however old the shop."""
    since, until = bounds(day)
    given = {"account": account_id, "since": since, "until": until}
    first = _first_since(connection, account_id, since)
    rows = connection.exec_driver_sql(_MOVED, {**given, "first": first}).all()
    undone = [row for row in rows if row.undoes and not row.house]
    traded = [row for row in rows if not row.undoes and not row.house]
    return Takings(
        payments=sum(row.came_in for row in traded),
        paid_minor=sum(row.came for row in rows if not row.undoes),
        charges_minor=sum(row.went - (row.came if row.undoes else 0) for row in rows if row.house),
        refunds=sum(row.went_out for row in undone),
        refunded_minor=sum(row.went for row in undone),
        settlements=sum(row.went_out for row in traded) - sum(row.came_in for row in undone),
        settled_minor=sum(row.went for row in traded) - sum(row.came for row in undone),
    )


def _first_since(connection: Connection, account_id: int, since: datetime) -> int:
    """An entry that lies before all those that the account's tail got since a moment.

    Looks from the newest back, in growing pages, until one has nothing as new.
    """
    before, most = _NEWEST, FIRST_PAGE
    while True:
        lowest, new = connection.exec_driver_sql(
            _PAGE, {"account": account_id, "since": since, "before": before, "most": most}
        ).one()
        if not new:
            return before
        before, most = lowest, most * PAGES_GROW


def latest(connection: Connection, account_id: int, most: int) -> list[str]:
    """The account's latest entries, newest first: `21/11 +500.00 ASHA`, or a bill's account."""
    lines = last_lines(connection, account_id, most)
    said = {
        row[0]: row[1:]
        for row in connection.exec_driver_sql(_SAID, ([line.entry_id for line in lines],))
    }
    return [
        _line(line.happened_at, line.amount_minor, *said.get(line.entry_id, ())) for line in lines
    ]


def _line(
    at: datetime,
    amount_minor: int,
    payer: str | None = None,
    payee: str | None = None,
    reference: str | None = None,
) -> str:
    day = nairobi(at)
    came = amount_minor > 0
    other = reference if came and reference else two_names((payer if came else payee) or "Kabambe")
    sign = "+" if came else "-"
    text = f"{day.day}/{day.month} {sign}{format_minor(abs(amount_minor))} {other}"
    return text[:LINE_WIDTH].rstrip()
