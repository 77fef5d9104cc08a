"""What stands between somebody and a mistake, or a thief: windows of maintenance, too many payments
in a minute, an amount far above the habit, people whom we may not serve.

Looks only; limits are `limits`' business, and money is nobody's here.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain.catalogue import Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import moment
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.prepared import Prepared
from ussd_app.ledger.statements import last_postings

MINUTE_S = 60
LEGS_A_PAYMENT = 4
"""A payment has at most so many legs out of its payer's wallet."""
HABIT_LEGS = 200
"""So many of an account's latest postings are looked at for a habit."""
REASONS = ("deceased", "sanctioned", "fraud", "court")

CLOSED = """
SELECT max(until_at) FROM windows
 WHERE until_at > {now} AND from_at <= {now} AND (types IS NULL OR {type} = ANY (types))
"""
"""Until when a type is closed at a moment; null when it is open."""

_WATCH = Prepared(
    "kabambe_watch",
    f"""
SELECT ({CLOSED.format(now="$1", type="$2")}),
       $5 > 0 AND (promised > $6 OR (SELECT happened_at > $4 FROM entries WHERE id = (
           SELECT DISTINCT entry_id FROM (
               SELECT entry_id FROM legs WHERE from_id = $3 AND from_shard = 0
                ORDER BY from_version DESC LIMIT $5) latest
            ORDER BY entry_id DESC OFFSET greatest(0, $6 - promised) LIMIT 1)))
  FROM (SELECT count(*) AS promised FROM holds h JOIN entries e ON e.id = h.id
         WHERE h.account_id = $3 AND h.state = 'open' AND e.happened_at > $4) p
""",  # noqa: S608 - our own columns
    6,
)


def must_be_open(desk: Desk, kind: Type, payer: Party) -> bool:
    """Whether the payer still keeps within so many payments a minute.

    What is only promised yet (airtime, money to a bank) counts like what was paid. Raises
    Refused(maintenance) while the type is closed. One statement for both.
    """
    now, most = desk.clock.now(), desk.payments_per_minute
    since = now - timedelta(seconds=MINUTE_S)
    asked = (now, kind.name, payer.wallet_id, since, LEGS_A_PAYMENT * most, max(0, most - 1))
    until, hurried = _WATCH.read(desk.reads, asked) or (None, None)
    must_not_be_closed(until)
    return not hurried


def must_not_be_closed(until: datetime | None) -> None:
    """Raises Refused(maintenance) when something is closed until a moment."""
    if until is not None:
        raise Refused(RefusalCode.MAINTENANCE, until=moment(until))


def is_unusual(desk: Desk, account_id: int, worth_minor: int, moved_minor: int) -> bool:
    """Whether a payment is far above what an account usually sends; never of one without a
    habit.

    `worth_minor` is what it is worth in KES, `moved_minor` the same in the account's own asset.
    """
    habit = desk.catalogue.habit
    if worth_minor <= habit.above_minor:
        return False
    since = desk.clock.now() - timedelta(days=habit.days)
    with desk.reads.connect() as connection:
        lines = last_postings(connection, account_id, HABIT_LEGS)
    sent: dict[int, int] = {}
    for line in lines:
        if line.amount_minor < 0 and line.happened_at > since and _counts(desk, line.type):
            sent[line.entry_id] = max(sent.get(line.entry_id, 0), -line.amount_minor)
    return len(sent) >= habit.least and moved_minor > habit.times * max(sent.values())


def _counts(desk: Desk, type_: str) -> bool:
    kind = desk.catalogue.types.get(type_)
    return kind is not None and kind.limits is not None


# windows of maintenance


class Window(NamedTuple):
    """When what is closed; no types are all of them."""

    id: int
    from_at: datetime
    until_at: datetime
    types: list[str] | None
    means: str


def close_for(
    desk: Desk, from_at: datetime, until_at: datetime, types: list[str], means: str, staff: str
) -> int:
    """Announce a window in which some types (without any: all) cannot be started. Returns its id.

    Raises ValueError for a type that nobody knows, or a window that ends before it begins.
    """
    unknown = sorted(set(types) - set(desk.catalogue.types))
    if unknown:
        raise ValueError(f"no such types: {', '.join(unknown)}")
    if until_at <= from_at:
        raise ValueError("it ends before it begins")
    with desk.engine.begin() as connection:
        return int(
            connection.exec_driver_sql(
                "INSERT INTO windows (from_at, until_at, types, means, staff)"
                " VALUES (%s, %s, %s, %s, %s) RETURNING id",
                (from_at, until_at, types or None, means, staff),
            ).scalar_one()
        )


def call_off(desk: Desk, window_id: int) -> bool:
    """End a window now, or before it begins. False when there is none that could end."""
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        ended = connection.exec_driver_sql(
            "UPDATE windows SET until_at = greatest(%s, from_at + interval '1 microsecond')"
            " WHERE id = %s AND until_at > %s",
            (now, window_id, now),
        )
        return ended.rowcount == 1


def windows(desk: Desk) -> list[Window]:
    """What is closed now or will be, soonest first."""
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, from_at, until_at, types, means FROM windows WHERE until_at > %s"
            " ORDER BY from_at, id",
            (desk.clock.now(),),
        )
        return [Window(*row) for row in rows]


# people whom we may not serve


def block(desk: Desk, national_id: str, reason: str, staff: str) -> None:
    """Put a national ID on the list, under every root we have had. Whoever is on it already stays.

    Raises ValueError for a reason that is none.
    """
    if reason not in REASONS:
        raise ValueError(f"the reasons are {', '.join(REASONS)}")
    with desk.engine.begin() as connection:
        for print_ in desk.keyring.fingerprints("national id", national_id):
            connection.exec_driver_sql(
                "INSERT INTO blocked_ids (print, reason, staff, blocked_at)"
                " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (print_, reason, staff, desk.clock.now()),
            )


def unblock(desk: Desk, national_id: str) -> bool:
    """Take a national ID off the list; an account that was frozen stays so until staff say else.

    False when it was not on it.
    """
    prints = desk.keyring.fingerprints("national id", national_id)
    with desk.engine.begin() as connection:
        gone = connection.exec_driver_sql(
            "DELETE FROM blocked_ids WHERE print = ANY (%s)", (prints,)
        )
        return gone.rowcount > 0


def is_blocked(connection: Connection, prints: list[bytes]) -> bool:
    """Whether a national ID, under any root we have had, is on the list."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM blocked_ids WHERE print = ANY (%s) LIMIT 1", (prints,)
    )
    return found.fetchone() is not None


def freeze_blocked(desk: Desk) -> int:
    """Freeze every active party whose national ID is on the list. Returns how many."""
    with desk.engine.begin() as connection:
        return connection.exec_driver_sql(
            "UPDATE parties SET status = 'frozen' WHERE status = 'active'"
            " AND national_id_print IN (SELECT print FROM blocked_ids)"
        ).rowcount
