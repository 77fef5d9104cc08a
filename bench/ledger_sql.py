"""The ledger in SQL: pgbench calling the one writer, against pgbench's TPC-B-like script.

Same server, same clients, prepared statements, full durability and full safety: triggers,
idempotency hash, versions. 100,000 wallets. All kinds of run take turns, so that a busy machine
slows each alike; what counts is the ratio.
"""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from sqlalchemy import create_engine

from bench.figures import Figure, table
from bench.stage import stage
from ussd_app.embedded import Postgres
from ussd_app.ledger import folding
from ussd_app.ledger.book import Book
from ussd_app.ledger.drafts import Mode

SCRIPTS = Path(__file__).parent / "pgbench"
WALLETS = 100_000
OPENING_MINOR = 100_000_000
BATCH = 100
YARDSTICK = "tpcb"
SCALE = 20
"""TPC-B's branches: more than there are clients, or its clients would queue at one row."""
LEDGER = "kabambe"
CLIENTS = (4, 8, 16)

Rates = dict[tuple[str, int], list[float]]


def run(seconds: float = 3.0, turns: int = 5, clients: Iterable[int] = CLIENTS) -> list[Figure]:
    """Measure every kind of run at each number of clients: many short turns, for a busy machine
    changes its mind within a minute."""
    with stage() as set_up:
        variables = _prepare(set_up.postgres)
        rates: Rates = {}
        for turn in range(turns):
            for count in clients:
                for kind in ("tpcb", "spread", "tallied", "fee", "locked", "batch", "bare"):
                    rate = _rate(set_up.postgres, kind, count, seconds, variables)
                    rates.setdefault((kind, count), []).append(rate)
                _settle(set_up.postgres)
            print(f"  turn {turn + 1} of {turns}", file=sys.stderr)
    return [figure for count in clients for figure in _figures(rates, count)]


def _figures(rates: Rates, clients: int) -> list[Figure]:
    """The figures at one number of clients. A ratio is the median of each turn's own ratio."""

    def against(name: str, kind: str, other: str, least: float | None, times: int = 1) -> Figure:
        ours, theirs = rates[kind, clients], rates[other, clients]
        ratio = median(a * times / b for a, b in zip(ours, theirs, strict=True))
        rate = median(ours) * times
        return Figure(f"{name}, {clients} clients", rate, "/s", rate / ratio, least)

    return [
        against("spread against TPC-B", "spread", "tpcb", 1.6),
        against("all to one tallied account against spread", "tallied", "spread", 0.9),
        against("with a fee leg against without", "fee", "spread", 0.85),
        against("in batches of 100 against TPC-B", "batch", "tpcb", 6.0, BATCH),
        against("all to one locked account against spread", "locked", "spread", None),
        against("spread's rows by one bare statement against TPC-B", "bare", "tpcb", None),
    ]


def _prepare(postgres: Postgres) -> dict[str, int]:
    """Wallets with money, a tallied and a locked account; and pgbench's own tables."""
    postgres.ensure_database(YARDSTICK)
    _pgbench(postgres, YARDSTICK, "-i", "-q", "-s", str(SCALE))
    engine = create_engine(postgres.url(LEDGER))
    book = Book(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO accounts"
            " (kind, owner, asset, book, side, mode, floor_minor, balance_minor)"
            " SELECT 'wallet', 'bench' || n, 'KES', 'emoney', 'credit', 'locked', 0, %s"
            " FROM generate_series(1, %s) n",
            (OPENING_MINOR, WALLETS),
        )
        script = (SCRIPTS / "batch_function.sql").read_text(encoding="utf-8")
        connection.exec_driver_sql(script.replace("%", "%%"))
    modes: tuple[Mode, ...] = ("tallied", "locked")
    names = {
        mode: book.open_account(
            kind=mode,
            owner="bench",
            asset="KES",
            book="emoney",
            side="credit",
            mode=mode,
            floor=0,
        )
        for mode in modes
    }
    with engine.connect() as connection:
        itself = connection.execution_options(isolation_level="AUTOCOMMIT")
        itself.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
    return {"wallets": WALLETS} | names


def _rate(
    postgres: Postgres, kind: str, clients: int, seconds: float, variables: dict[str, int]
) -> float:
    """Transactions a second of one run."""
    given = [
        "-n",
        "-M",
        "prepared",
        "-c",
        str(clients),
        "-j",
        "2",
        "-T",
        str(max(1, round(seconds))),
    ]
    if kind == "tpcb":
        said = _pgbench(postgres, YARDSTICK, *given, "-b", "tpcb-like")
    else:
        defined = [f"-D{name}={value}" for name, value in variables.items()]
        said = _pgbench(postgres, LEDGER, *given, *defined, "-f", str(SCRIPTS / f"{kind}.sql"))
    found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", said, re.MULTILINE)
    if found is None or failed is None or failed[1] != "0":
        raise RuntimeError(f"pgbench, {kind}: {said}")
    return float(found[1])


def _settle(postgres: Postgres) -> None:
    """What the background does in production: fold the tails."""
    engine = create_engine(postgres.url(LEDGER))
    folding.fold(engine)
    engine.dispose()


def _pgbench(postgres: Postgres, database: str, *options: str) -> str:
    done = subprocess.run(
        [str(postgres.bin_path / "pgbench"), *options, postgres.dsn(database)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
    return done.stdout


def main() -> None:
    """Print the figures; `--long` runs 5 s a cell and fifteen turns."""
    long = "--long" in sys.argv
    print(table(run(5.0, 15) if long else run()))


if __name__ == "__main__":
    main()
