"""People and a town for a load, put into any database that the settings name, by the real commands.

Knows no phone and no load: who they are is said to it.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from simulator.load.day import Town
from ussd_app.bootstrap import App, build
from ussd_app.domain import agreements
from ussd_app.domain.billing import books, customers, invoices
from ussd_app.domain.billing.invoices import Line
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import business_day
from ussd_app.settings import Settings

TOWN_FLOAT_MINOR: Final = 100_000_000_00
"""What each outlet of a load's town trades with: enough for a long day."""
BILLING_LINES: Final = 4
"""So many invoices are sent at once."""


def plant_people(settings: Settings, msisdns: Sequence[str], pin: str, balance_minor: int) -> None:
    """Make people with money for a load, by the real commands; those who are there stay."""
    _plant(settings, [_load_person(msisdn, pin, balance_minor) for msisdn in msisdns])


def plant_town(settings: Settings, town: Town, owners: Sequence[str], pin: str) -> None:
    """Make the outlets, tills and the biller of a load's town; `owners` own the tills and it."""
    seeds = [
        _load_person(
            outlet.msisdn,
            pin,
            0,
            Planted(
                *("agency", outlet.number, "Load Agent", TOWN_FLOAT_MINOR),
                terms={"store": outlet.store},
            ),
        )
        for outlet in town.outlets
    ]
    held = [Planted("till", number, "Load Shop") for number in town.tills]
    held.append(Planted("paybill", town.biller, "Load Water"))
    seeds += [
        _load_person(owner, pin, 0, planted) for owner, planted in zip(owners, held, strict=True)
    ]
    _plant(settings, seeds)


def plant_bills(
    settings: Settings, number: str, phones: Sequence[str], bills: int, bill_minor: int
) -> None:
    """Open the books of a biller who is there, with a customer a phone (ACC1, ACC2, …) who is sent
    so many invoices: the first customer's are INV1, INV2, …, then the second's."""
    app = build(settings)
    try:
        drafted = _draft_bills(app, number, phones, bills, bill_minor)
        with ThreadPoolExecutor(BILLING_LINES) as lines:
            list(lines.map(lambda invoice: invoices.send(app.bank.desk, invoice), drafted))
    finally:
        app.close()


def _draft_bills(
    app: App, number: str, phones: Sequence[str], bills: int, bill_minor: int
) -> list[int]:
    desk = app.bank.desk
    agreement = agreements.by_number(app.engine, books.PAYBILL, number)
    assert agreement is not None
    today, lines = business_day(desk.clock.now()), [Line("Water", bill_minor)]
    drafted = []
    with app.engine.begin() as connection:
        own = books.opened(desk, connection, agreement)
        for msisdn in phones:
            whom = customers.add(desk, connection, own, name="Load Customer", msisdn=msisdn)
            for nth in range(bills):
                due = today + timedelta(days=30 * nth)
                drafted.append(invoices.draft(desk, connection, own, whom, lines, due))
    return drafted


def _load_person(msisdn: str, pin: str, balance_minor: int, *held: Planted) -> Seed:
    return Seed(msisdn, "Load Person", "en", pin, msisdn[-8:], balance_minor, held)


def _plant(settings: Settings, seeds: Sequence[Seed]) -> None:
    app = build(settings)
    try:
        plant(app.bank.desk, seeds)
    finally:
        app.close()
