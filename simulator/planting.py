"""People and a town for a load, put into any database that the settings name, by the real commands.

Knows no phone and no load: who they are is said to it.
"""

from collections.abc import Sequence
from typing import Final

from simulator.load.day import Town
from ussd_app.bootstrap import build
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.settings import Settings

TOWN_FLOAT_MINOR: Final = 100_000_000_00
"""What each outlet of a load's town trades with: enough for a long day."""


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


def _load_person(msisdn: str, pin: str, balance_minor: int, *held: Planted) -> Seed:
    return Seed(msisdn, "Load Person", "en", pin, msisdn[-8:], balance_minor, held)


def _plant(settings: Settings, seeds: Sequence[Seed]) -> None:
    app = build(settings)
    try:
        plant(app.bank.desk, seeds)
    finally:
        app.close()
