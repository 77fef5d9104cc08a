"""For staff at a terminal: who has applied, approve, refuse, suspend, resume, sell float, terms.

Two different people must say `approve`, `resume` or new `terms`, each in a command of their own; to
sell float both are named.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ussd_app.bootstrap import build
from ussd_app.domain import agencies, amendments, applications
from ussd_app.domain.amendments import Amendment
from ussd_app.domain.applications import UNDER, OpenApplication
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import format_minor, parse_minor
from ussd_app.kernel.msisdn import mask
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
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
            _add_terms(words)
    words = what.add_parser("terms", help="what is agreed, and has been; or agree something else")
    words.add_argument("kind")
    words.add_argument("number")
    words.add_argument("--staff", metavar="NAME", help="who wants the change, or what is proposed")
    _add_terms(words)
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


def _add_terms(words: argparse.ArgumentParser) -> None:
    words.add_argument(
        "--term",
        action="append",
        type=_term,
        default=[],
        metavar="NAME=VALUE",
        help="also under=NUMBER; an empty value takes a term away",
    )


def _term(text: str) -> tuple[str, str]:
    """`bearer=shared`; without a value the term is taken away. Raises ValueError."""
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError
    return name.strip(), value.strip()


def agreements(settings: Settings, options: argparse.Namespace) -> int:
    """Do what staff say. Returns 1 when it cannot be done."""
    with _desk(settings) as desk:
        try:
            must_be_signed(desk, options)
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
    under = f" under {one.under}" if one.under else ""
    said = f"  approved by {', '.join(one.approved_by)}" if one.approved_by else ""
    return (
        f"{one.id:>6}  {one.kind:<8} {one.name:<30} {one.applicant} {mask(one.msisdn)}"
        f"  {nairobi(one.applied_at):%Y-%m-%d}  {_said(one.terms)}{under}{said}"
    )


def _approve(desk: Desk, options: argparse.Namespace) -> str:
    terms = dict(options.term) | ({UNDER: options.under} if options.under else {})
    made = applications.approve(desk, options.application, options.staff, terms=terms)
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


def _terms(desk: Desk, options: argparse.Namespace) -> str:
    kind, number, terms = options.kind, options.number, dict(options.term)
    if options.staff is None:
        if terms:
            raise Undecided("Say who wants that: --staff NAME.")
        return _agreed(desk, kind, number)
    if not amendments.amend(desk, kind, number, options.staff, terms):
        return ONE_MORE
    return f"{_agreed(desk, kind, number)}\nThat holds from now on."


def _agreed(desk: Desk, kind: str, number: str) -> str:
    """What is agreed now, and every change that was made or is proposed."""
    found, under, changes = amendments.of(desk, kind, number)
    now = {**({UNDER: under} if under else {}), **found.terms}
    return "\n".join([f"{found.name}, {kind} {number}: {_said(now)}", *map(_change, changes)])


def _change(one: Amendment) -> str:
    by = ", ".join(one.approvals)
    at = f"{nairobi(one.ended_at or one.proposed_at):%Y-%m-%d %H:%M}"
    was = f" (was {_said(one.was)})" if one.was is not None else ""
    return f"  {at}  {one.state} by {by}: {_said(one.terms)}{was}"


def _said(terms: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in terms.items())


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
    "terms": _terms,
}
