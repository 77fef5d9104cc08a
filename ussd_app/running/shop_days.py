"""A command for people: what a shop's day was, and whether it adds up."""

import argparse
from datetime import date

from sqlalchemy import create_engine

from ussd_app.reports import merchants
from ussd_app.running.inspection import reachable
from ussd_app.settings import Settings


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `merchant-day`."""
    parser.add_argument("number", help="of a till or a pay bill, or a pochi's +2547...")
    parser.add_argument("day", type=date.fromisoformat, help="such as 2026-11-21")


def merchant_day(settings: Settings, options: argparse.Namespace) -> int:
    """Print the day of every shop of that number. Returns 1 when there is none, or one is wrong."""
    with reachable(settings) as known:
        engine = create_engine(str(known.database_url), hide_parameters=True)
        try:
            shops = merchants.shops_by_number(engine, options.number)
            days = [merchants.shop_day(engine, shop, options.day) for shop in shops]
        finally:
            engine.dispose()
    for one in days:
        print("\n".join(merchants.lines(one)))
    if not days:
        print(f"No shop goes by {options.number}.")
    return 0 if days and not any(one.faults for one in days) else 1
