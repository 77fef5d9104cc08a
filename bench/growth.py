"""Growth: balance, mini statement and posting with ten thousand and with two million postings.

Two databases on one server, alike but for their history; the same thousand wallets. Operations take
turns between them, through Python as the server makes them; what is compared is the median time.
"""

import itertools
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from sqlalchemy import Engine, create_engine

from bench.figures import Figure, table
from bench.stage import stage
from migrations.apply import upgrade
from ussd_app.embedded import Postgres
from ussd_app.ledger import statements
from ussd_app.ledger.book import Book, Draft, Leg

SMALL = 10_000
LARGE = 2_000_000
WALLETS = 1_000
MOST_RATIO = 1.3

# Every wallet pays its neighbours in turn; versions and balances as the writer would count them.
_HISTORY = """
INSERT INTO accounts (id, kind, owner, asset, book, side, mode, floor_minor, balance_minor)
SELECT n, 'wallet', n::text, 'KES', 'emoney', 'credit', 'locked', 0, 1000000000
  FROM generate_series(1, {wallets}) n;
CREATE TEMP TABLE plan AS
SELECT i AS id, 1 + i % {wallets} AS from_id, 1 + (i + 1 + i / {wallets} % 97) % {wallets} AS to_id
  FROM generate_series(1, {entries}) i;
CREATE TEMP TABLE sides AS
SELECT id, account_id, row_number() OVER w AS version, 1000000000 + sum(delta) OVER w AS balance
  FROM (SELECT id, from_id AS account_id, -1 AS delta FROM plan
        UNION ALL SELECT id, to_id, 1 FROM plan) s
WINDOW w AS (PARTITION BY account_id ORDER BY id);
INSERT INTO answers (id, scope, key, request_hash, receipt, type, code, catalogue, happened_at,
                     facts, legs)
SELECT id, 'old', id::text, '\\x0102030405060708', 'OLD' || id, 'send_money', 1101, 'f00d', now(),
       '{{}}', 1 FROM plan;
INSERT INTO legs (entry_id, leg, from_id, to_id, amount_minor, from_version, from_balance,
                  to_version, to_balance, from_shard, to_shard)
SELECT p.id, 1, p.from_id, p.to_id, 1, f.version, f.balance, t.version, t.balance, 0, 0
  FROM plan p JOIN sides f ON f.id = p.id AND f.account_id = p.from_id
  JOIN sides t ON t.id = p.id AND t.account_id = p.to_id;
UPDATE accounts a SET version = s.version, balance_minor = s.balance
  FROM (SELECT DISTINCT ON (account_id) account_id, version, balance FROM sides
         ORDER BY account_id, version DESC) s WHERE s.account_id = a.id;
SELECT setval('entries_id_seq', {entries}), setval('accounts_id_seq', {wallets});
"""


def run(rounds: int = 400, large: int = LARGE) -> list[Figure]:
    """Measure each operation at both sizes. `large` is the number of postings (two an entry)."""
    with stage() as set_up:
        engines = [
            _grown(set_up.postgres, "small", SMALL),
            _grown(set_up.postgres, "large", large),
        ]
        figures = [
            _compare(name, [make(engine) for engine in engines], rounds)
            for name, make in OPERATIONS.items()
        ]
        for engine in engines:
            engine.dispose()
    return figures


def _grown(postgres: Postgres, name: str, postings: int) -> Engine:
    """A database with a history."""
    postgres.ensure_database(name)
    upgrade(postgres.url(name))
    engine = create_engine(postgres.url(name))
    script = _HISTORY.format(wallets=WALLETS, entries=postings // 2)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("ALTER TABLE accounts ENABLE ALWAYS TRIGGER nature")
        connection.exec_driver_sql(script.replace("%", "%%"))
    with engine.connect() as connection:
        itself = connection.execution_options(isolation_level="AUTOCOMMIT")
        itself.exec_driver_sql("VACUUM ANALYZE")
    return engine


Operation = Callable[[], object]


def _balance(engine: Engine) -> Operation:
    def once() -> object:
        with engine.connect() as connection:
            return statements.balance(connection, random.randint(1, WALLETS))

    return once


def _last_five(engine: Engine) -> Operation:
    def once() -> object:
        with engine.connect() as connection:
            return statements.last_lines(connection, random.randint(1, WALLETS), 5)

    return once


def _past(engine: Engine) -> Operation:
    def once() -> object:
        with engine.connect() as connection:
            return statements.balance_at(
                connection, random.randint(1, WALLETS), datetime(2026, 1, 1, tzinfo=UTC)
            )

    return once


def _post(engine: Engine) -> Operation:
    book, numbers = Book(engine), itertools.count()

    def once() -> object:
        number = next(numbers)
        payer = random.randint(1, WALLETS - 1)
        draft = Draft(
            scope="bench",
            key=f"new{number}",
            request_hash=b"request!",
            type="send_money",
            code=1101,
            catalogue="f00d",
            receipt=f"NEW{number}",
            happened_at=datetime.now(UTC),
            legs=(Leg(payer, payer + 1, 100),),
        )
        return book.post(draft)

    return once


OPERATIONS: dict[str, Callable[[Engine], Operation]] = {
    "balance": _balance,
    "last five": _last_five,
    "balance at a past time": _past,
    "post": _post,
}


def _compare(name: str, operations: list[Operation], rounds: int) -> Figure:
    """The median time at the large size beside that at the small one, in microseconds."""
    times: list[list[float]] = [[] for _ in operations]
    for turn in range(rounds + 20):
        for operation, taken in zip(operations, times, strict=True):
            started = time.perf_counter()
            operation()
            if turn >= 20:
                taken.append((time.perf_counter() - started) * 1e6)
    small, large = median(times[0]), median(times[1])
    return Figure(
        f"{name} at 2 million postings, beside 10 thousand",
        large,
        "µs",
        small,
        most=small * MOST_RATIO if name != "balance at a past time" else None,
    )


def main() -> None:
    """Print the figures; `--long` makes two thousand rounds of each."""
    print(table(run(2_000 if "--long" in sys.argv else 400)))


if __name__ == "__main__":
    main()
