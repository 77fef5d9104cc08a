"""`python -m bench` runs every measurement, `python -m bench front_door …` those that are named."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from bench.figures import Figure, table

ORDER = (
    "front_door",
    "ledger_sql",
    "domain_accept",
    "dialogue",
    "day",
    "paybill",
    "receipts",
    "growth",
)
"""Those that are there, in this order; each is a module of this package with a `run()`."""


def main() -> int:
    """Run, print one table, and say by the exit status whether every target was met."""
    here = Path(__file__).parent
    known = [name for name in ORDER if (here / f"{name}.py").exists()]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(known))
    names = parser.parse_args().names or known
    if unknown := [name for name in names if name not in known]:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    figures: list[Figure] = []
    broken: list[str] = []
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            figures += importlib.import_module(f"bench.{name}").run()
        except Exception as fault:
            broken.append(f"{name}: {type(fault).__name__}: {fault}")
        print(f"  took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(table(figures))
    for line in broken:
        print(f"not measured: {line}")
    return 1 if broken or any(figure.met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
