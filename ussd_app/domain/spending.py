"""What came into a wallet and what went out, entry by entry, and what it was for.

Read from the book itself, so that every sum is the ledger's. Cost: an account's whole history is
looked through by its index; that is one customer's, never everybody's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.days import at_hour
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names

FEES, OTHER = "fees", "other"

_LINES = """
WITH mine AS (
    SELECT entry_id, sum(minor)::bigint AS minor, max(version) AS version
    FROM (SELECT entry_id, amount_minor AS minor, to_version AS version
            FROM legs WHERE to_id = %(account)s
          UNION ALL
          SELECT entry_id, -amount_minor, from_version FROM legs WHERE from_id = %(account)s) l
    GROUP BY entry_id)
SELECT e.id, e.receipt, e.type, e.happened_at, m.minor,
       sum(m.minor) OVER (ORDER BY m.version)::bigint AS balance_minor,
       CASE WHEN r.paid THEN coalesce((e.facts->'price'->>'fee')::bigint, 0) ELSE 0 END AS fee,
       coalesce(e.facts->'said'->(CASE WHEN r.paid THEN 'payee' ELSE 'payer' END)->>'name', '')
           AS other,
       coalesce(e.facts->'said'->(CASE WHEN r.paid THEN 'payee' ELSE 'payer' END)->>'number', '')
           AS number,
       t.category AS tag, g.terms->>'category' AS business
FROM mine m
JOIN entries e ON e.id = m.entry_id
CROSS JOIN LATERAL (SELECT (e.facts->'roles'->>'payer')::bigint = %(account)s AS paid) r
LEFT JOIN tags t ON t.entry_id = e.id AND t.party_id = %(party)s
LEFT JOIN agreements g ON g.account_id = (e.facts->'roles'->>'payee')::bigint
ORDER BY m.version
"""


class Line(NamedTuple):
    """What one entry did to a wallet, in minor units: negative went out. `other` is who was on the
    other side; `tag` and `business` are what the payer or the payee said that it was for."""

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


def lines(connection: Connection, party: Party) -> list[Line]:
    """Everything that ever moved the party's wallet, oldest first."""
    given = {"account": party.wallet_id, "party": party.id}
    return [Line(*row) for row in connection.exec_driver_sql(_LINES, given)]


def within(found: Iterable[Line], first: date, after: date) -> list[Line]:
    """The lines of the Nairobi days from `first` up to, not including, `after`."""
    since, until = at_hour(first, 0), at_hour(after, 0)
    return [line for line in found if since <= line.happened_at < until]


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
    """The sums of a month's lines."""
    came = went = 0
    went_for: Counter[str] = Counter()
    for line in found:
        if line.minor > 0:
            came += line.minor
            continue
        went -= line.minor
        went_for[category(catalogue, line)] += -line.minor - line.fee_minor
        went_for[FEES] += line.fee_minor
    largest = sorted((+went_for).items(), key=lambda row: (-row[1], row[0]))
    return Month(first, came, went, largest)
