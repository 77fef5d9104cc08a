"""For staff at a terminal: who has applied, approve, refuse, suspend, resume, sell float.

Two different people must say `approve` or `resume`, each in a command of their own; to sell float
both are named.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ussd_app.bootstrap import build
from ussd_app.domain import agencies, applications
from ussd_app.domain.applications import OpenApplication
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import format_minor, parse_minor
from ussd_app.kernel.msisdn import mask
from ussd_app.running.inspection import reachable
from ussd_app.settings import Settings

ONE_MORE = "Noted. Somebody else of the staff must say the same."


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `agreements`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    what.add_parser("list", help="applications that wait")
    for name in ("approve", "refuse"):
        words = what.add_parser(name, help=f"{name} an application")
        words.add_argument("application", type=int)
        words.add_argument("--staff", required=True, metavar="NAME", help="who says so")
        if name == "refuse":
            words.add_argument("--because", required=True, metavar="REASON")
        else:
            words.add_argument("--under", metavar="NUMBER", help="the agreement above it")
            words.add_argument("--term", action="append", default=[], metavar="NAME=VALUE")
    words = what.add_parser("sell-float", help="an agent's money is in the trust account")
    words.add_argument("number")
    words.add_argument("amount", help="in shillings, like 50000")
    words.add_argument("--ref", required=True, help="the bank's own number; it counts once")
    words.add_argument("--staff", required=True, metavar="NAME", help="who saw it")
    words.add_argument("--second", required=True, metavar="NAME", help="who else saw it")
    for name in ("suspend", "resume"):
        words = what.add_parser(name, help=f"{name} an agreement")
        words.add_argument("kind")
        words.add_argument("number")
        words.add_argument("--staff", required=True, metavar="NAME", help="who says so")
        if name == "suspend":
            words.add_argument("--because", required=True, metavar="REASON")


def agreements(settings: Settings, options: argparse.Namespace) -> int:
    """Do what staff say. Returns 1 when it cannot be done."""
    with _desk(settings) as desk:
        try:
            print(SAYINGS[options.what](desk, options))
        except Undecided as undecided:
            print(undecided)
            return 1
    return 0


@contextmanager
def _desk(settings: Settings) -> Iterator[Desk]:
    with reachable(settings) as known:
        app = build(known)
        try:
            yield app.bank.desk
        finally:
            app.close()


def _list(desk: Desk, _options: argparse.Namespace) -> str:
    found = applications.waiting(desk.reads)
    return "\n".join([*map(_line, found), f"{len(found)} applications wait."])


def _line(one: OpenApplication) -> str:
    terms = " ".join(f"{name}={value}" for name, value in one.terms.items())
    under = f" under {one.under}" if one.under else ""
    said = f"  approved by {', '.join(one.approved_by)}" if one.approved_by else ""
    return (
        f"{one.id:>6}  {one.kind:<8} {one.name:<30} {one.applicant} {mask(one.msisdn)}"
        f"  {nairobi(one.applied_at):%Y-%m-%d}  {terms}{under}{said}"
    )


def _approve(desk: Desk, options: argparse.Namespace) -> str:
    terms = dict(term.partition("=")[::2] for term in options.term)
    made = applications.approve(
        desk, options.application, options.staff, under=options.under, terms=terms
    )
    return f"{made.name} is {made.kind} {made.number}." if made else ONE_MORE


def _refuse(desk: Desk, options: argparse.Namespace) -> str:
    applications.refuse(desk, options.application, options.staff, options.because)
    return f"Application {options.application} is refused."


def _suspend(desk: Desk, options: argparse.Namespace) -> str:
    found = applications.suspend(desk, options.kind, options.number, options.staff, options.because)
    return f"{found.name}, {found.kind} {found.number}, is suspended."


def _resume(desk: Desk, options: argparse.Namespace) -> str:
    found = applications.resume(desk, options.kind, options.number, options.staff)
    return f"{found.name}, {found.kind} {found.number}, is active again." if found else ONE_MORE


def _sell_float(desk: Desk, options: argparse.Namespace) -> str:
    minor = parse_minor(options.amount)
    if minor is None:
        raise Undecided(f"{options.amount} is no amount.")
    staff = (options.staff, options.second)
    try:
        receipt = agencies.sell_float(desk, options.number, minor, options.ref, staff)
    except (Refused, ValueError) as refused:
        raise Undecided(str(refused)) from None
    return f"{receipt}: agent {options.number} has KES {format_minor(minor)} more."


SAYINGS: dict[str, Callable[[Desk, argparse.Namespace], str]] = {
    "list": _list,
    "approve": _approve,
    "refuse": _refuse,
    "sell-float": _sell_float,
    "suspend": _suspend,
    "resume": _resume,
}
