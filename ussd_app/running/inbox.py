"""For staff at a terminal: what the world told us and no machine understood; see, repeat, leave.

Numbers of phones are masked but where an account number was typed, secrets are dots, and nothing
is printed that a terminal would obey.
"""

import argparse
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ussd_app.bootstrap import App, build
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.msisdn import mask
from ussd_app.logs import DOTS, SECRET_NAMES
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
from ussd_app.settings import Settings

if TYPE_CHECKING:
    from workers.kept import Kept

_PHONE = re.compile(r"(?<![0-9A-Za-z])(?:\+?254|0)([17][0-9]{8})(?![0-9])")
_ACCOUNT = re.compile(r'("(?:BillRefNumber|AccountReference)"\s*:\s*)("[^"\\]*"|[0-9]+)')
_SECRET = re.compile(
    r'("?[a-z_]*(?:pin|password|passkey|credential|secret|token|otp)"?\s*[:=]\s*)'
    r'("(?:[^"\\]|\\.)*"?|[^\s,&}]+)',
    re.IGNORECASE,
)


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `inbox`."""
    what = parser.add_subparsers(dest="what", metavar="what")
    what.add_parser("list", help="what waits for people (also without a word)")
    for name, about in (
        ("show", "all that was said"),
        ("replay", "have it understood again, after what was wrong is mended"),
        ("leave", "it was dealt with, or nothing is to be done"),
    ):
        words = what.add_parser(name, help=about)
        words.add_argument("number", type=int)
        if name == "leave":
            words.add_argument("--staff", required=True, metavar="NAME", help="who says so")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Do what staff say. Returns 1 when it cannot be done."""
    from workers.kept import NotKept

    with reachable(settings) as known:
        app = build(known)
        try:
            must_be_signed(app.bank.desk, options)
            print(SAYINGS[options.what or "list"](app, options))
        except (NotKept, Undecided) as why:
            print(why)
            return 1
        finally:
            app.close()
    return 0


def _list(app: App, _options: argparse.Namespace) -> str:
    from workers.kept import MOST, kept

    found = kept(app.engine)
    more = " or more" if len(found) == MOST else ""
    return "\n".join([*map(_line, found), f"{len(found)}{more} wait for people."])


def _line(one: "Kept") -> str:
    return (
        f"{one.id:>8}  {one.kind:<22} {nairobi(one.received_at):%Y-%m-%d %H:%M}"
        f"  {plain(one.about):<40}  {one.error}"
    )


def _show(app: App, options: argparse.Namespace) -> str:
    from workers.kept import show

    one = show(app.engine, options.number)
    said = [f"  {name}: {_value(name, str(value))}" for name, value in one.body.items()]
    state = f"  {one.state}, {one.attempts} tries"
    return "\n".join([_line(one), state, *said])


def _value(name: str, value: str) -> str:
    if name == "account":
        return _printable(value)
    return DOTS if name.lower() in SECRET_NAMES else plain(value)


def plain(text: str) -> str:
    """What was said, as it may be shown."""
    pieces, end = [], 0
    for account in _ACCOUNT.finditer(text):
        pieces += [_hidden(text[end : account.start()]), _printable(account[0])]
        end = account.end()
    return "".join([*pieces, _hidden(text[end:])])


def _hidden(text: str) -> str:
    without = _SECRET.sub(lambda found: found[1] + DOTS, text)
    return _printable(_PHONE.sub(lambda found: mask(f"+254{found[1]}"), without))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _replay(app: App, options: argparse.Namespace) -> str:
    from workers.kept import replay

    replay(app.engine, options.number, app.clock.now())
    return "It will be understood again within seconds while the server runs."


def _leave(app: App, options: argparse.Namespace) -> str:
    from workers.kept import leave

    leave(app.engine, options.number, options.staff, app.clock.now())
    return "Left."


SAYINGS: Mapping[str, Callable[[App, argparse.Namespace], str]] = {
    "list": _list,
    "show": _show,
    "replay": _replay,
    "leave": _leave,
}
