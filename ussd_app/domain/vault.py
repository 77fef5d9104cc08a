"""The house's own coins: what it trades with, what it keeps, and how they came in.

Its position in a coin is bounded both ways by the ledger: the vault never goes below nothing nor
above the most of its chart, and what lies in the reserve is not traded at all.
"""

from typing import NamedTuple

from ussd_app.domain import arrivals
from ussd_app.domain.catalogue import AMOUNT
from ussd_app.domain.desk import Desk
from ussd_app.domain.exchange import COINS, Coin, coin
from ussd_app.domain.house import FLOAT
from ussd_app.domain.two_of_staff import SIGNED

FUND = "fund_coins"
DEVELOPMENT = {"btc": 2 * 10**8, "eth": 50 * 10**9, "usdt": 50_000 * 10**6}
"""What the house of a development server begins with, in minor units of each coin."""
DEVELOPMENT_FUND_MINOR = 5_000_000_00
PLANTERS = "joyce, peter"
"""Who signed for it there."""


class Position(NamedTuple):
    """What the house has of a coin and may have, and what its customers have; all in minor units of
    the coin."""

    coin: Coin
    vault_minor: int
    most_minor: int | None
    reserve_minor: int
    custody_minor: int

    @property
    def customers_minor(self) -> int:
        """What is owed to customers: all that is in custody and not the house's."""
        return self.custody_minor - self.vault_minor - self.reserve_minor

    @property
    def room_minor(self) -> int | None:
        """How many coins more the house would take; None: any number."""
        return None if self.most_minor is None else self.most_minor - self.vault_minor


def position(desk: Desk, coin_: Coin) -> Position:
    """The house's position in a coin at this moment."""
    ids = [desk.house[name] for name in (coin_.vault, coin_.reserve, f"custody_{coin_.name}/house")]
    found = desk.book.balances(ids)
    vault, reserve, custody = (found[id_].total for id_ in ids)
    most = desk.catalogue.accounts[f"vault_{coin_.name}"].most_minor
    return Position(coin_, vault, most, reserve, custody)


def shillings(desk: Desk) -> int:
    """What the house can pay for coins at this moment, in cents."""
    return desk.book.balances([desk.house[FLOAT]])[desk.house[FLOAT]].available


def stock(desk: Desk, name: str, minor: int, key: str, by: str) -> str:
    """Take in coins that the custodian has received for the house, once a key; `by` have seen it.

    The reserve is filled up first. Returns the receipt number. Raises LedgerRefusal when the vault
    would hold more than it may.
    """
    coin_ = coin(desk.catalogue, name)
    reserve = min(minor, max(0, coin_.reserve_minor - position(desk, coin_).reserve_minor))
    price = {AMOUNT: minor - reserve, "reserve": reserve}
    return arrivals.write(desk, f"stock_{name}", price, key, said={SIGNED: by})


def fund(desk: Desk, amount_minor: int, key: str, by: str) -> str:
    """Take in shillings of the owners, to buy coins back with, once a key; `by` have seen them."""
    return arrivals.write(desk, FUND, {AMOUNT: amount_minor}, key, said={SIGNED: by})


def plant(desk: Desk) -> None:
    """Give the house of a development server coins and shillings, once."""
    for name, minor in DEVELOPMENT.items():
        stock(desk, name, minor, f"{name}:planted", PLANTERS)
    fund(desk, DEVELOPMENT_FUND_MINOR, f"{FUND}:planted", PLANTERS)


def positions(desk: Desk) -> list[Position]:
    """The house's position in every coin."""
    return [position(desk, coin(desk.catalogue, name)) for name in COINS]
