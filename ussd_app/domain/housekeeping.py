"""Forgetting what has expired: prices that were shown, PINs half chosen, one-time codes, questions
to those outside, names that were looked at.

Kept for a day beyond their end, so that whoever still holds one hears the right words, and so that
requests for codes of the same day are still counted. Nothing of the ledger is ever forgotten.
"""

from datetime import timedelta

from ussd_app.domain.desk import Desk

GRACE_S = 86_400
MOST_ROWS = 5_000
"""A statement deletes at most so many rows, and one sweep of a table takes `MOST_TURNS` of them:
short locks, and an end within the statement's time."""
MOST_TURNS = 20

TABLES = (
    *("quotes", "pin_drafts", "unlock_codes", "statements", "sightings", "errand_questions"),
    "name_checks",
)


def sweep(desk: Desk) -> dict[str, int]:
    """Delete what expired more than `GRACE_S` seconds ago. Returns how many rows, by table.

    Raises sqlalchemy.exc.SQLAlchemyError; what was deleted until then stays so.
    """
    past = desk.clock.now() - timedelta(seconds=GRACE_S)
    swept = dict.fromkeys(TABLES, 0)
    for table in TABLES:
        statement = (
            f"DELETE FROM {table} WHERE ctid = ANY (ARRAY("  # noqa: S608 - our own tables
            f"SELECT ctid FROM {table} WHERE expires_at < %s LIMIT {MOST_ROWS}))"
        )
        for _ in range(MOST_TURNS):
            with desk.engine.begin() as connection:
                gone = connection.exec_driver_sql(statement, (past,)).rowcount
            swept[table] += gone
            if gone < MOST_ROWS:
                break
    return swept
