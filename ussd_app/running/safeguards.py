"""For staff at a terminal: disputed payments, higher limits, windows of maintenance, blocked IDs.

Two different people must say `grant` or `approve`, each in a command of their own.
"""

import argparse
from collections.abc import Callable, Mapping
from datetime import datetime

from ussd_app.bootstrap import build
from ussd_app.domain import guards, kyc, verdicts
from ussd_app.domain.desk import Desk
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import NAIROBI, nairobi
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import mask
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
from ussd_app.settings import Settings

ONE_MORE = "Noted. Somebody else of the staff must say the same."
Options = argparse.Namespace
Doing = Callable[[Desk, Options], str]


def add_words(name: str, parser: argparse.ArgumentParser) -> None:
    """What can be said after `reversals`, `kyc`, `windows` or `blocked`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    for word in (said for of, said in SAYINGS if of == name):
        words = what.add_parser(word)
        if word in ("grant", "approve", "refuse", "end"):
            words.add_argument("id", type=int)
        if word in ("add", "remove") and name == "blocked":
            words.add_argument("national_id", help="as on the card")
        if word == "add" and name == "blocked":
            words.add_argument("--because", required=True, choices=guards.REASONS)
        if word == "add" and name == "windows":
            _add_window_words(words)
        if word not in ("list", "end", "remove"):
            words.add_argument("--by", required=True, type=_who, metavar="NAME", help="who says so")


def _add_window_words(words: argparse.ArgumentParser) -> None:
    for end in ("from", "until"):
        words.add_argument(f"--{end}", dest=f"{end}_at", required=True, type=_moment)
    words.add_argument("--type", action="append", default=[], help="one that is closed; else all")
    words.add_argument("--means", required=True, metavar="WHY")


def _who(text: str) -> str:
    """A name of 2 to 40 letters. Raises ValueError."""
    name = text.strip()
    if not 2 <= len(name) <= 40:
        raise ValueError
    return name


def _moment(text: str) -> datetime:
    """`2026-11-22 23:30`, on a Kenyan wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=NAIROBI)


def manage(settings: Settings, options: Options) -> int:
    """Do what staff say. Returns 1 when it cannot be done."""
    with reachable(settings) as known:
        app = build(known)
        try:
            must_be_signed(app.bank.desk, options)
            print(SAYINGS[options.command, options.what](app.bank.desk, options))
        except (Undecided, ValueError) as failure:
            print(failure)
            return 1
        finally:
            app.close()
    return 0


def _disputes(desk: Desk, _options: Options) -> str:
    found = verdicts.with_staff(desk)
    lines = [
        f"{one.id:>6}  {one.receipt}  {one.type:<12} {format_minor(one.held_minor):>14} held of"
        f" {format_minor(one.amount_minor)}  until {nairobi(one.decide_by):%Y-%m-%d %H:%M}"
        f"{_said(one.approvals)}"
        for one in found
    ]
    return "\n".join([*lines, f"{len(found)} disputes wait."])


def _grant(desk: Desk, options: Options) -> str:
    done = verdicts.grant(desk, options.id, options.by)
    return "The money goes back." if done else ONE_MORE


def _keep(desk: Desk, options: Options) -> str:
    verdicts.refuse(desk, options.id, options.by)
    return "The money stays where it is."


def _requests(desk: Desk, _options: Options) -> str:
    found = kyc.waiting(desk)
    lines = [
        f"{one.id:>6}  {one.name:<30} {mask(one.msisdn)}  to tier {one.tier}"
        f"  {nairobi(one.asked_at):%Y-%m-%d}{_said(one.approvals)}"
        for one in found
    ]
    return "\n".join([*lines, f"{len(found)} requests wait."])


def _approve(desk: Desk, options: Options) -> str:
    return "Raised." if kyc.approve(desk, options.id, options.by) else ONE_MORE


def _stay(desk: Desk, options: Options) -> str:
    kyc.refuse(desk, options.id, options.by)
    return "The limits stay."


def _windows(desk: Desk, _options: Options) -> str:
    found = guards.windows(desk)
    lines = [
        f"{one.id:>6}  {nairobi(one.from_at):%Y-%m-%d %H:%M} to {nairobi(one.until_at):%H:%M}"
        f"  {' '.join(one.types or ['everything'])}: {one.means}"
        for one in found
    ]
    return "\n".join([*lines, f"{len(found)} windows."])


def _announce(desk: Desk, options: Options) -> str:
    given = (options.from_at, options.until_at, options.type, options.means, options.by)
    return f"Window {guards.close_for(desk, *given)}."


def _call_off(desk: Desk, options: Options) -> str:
    return "Ended." if guards.call_off(desk, options.id) else "There is no such window to end."


def _block(desk: Desk, options: Options) -> str:
    guards.block(desk, options.national_id, options.because, options.by)
    return "Blocked. An account on that ID is frozen within seconds while the server runs."


def _unblock(desk: Desk, options: Options) -> str:
    gone = guards.unblock(desk, options.national_id)
    return "Taken off the list." if gone else "It was not on the list."


def _said(approvals: list[str]) -> str:
    return f"  approved by {', '.join(approvals)}" if approvals else ""


SAYINGS: Mapping[tuple[str, str], Doing] = {
    ("reversals", "list"): _disputes,
    ("reversals", "grant"): _grant,
    ("reversals", "refuse"): _keep,
    ("kyc", "list"): _requests,
    ("kyc", "approve"): _approve,
    ("kyc", "refuse"): _stay,
    ("windows", "list"): _windows,
    ("windows", "add"): _announce,
    ("windows", "end"): _call_off,
    ("blocked", "add"): _block,
    ("blocked", "remove"): _unblock,
}
