"""For staff at a terminal: errands of which nobody knows what became, money kept aside, debts.

Whoever decides has asked the reseller or the bank; what they decide is entered with their name.
"""

import argparse
from collections.abc import Callable

from ussd_app.bootstrap import App, build
from ussd_app.domain import clearing, deposits, float_back, mpesa_back, mpesa_reversals
from ussd_app.domain.mpesa import matching
from ussd_app.domain.two_of_staff import Undecided, together, waiting
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import format_minor, parse_minor
from ussd_app.kernel.msisdn import parse
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
from ussd_app.settings import Settings

MOST = 500
ONE_MORE = "Noted. Somebody else must say so too."


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `outside`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    what.add_parser("list", help="errands in doubt, money kept aside, what is owed")
    for name, about in (
        ("done", "an errand in doubt was done; two people must"),
        ("not-done", "an errand in doubt was not done, the money is free again; two people must"),
        ("give", "give money that was kept aside to a customer; two people must"),
        ("place", "say whose money from M-PESA is that was kept aside; two people must"),
        ("send-back", "send money that was kept aside back to its bank; two people must"),
        ("give-back", "give money from M-PESA that was kept aside back by reversing its receipt"),
        ("reverse", "have a payment from M-PESA reversed that somebody was given; two people must"),
        ("reversed", "enter that Safaricom has reversed such a payment; two people must"),
        ("buy-back", "buy float back and pay an account at a bank; two people must"),
        ("paid", "enter that the reseller or the switch was paid out of trust; two people must"),
    ):
        words = what.add_parser(name, help=about)
        if name == "paid":
            words.add_argument("whom", choices=sorted(clearing.TYPES))
            words.add_argument("amount", help="in shillings")
        if name == "buy-back":
            words.add_argument("number", help="the agent's")
            words.add_argument("amount", help="in shillings, like 50000")
            words.add_argument("bank", help="its two digits, like 68")
            words.add_argument("account", help="the agent's account there")
        words.add_argument("reference")
        if name == "give":
            words.add_argument("phone")
        if name == "reversed":
            words.add_argument("theirs", help="M-PESA's receipt of the reversal")
        if name == "place":
            words.add_argument("account", help="a phone, a till, or a pay bill and an account")
        words.add_argument("--staff", required=True, metavar="NAME", help="who says so")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Do what staff say. Returns 1 when it cannot be done."""
    from workers.answering import account_names

    with reachable(settings) as known:
        app = build(known, account_names=account_names(known))
        try:
            must_be_signed(app.bank.desk, options)
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
    sayings = [
        f"{about}: {what}, says {by}; another must say so too"
        for about, what, by in waiting(app.bank.desk, MOST)
    ]
    counts = f"{len(errands)} errands in doubt, {len(kept)} sums kept aside."
    return "\n".join([*errands, *kept, *sayings, *debts, counts])


def _decided(done: bool) -> Callable[[App, argparse.Namespace], str]:
    def decide(app: App, options: argparse.Namespace) -> str:
        from workers import errand_rows

        reference, now = options.reference, app.clock.now()

        def end(staff: str) -> str:
            with app.engine.begin() as connection:
                if not errand_rows.decide(connection, reference, done, now, staff):
                    raise Undecided(f"{reference} is not in doubt.")
            return "Noted; the book follows within seconds while the server runs."

        given = (f"errand {reference}", f"it was {'' if done else 'not '}done", options.staff)
        return together(app.bank.desk, *given, end) or ONE_MORE

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
    return ONE_MORE


def _reverse(app: App, options: argparse.Namespace) -> str:
    if mpesa_reversals.want(app.bank.desk, options.reference, options.staff):
        return "Held; Safaricom is asked to reverse it within seconds while the server runs."
    return ONE_MORE


def _reversed(app: App, options: argparse.Namespace) -> str:
    given = (options.reference, options.theirs, options.staff)
    receipt = mpesa_reversals.enter_seen(app.bank.desk, *given)
    return f"{receipt}: {options.reference} is undone." if receipt else ONE_MORE


def _buy_back(app: App, options: argparse.Namespace) -> str:
    minor = _minor(options.amount)
    given = (options.number, minor, options.bank, options.account, options.reference)
    bought = float_back.buy_back(app.bank.desk, *given, options.staff)
    to = f"KES {format_minor(minor)} to {bought.bank_name} {options.account} {bought.holder}"
    return f"{bought.receipt or ONE_MORE} {to}"


def _paid(app: App, options: argparse.Namespace) -> str:
    given = (options.whom, _minor(options.amount), options.reference, options.staff)
    return clearing.paid(app.bank.desk, *given) or ONE_MORE


def _minor(amount: str) -> int:
    minor = parse_minor(amount)
    if minor is None:
        raise ValueError(f"{amount} is no amount.")
    return minor


SAYINGS: dict[str, Callable[[App, argparse.Namespace], str]] = {
    "list": _list,
    "done": _decided(True),
    "not-done": _decided(False),
    "give": _give,
    "place": _place,
    "send-back": _send_back,
    "give-back": _give_back,
    "reverse": _reverse,
    "reversed": _reversed,
    "buy-back": _buy_back,
    "paid": _paid,
}
