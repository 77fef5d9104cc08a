"""For staff at a terminal: how our book and Safaricom's stand to each other; post or leave.

The comparison itself is made every hour by the workers, or at once with `now`.
"""

import argparse

from ussd_app.bootstrap import App, build
from ussd_app.domain import differences
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
from ussd_app.settings import Settings


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `reconcile`."""
    what = parser.add_subparsers(dest="what", metavar="what")
    what.add_parser("list", help="the last comparison, and every difference (also without a word)")
    what.add_parser("now", help="ask Safaricom at the workers' next turn and not only on the hour")
    for name, about in (
        ("approve", "agree to the suggested entry; it is posted when two have"),
        ("leave", "leave a difference as it is: nothing is to be entered"),
    ):
        words = what.add_parser(name, help=about)
        words.add_argument("number", type=int)
        words.add_argument("--staff", required=True, metavar="NAME", help="who says so")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Do what staff say. Returns 1 when it cannot be done, and when the books differ."""
    with reachable(settings) as known:
        app = build(known)
        try:
            must_be_signed(app.bank.desk, options)
            return do(app, options)
        except Undecided as undecided:
            print(undecided)
            return 1
        finally:
            app.close()


def do(app: App, options: argparse.Namespace) -> int:
    """Do it, and print what came of it. Returns the exit status. Raises Undecided."""
    desk = app.bank.desk
    if options.what == "approve":
        receipt = differences.approve(desk, options.number, options.staff)
        print(receipt or "Noted; another of the staff must agree, too.")
        return 0
    if options.what == "leave":
        differences.leave(desk, options.number, options.staff)
        print("Left.")
        return 0
    if options.what == "now":
        differences.ask_again(desk)
        print("Safaricom will be asked within a minute while the server runs.")
        return 0
    print(*differences.report(desk), sep="\n")
    return 1 if differences.waiting(desk) else 0
