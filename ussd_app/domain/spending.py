"""What came into a wallet and what went out, entry by entry, and what it was for.

Read from the book itself, so that every sum is the ledger's. A wallet's entries are numbered one by
one (`version`), so they are read from the newest back, a page a statement, as far as is wanted: the
cost is what has happened since, however old the wallet.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.days import at_hour
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names

FEES, OTHER = "fees", "other"
PAGE = 50
SKEW = timedelta(minutes=5)
"""A wallet's entries are in the order of their moments, but for so long: they wait for locks."""

_LINES = """
WITH mine AS (
    SELECT entry_id, version, sum(minor)::bigint AS minor, max(balance) AS balance_minor
    FROM (SELECT entry_id, to_version AS version, amount_minor AS minor, to_balance AS balance
            FROM legs WHERE to_id = %(account)s AND to_shard = 0 AND to_version {which}
          UNION ALL
          SELECT entry_id, from_version, -amount_minor, from_balance
            FROM legs WHERE from_id = %(account)s AND from_shard = 0 AND from_version {which}) l
    GROUP BY entry_id, version)
SELECT e.id, coalesce(e.facts->>'ends', e.receipt) AS receipt, e.type, e.happened_at,
       m.minor, m.balance_minor,
       CASE WHEN r.paid THEN coalesce((e.facts->'price'->>'fee')::bigint, 0) ELSE 0 END AS fee,
       coalesce(e.facts->'said'->(CASE WHEN r.paid THEN 'payee' ELSE 'payer' END)->>'name', '')
           AS other,
       coalesce(e.facts->'said'->(CASE WHEN r.paid THEN 'payee' ELSE 'payer' END)->>'number', '')
           AS number,
       t.category AS tag, g.terms->>'category' AS business,
       coalesce(e.reverses, d.original_id) AS gives_back
FROM mine m
JOIN entries e ON e.id = m.entry_id
CROSS JOIN LATERAL (SELECT (e.facts->'roles'->>'payer')::bigint = %(account)s AS paid) r
LEFT JOIN tags t ON t.entry_id = e.id AND t.party_id = %(party)s
LEFT JOIN agreements g ON g.account_id = (e.facts->'roles'->>'payee')::bigint
LEFT JOIN disputes d ON d.hold_id = e.settles
ORDER BY m.version
"""
_BETWEEN = _LINES.format(which="BETWEEN %(first)s AND %(last)s")
_THOSE = _LINES.format(which="= ANY (%(versions)s)")
_NEWEST = "SELECT version FROM accounts WHERE id = %s"
_WENT_OUT = """
SELECT DISTINCT from_version FROM legs WHERE from_id = %s AND from_shard = 0
ORDER BY from_version DESC LIMIT %s
"""


class Line(NamedTuple):
    """What one entry did to a wallet, in minor units: negative went out. `receipt` is what the
    customer was told: of what was held first, that of the promise. `other` is who was on the
    other side; `tag` and `business` are what the payer or the payee said that it was for, and
    `gives_back` is the entry of which this one gives back all or a part."""

    entry_id: int
    receipt: str
    type: str
    happened_at: datetime
    minor: int
    balance_minor: int
    fee_minor: int
    other: str
    number: str
    tag: str | None
    business: str | None
    gives_back: int | None

    @property
    def who(self) -> str:
        """The other side as others may see it: a person's two names, a business's whole one."""
        if self.number.startswith("+"):
            return two_names(self.other)
        return self.other.upper() or "KABAMBE"


class Month(NamedTuple):
    """A month's sums in minor units; `went_for` by category, largest first."""

    first: date
    came_minor: int
    went_minor: int
    went_for: list[tuple[str, int]]

    @property
    def name(self) -> str:
        """`11/2026`."""
        return f"{self.first.month}/{self.first.year}"


def since(connection: Connection, party: Party, moment: datetime) -> list[Line]:
    """What moved the party's wallet, in the book's order, from its first line at or after a moment
    on."""
    found: list[Line] = []
    last = connection.exec_driver_sql(_NEWEST, (party.wallet_id,)).scalar_one()
    while last > 0 and (not found or found[0].happened_at >= moment - SKEW):
        found[:0] = _between(connection, party, max(1, last - PAGE + 1), last)
        last -= PAGE
    start = next((n for n, line in enumerate(found) if line.happened_at >= moment), len(found))
    return found[start:]


def newest(connection: Connection, party: Party) -> Line | None:
    """The last line of the party's wallet; None when nothing ever moved it."""
    last = connection.exec_driver_sql(_NEWEST, (party.wallet_id,)).scalar_one()
    return next(iter(_between(connection, party, last, last)), None)


def last_out(connection: Connection, party: Party, most: int) -> list[Line]:
    """The last lines that took something out of the party's wallet, newest first."""
    rows = connection.exec_driver_sql(_WENT_OUT, (party.wallet_id, most))
    given = {"account": party.wallet_id, "party": party.id, "versions": list(rows.scalars())}
    return [Line(*row) for row in connection.exec_driver_sql(_THOSE, given)][::-1]


def _between(connection: Connection, party: Party, first: int, last: int) -> list[Line]:
    given = {"account": party.wallet_id, "party": party.id, "first": first, "last": last}
    return [Line(*row) for row in connection.exec_driver_sql(_BETWEEN, given)]


def before(found: Iterable[Line], day: date) -> list[Line]:
    """Those of the lines that happened before a Nairobi day."""
    until = at_hour(day, 0)
    return [line for line in found if line.happened_at < until]


def category(catalogue: Catalogue, line: Line) -> str:
    """What a line was for: the customer's word, the business's, the type's; else `other`."""
    kind = catalogue.types.get(line.type)
    known = names(catalogue)
    said = (line.tag, line.business, kind.category if kind else None)
    return next((each for each in said if each is not None and each in known), OTHER)


def names(catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
    """Everything that money can be for, by name and language."""
    return {**catalogue.categories, **catalogue.spending}


def month(catalogue: Catalogue, first: date, found: Iterable[Line]) -> Month:
    """The sums of a month's lines. What was given back within the month counts neither as spent
    nor as income; what comes back of an earlier month's payment comes in where it came, for the
    sums of a month that were told do not change."""
    came = went = 0
    went_for: Counter[str] = Counter()
    for line in _settled(found):
        if line.minor > 0:
            came += line.minor
            continue
        fee = min(line.fee_minor, -line.minor)
        went -= line.minor
        went_for[category(catalogue, line)] += -line.minor - fee
        went_for[FEES] += fee
    largest = sorted((+went_for).items(), key=lambda row: (-row[1], row[0]))
    return Month(first, came, went, largest)


def _settled(found: Iterable[Line]) -> list[Line]:
    """The lines, each less what was given back of it among them."""
    by_entry = {line.entry_id: line for line in found}
    for line in list(by_entry.values()):
        original = by_entry.get(line.gives_back or 0)
        if original is not None:
            left = original.minor + line.minor
            by_entry[original.entry_id] = original._replace(minor=left)
            del by_entry[line.entry_id]
    return list(by_entry.values())
