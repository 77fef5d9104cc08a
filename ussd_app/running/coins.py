"""At a terminal: what coins the house has and owes, and taking in more of them or of shillings."""

import argparse
from collections.abc import Iterator

from ussd_app.bootstrap import build
from ussd_app.domain import vault
from ussd_app.domain.desk import Desk
from ussd_app.domain.exchange import COINS, Coin, coin
from ussd_app.domain.two_of_staff import Undecided, together
from ussd_app.domain.vault import Position
from ussd_app.kernel.money import KES_SCALE, format_minor
from ussd_app.kernel.units import format_units, parse_decimal, to_minor
from ussd_app.ledger.refusals import AboveCeiling, KeyConflict
from ussd_app.running.inspection import reachable
from ussd_app.running.signing import must_be_signed
from ussd_app.settings import Settings

ONE_MORE = "Noted. Somebody else must say so too."


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `coins`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    what.add_parser("list", help="the house's position in each coin")
    stock = what.add_parser("stock", help="the custodian received coins for the house")
    stock.add_argument("coin", choices=COINS)
    fund = what.add_parser("fund", help="the owners paid shillings in, to buy coins back with")
    for words in (stock, fund):
        words.add_argument("amount", help="in decimals, like 0.5")
        words.add_argument("--ref", required=True, help="the custodian's or bank's own number")
        words.add_argument("--staff", required=True, metavar="NAME", help="who saw it")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Do what was asked; the same reference counts once. Returns 1 when it cannot be done."""
    with reachable(settings) as known:
        app = build(known)
        try:
            if options.what == "list":
                print(*_lines(app.bank.desk), sep="\n")
                return 0
            must_be_signed(app.bank.desk, options)
            print(_take_in(app.bank.desk, options))
        except AboveCeiling:
            print("The house may not hold that many.")
            return 1
        except KeyConflict:
            print("That reference was used for something else.")
            return 1
        except Undecided as undecided:
            print(undecided)
            return 1
        finally:
            app.close()
    return 0


def _take_in(desk: Desk, options: argparse.Namespace) -> str:
    coin_ = coin(desk.catalogue, options.coin) if options.what == "stock" else None
    minor = _minor(options.amount, coin_)
    key = f"{options.what}:{options.ref}"

    def take(names: str) -> str:
        if coin_ is None:
            return f"{vault.fund(desk, minor, key, names)}: KES {format_minor(minor)} taken in."
        receipt = vault.stock(desk, coin_.name, minor, key, names)
        return f"{receipt}: {format_units(minor, coin_.asset)} taken in."

    what = f"{minor} {coin_.name if coin_ else 'kes'}"
    return together(desk, key, what, options.staff, take) or ONE_MORE


def _minor(amount: str, coin_: Coin | None) -> int:
    decimal = parse_decimal(amount)
    minor = to_minor(decimal, coin_.scale if coin_ else KES_SCALE) if decimal else None
    if minor is None:
        raise SystemExit(f"{amount} is no such amount.")
    return minor


def _lines(desk: Desk) -> Iterator[str]:
    yield f"{'vault':>24} {'at most':>16} {'reserve':>24} {'customers':>24}"
    for position in vault.positions(desk):
        yield _line(position)
    yield f"KES {format_minor(vault.shillings(desk))} to buy coins with"


def _line(position: Position) -> str:
    asset, most = position.coin.asset, position.most_minor
    return (
        f"{format_units(position.vault_minor, asset):>24}"
        f" {'-' if most is None else format_units(most, asset):>16}"
        f" {format_units(position.reserve_minor, asset):>24}"
        f" {format_units(position.customers_minor, asset):>24}"
    )
