"""pgbench's TPC-B-like script: the yardstick of everything that writes to PostgreSQL.

Its own program and script, on the same server, with prepared statements, on ten branches so that
its clients do not queue at one row.
"""

import re
import subprocess

from ussd_app.embedded import Postgres

DATABASE = "tpcb"
SCALE = 10


def prepare(postgres: Postgres) -> None:
    """Make pgbench's tables in a database of their own."""
    postgres.ensure_database(DATABASE)
    _pgbench(postgres, "-i", "-q", "-s", str(SCALE))


def per_second(postgres: Postgres, clients: int, seconds: float) -> float:
    """Transactions a second with so many clients for so many seconds (whole ones)."""
    length = str(max(1, round(seconds)))
    said = _pgbench(postgres, "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", length)
    found = re.search(r"^tps = ([0-9.]+)", said, re.MULTILINE)
    if found is None:
        raise RuntimeError("pgbench did not say how fast it was")
    return float(found[1])


def _pgbench(postgres: Postgres, *options: str) -> str:
    done = subprocess.run(
        [str(postgres.bin_path / "pgbench"), *options, postgres.dsn(DATABASE)],
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    return done.stdout
