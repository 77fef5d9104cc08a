"""The people that a development server knows from the start, put there by the real commands."""

from collections.abc import Iterable
from dataclasses import dataclass

from ussd_app.domain import parties, registration, roles, transact
from ussd_app.domain.desk import Desk
from ussd_app.domain.roles import WALLET

OPENING = "opening"


@dataclass(frozen=True)
class Seed:
    """A customer to plant. The balance is in minor units of KES."""

    msisdn: str
    name: str
    language: str
    pin: str
    national_id: str
    balance_minor: int


DEVELOPMENT = (
    Seed("+254712000001", "Asha Wanjiku", "en", "4826", "22000001", 1_500_00),
    Seed("+254722000002", "Baraka Otieno", "sw", "1111", "22000002", 20_00),
)


def plant(desk: Desk, seeds: Iterable[Seed] = DEVELOPMENT) -> None:
    """Register each customer and give the opening balance. A second planting changes nothing."""
    for seed in seeds:
        party = parties.find(desk.reads, seed.msisdn)
        if party is None:
            with desk.engine.begin() as connection:
                party = registration.enrol(
                    desk,
                    connection,
                    msisdn=seed.msisdn,
                    name=seed.name,
                    language=seed.language,
                    national_id=seed.national_id,
                    verifier=desk.keyring.pin_verifier(seed.msisdn, seed.pin),
                )
        if seed.balance_minor:
            side = roles.own(desk, WALLET, party)
            transact.issue(desk, OPENING, side, seed.balance_minor, f"{OPENING}:{seed.msisdn}")
