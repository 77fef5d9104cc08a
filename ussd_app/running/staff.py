"""At a terminal: who of the customers works for the house, and decides from the staff menu."""

import argparse

from sqlalchemy.exc import IntegrityError

from ussd_app.bootstrap import build
from ussd_app.domain import staff
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.msisdn import parse
from ussd_app.running.inspection import reachable
from ussd_app.settings import Settings


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `staff`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    what.add_parser("list", help="everybody, by the name of their decisions")
    add = what.add_parser("add", help="let a customer decide from now on")
    add.add_argument("msisdn")
    add.add_argument("name", help="the name that is written down, like joyce")
    what.add_parser("remove", help="let them decide no more").add_argument("name")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked. Returns 1 when it cannot be done."""
    with reachable(settings) as known:
        app = build(known)
        try:
            if options.what == "list":
                print(*staff.names(app.bank.desk), sep="\n")
            elif options.what == "remove":
                if not staff.remove(app.bank.desk, options.name):
                    print(f"There is no {options.name}.")
                    return 1
            else:
                staff.add(app.bank.desk, parse(options.msisdn) or "", options.name)
        except Refused:
            print("No active customer has that number.")
            return 1
        except IntegrityError:
            print("A name is small letters, and nobody else's.")
            return 1
        finally:
            app.close()
    return 0
