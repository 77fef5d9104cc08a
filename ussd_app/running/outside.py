"""For staff at a terminal: errands of which nobody knows what became, money kept aside, debts.

Whoever decides has asked the reseller or the bank; what they decide is entered with their name.
"""

import argparse
from collections.abc import Callable

from ussd_app.bootstrap import App, build
from ussd_app.domain import clearing, deposits, mpesa_back
from ussd_app.domain.mpesa import matching
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import format_minor, parse_minor
from ussd_app.kernel.msisdn import parse
from ussd_app.running.inspection import reachable
from ussd_app.settings import Settings

MOST = 500
ONE_MORE = "Noted. Somebody else must say so too."


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `outside`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    what.add_parser("list", help="errands in doubt, money kept aside, what is owed")
    for name, about in (
        ("done", "an errand in doubt was done"),
        ("not-done", "an errand in doubt was not done: the money is free again"),
        ("give", "give money that was kept aside to a customer; two people must"),
        ("place", "say whose money from M-PESA is that was kept aside; two people must"),
        ("send-back", "send money that was kept aside back to its bank; two people must"),
        ("give-back", "give money from M-PESA that was kept aside back by reversing its receipt"),
        ("paid", "enter that the reseller or the switch was paid out of trust; two people must"),
    ):
        words = what.add_parser(name, help=about)
        if name == "paid":
            words.add_argument("whom", choices=sorted(clearing.TYPES))
            words.add_argument("amount", help="in shillings")
        words.add_argument("reference")
        if name == "give":
            words.add_argument("phone")
        if name == "place":
            words.add_argument("account", help="a phone, a till, or a pay bill and an account")
        words.add_argument("--staff", required=True, metavar="NAME", help="who says so")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Do what staff say. Returns 1 when it cannot be done."""
    with reachable(settings) as known:
        app = build(known)
        try:
            print(SAYINGS[options.what](app, options))
        except (Undecided, ValueError) as reason:
            print(reason)
            return 1
        except Refused as refused:
            print(f"Refused: {refused.code.value}.")
            return 1
        finally:
            app.close()
    return 0


def _list(app: App, _options: argparse.Namespace) -> str:
    from workers.errand_rows import stopped

    with app.engine.connect() as connection:
        errands = [
            f"{one.reference:<12} {one.kind:<8} {one.state:<10}"
            f" KES {format_minor(one.amount_minor)}  {nairobi(one.created_at):%Y-%m-%d %H:%M}"
            f"  {one.error}"
            for one in stopped(connection, MOST)
        ]
    kept = [
        f"{one.reference:<20} {one.receipt:<10} KES {format_minor(one.amount_minor)}"
        f"  {nairobi(one.came_at):%Y-%m-%d %H:%M}  {one.because}{_said(one.wanted, one.wanted_by)}"
        for one in deposits.waiting(app.engine)
    ]
    kept += [
        f"{one.mpesa:<20} KES {format_minor(one.amount_minor)}"
        f"  {nairobi(one.came_at):%Y-%m-%d %H:%M}  {one.because}:"
        f" {one.facts['account'] or '-'} from {one.facts['sender']}"
        f"{_said(one.wanted, one.wanted_by)}"
        for one in matching.waiting(app.bank.desk)
    ]
    debts = [
        f"owed to the {whom}: KES {format_minor(minor)}"
        for whom, minor in clearing.owed(app.bank.desk).items()
    ]
    counts = f"{len(errands)} errands in doubt, {len(kept)} sums kept aside."
    return "\n".join([*errands, *kept, *debts, counts])


def _decided(done: bool) -> Callable[[App, argparse.Namespace], str]:
    def decide(app: App, options: argparse.Namespace) -> str:
        from workers import errand_rows

        now = app.clock.now()
        with app.engine.begin() as connection:
            if not errand_rows.decide(connection, options.reference, done, now, options.staff):
                raise ValueError(f"{options.reference} is not in doubt.")
        return "Noted; the book follows within seconds while the server runs."

    return decide


def _give(app: App, options: argparse.Namespace) -> str:
    msisdn = parse(options.phone)
    if msisdn is None:
        raise ValueError(f"{options.phone} is no Kenyan mobile number.")
    receipt = deposits.release(app.bank.desk, options.reference, msisdn, options.staff)
    return receipt or ONE_MORE


def _said(wanted: str | None, by: str | None) -> str:
    return f" ({by}: it is for {wanted})" if wanted else ""


def _place(app: App, options: argparse.Namespace) -> str:
    given = (options.reference.upper(), options.account, options.staff)
    with app.engine.begin() as connection:
        receipt = matching.give(app.bank.desk, connection, *given)
    return receipt or ONE_MORE


def _send_back(app: App, options: argparse.Namespace) -> str:
    return deposits.send_back(app.bank.desk, options.reference, options.staff) or ONE_MORE


def _give_back(app: App, options: argparse.Namespace) -> str:
    if mpesa_back.want(app.bank.desk, options.reference, options.staff):
        return "Noted; Safaricom is asked to reverse it within seconds while the server runs."
    return "Noted; another of the staff must want it, too."


def _paid(app: App, options: argparse.Namespace) -> str:
    minor = parse_minor(options.amount)
    if minor is None:
        raise ValueError(f"{options.amount} is no amount.")
    given = (options.whom, minor, options.reference, options.staff)
    return clearing.paid(app.bank.desk, *given) or ONE_MORE


SAYINGS: dict[str, Callable[[App, argparse.Namespace], str]] = {
    "list": _list,
    "done": _decided(True),
    "not-done": _decided(False),
    "give": _give,
    "place": _place,
    "send-back": _send_back,
    "give-back": _give_back,
    "paid": _paid,
}
