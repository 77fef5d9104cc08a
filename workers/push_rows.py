"""Pushes' rows as a worker sees them: asked for, asked about, ended. All their SQL is here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ussd_app.domain.mpesa.pushes import COLUMNS, Push
from ussd_app.kernel.daraja import account_number, can_be

SENDING_LIMIT_S = 60.0
"""No call lasts this long; a push that is `sent` for longer has lost its worker."""
FIRST_LOOK_S = 30.0
LONGEST_LOOK_S = 900.0
MOST_AGE = timedelta(hours=48)
"""So long after it a push can still be asked about."""
EARLIER_S = 60.0
"""Clocks differ: a payment may seem to be entered before it was asked for."""

_COLUMNS = ", ".join(COLUMNS)
_SELECT = f"SELECT {_COLUMNS} FROM pushes"  # noqa: S608 - our own columns

_CLAIM = f"""
UPDATE pushes SET state = 'sent', attempts = attempts + 1, claimed_by = %s, claimed_at = %s
WHERE id = (SELECT id FROM pushes WHERE state = 'created' AND due_at <= %s AND ended_at IS NULL
             ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns
_ABANDON = """
UPDATE pushes SET state = 'unknown', error = 'its worker was lost', due_at = %s
WHERE state = 'sent' AND claimed_at < %s AND ended_at IS NULL
"""
_DOUBTFUL = f"""
UPDATE pushes SET looks = looks + 1,
    due_at = %s + least(%s * 2 ^ least(looks, 20), %s) * interval '1 second'
WHERE id = (SELECT id FROM pushes WHERE state IN ('accepted', 'unknown') AND due_at <= %s
               AND ended_at IS NULL ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns
_TAKEN = """
UPDATE pushes SET state = 'accepted', merchant_id = %s, checkout_id = %s, due_at = %s, error = NULL
WHERE id = %s AND state IN ('sent', 'unknown') AND attempts = %s AND checkout_id IS NULL
"""
_AGAIN = """
UPDATE pushes SET state = %s, due_at = %s, error = %s
WHERE id = %s AND state = 'sent' AND attempts = %s
"""
_CODE = "UPDATE pushes SET result_code = %s WHERE id = %s AND ended_at IS NULL"
_GIVEN_UP = "UPDATE pushes SET state = 'unknown', due_at = NULL, error = %s WHERE id = %s"
_FAILED = """
UPDATE pushes SET state = 'failed', result_code = %s, error = NULL, due_at = NULL, ended_at = %s
WHERE id = %s AND ended_at IS NULL
"""
_PAID = """
UPDATE pushes SET state = 'succeeded', mpesa = %s, guessed = %s, result_code = '0', error = NULL,
    due_at = NULL, ended_at = %s
WHERE id = %s
"""
_GUESSED = """
UPDATE pushes SET state = 'unknown', mpesa = NULL, guessed = false, ended_at = NULL, due_at = %s
WHERE mpesa = %s AND id <> %s
"""
_NAMELESS = f"""
{_SELECT} WHERE msisdn = %s AND amount_minor = %s AND checkout_id IS NULL
    AND state IN ('sent', 'unknown') ORDER BY id FOR UPDATE
"""
_NAMED = "UPDATE pushes SET checkout_id = %s, merchant_id = %s WHERE id = %s"
_RECEIPTS = """
SELECT mpesa, payer FROM mpesa_receipts r
WHERE account = %s AND amount_minor = %s AND entered_at >= %s
  AND NOT EXISTS (SELECT FROM pushes p WHERE p.mpesa = r.mpesa)
ORDER BY entered_at, mpesa
"""


def claim(connection: Connection, worker: str, now: datetime) -> Push | None:
    """Mark the oldest that is due as being asked for."""
    return _one(connection, _CLAIM, (worker, now, now))


def abandon(connection: Connection, now: datetime) -> int:
    """Pushes whose worker was lost may be on a phone or not. Returns how many."""
    since = now - timedelta(seconds=SENDING_LIMIT_S)
    return connection.exec_driver_sql(_ABANDON, (now, since)).rowcount


def doubtful(connection: Connection, now: datetime) -> Push | None:
    """The one that is due to be asked about; it is due again after a growing pause."""
    return _one(connection, _DOUBTFUL, (now, FIRST_LOOK_S, LONGEST_LOOK_S, now))


def taken(connection: Connection, push: Push, merchant: str, checkout: str, now: datetime) -> bool:
    """Safaricom asks the phone, under these names. False when the row has moved on."""
    due = now + timedelta(seconds=FIRST_LOOK_S)
    given = (merchant, checkout, due, push.id, push.attempts)
    return connection.exec_driver_sql(_TAKEN, given).rowcount == 1


def not_now(connection: Connection, push: Push, due_at: datetime, why: str) -> None:
    """It was certainly not taken, and is asked for again at that time."""
    connection.exec_driver_sql(_AGAIN, ("created", due_at, why, push.id, push.attempts))


def in_doubt(connection: Connection, push: Push, now: datetime, why: str) -> None:
    """The phone may be asked or not: never asked for again, looked after from now on."""
    due = now + timedelta(seconds=FIRST_LOOK_S)
    connection.exec_driver_sql(_AGAIN, ("unknown", due, why, push.id, push.attempts))


def said(connection: Connection, push: Push, code: str) -> None:
    """Safaricom has said how it ended; the receipt is still to come."""
    connection.exec_driver_sql(_CODE, (code, push.id))


def give_up(connection: Connection, push: Push, why: str) -> None:
    """Nobody can be asked any more; what comes by itself still counts."""
    connection.exec_driver_sql(_GIVEN_UP, (why, push.id))


def failed(connection: Connection, push: Push, code: str, now: datetime) -> bool:
    """Nothing was paid. False when it has ended already."""
    return connection.exec_driver_sql(_FAILED, (code, now, push.id)).rowcount == 1


def paid(
    connection: Connection, push: Push, mpesa: str, now: datetime, *, guessed: bool = False
) -> None:
    """It was paid by this receipt, whatever was said of it before. Another push of which the same
    was only guessed is looked after again."""
    connection.exec_driver_sql(_GUESSED, (now, mpesa, push.id))
    connection.exec_driver_sql(_PAID, (mpesa, guessed, now, push.id))


def by_checkout(connection: Connection, checkout: str) -> Push | None:
    """Lock and read the push that Safaricom names so."""
    return _one(connection, f"{_SELECT} WHERE checkout_id = %s FOR UPDATE", (checkout,))


def nameless(connection: Connection, msisdn: str, amount_minor: int) -> list[Push]:
    """Lock and read those of a number and an amount of which we never learned Safaricom's name."""
    rows = connection.exec_driver_sql(_NAMELESS, (msisdn, amount_minor))
    return [Push(*row) for row in rows]


def name(connection: Connection, push: Push, checkout: str, merchant: str) -> None:
    """Learn what Safaricom calls a push."""
    connection.exec_driver_sql(_NAMED, (checkout, merchant, push.id))


def receipts_for(connection: Connection, push: Push) -> list[str]:
    """M-PESA receipts that were entered and may be this push's, oldest first."""
    since = push.created_at - timedelta(seconds=EARLIER_S)
    given = (account_number(push.account), push.amount_minor, since)
    rows: Sequence[Any] = connection.exec_driver_sql(_RECEIPTS, given).all()
    return [row.mpesa for row in rows if not row.payer or can_be(row.payer, push.msisdn)]


def _one(connection: Connection, statement: str, given: tuple[object, ...]) -> Push | None:
    row = connection.exec_driver_sql(statement, given).fetchone()
    return Push(*row) if row else None
