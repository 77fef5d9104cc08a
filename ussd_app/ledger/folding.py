"""The folder: brings what was appended to tallied accounts into their rows, in the background.

Each account is folded in a commit of its own, so a folder that dies loses nothing, and two at once
only share the work. Nothing waits for it but the length of the tails. Knows no schedule.
"""

from sqlalchemy import Engine

MOST_ROWS = 50_000
"""How many rows of one tail are folded in one commit."""

# A loose scan of the index: one step an account, however long the tails are.
_WITH_TAIL = """
WITH RECURSIVE with_tail(id) AS (
    (SELECT account_id FROM tail ORDER BY account_id LIMIT 1)
    UNION ALL
    SELECT (SELECT t.account_id FROM tail t WHERE t.account_id > with_tail.id
             ORDER BY t.account_id LIMIT 1)
      FROM with_tail WHERE with_tail.id IS NOT NULL)
SELECT id FROM with_tail WHERE id IS NOT NULL
UNION
SELECT s.account_id FROM shards s JOIN accounts a ON a.id = s.account_id
 WHERE a.mode <> 'sharded' AND s.balance_minor <> 0
"""


def fold(engine: Engine) -> int:
    """Fold every tail once, and shards that no mode uses any more. Returns how many rows went in.

    An account whose row is held by another at this moment is left for the next time.
    """
    with engine.connect() as connection:
        accounts = [int(row[0]) for row in connection.exec_driver_sql(_WITH_TAIL)]
    return sum(_fold_one(engine, account) for account in accounts)


def _fold_one(engine: Engine, account: int) -> int:
    total = 0
    while True:
        with engine.begin() as connection:
            statement = "SELECT ledger_fold(%s, %s)"
            row = connection.exec_driver_sql(statement, (account, MOST_ROWS)).one()
            folded = int(row[0])
        total += folded
        if folded < MOST_ROWS:
            return total


def level(engine: Engine) -> int:
    """Give the shards of every sharded account equal shares again. Returns how many accounts."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT id FROM accounts WHERE mode = 'sharded'")
        accounts = [int(row[0]) for row in rows]
    for account in accounts:
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT ledger_level(%s)", (account,))
    return len(accounts)
