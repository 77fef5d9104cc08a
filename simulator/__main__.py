"""The command line: `python -m simulator <serve|dial|play|replay|rewrite|load>`."""

import argparse
import os
import sys
from collections.abc import Sequence

from ussd_app.settings import SettingsInvalid


def _serve(_options: argparse.Namespace) -> int:
    from simulator.server import Plan, serve

    try:
        plan = Plan.read(os.environ)
    except SettingsInvalid as invalid:
        print("The settings are not right:", *invalid.faults, sep="\n  ", file=sys.stderr)
        return 2
    serve(plan, lambda line: print(line, flush=True))
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description="A telco to test by.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("serve", help="the page with the phones, and the SMS gateway")
    options = parser.parse_args(words)
    return {"serve": _serve}[options.command](options)


if __name__ == "__main__":
    sys.exit(main())
