"""What coins cost and fetch: exact integers, every rounding against the customer.

A rate is minor units of KES for one whole unit of the coin. The customer buys above the middle
rate and sells below it; the difference is the house's spread. Whatever is worked out is rounded
once, by less than one minor unit of itself. Knows no customer, no clock and no feed.
"""

from dataclasses import dataclass

from ussd_app.domain.catalogue import Catalogue
from ussd_app.kernel.units import SCALES

BUY, SELL, SEND = "buy", "sell", "send"
SIDES = (BUY, SELL, SEND)
COINS = ("btc", "eth", "usdt")
"""The coins, each the name of its customers' accounts, of its rules and of its types' endings."""
WHOLE_BP = 10_000


@dataclass(frozen=True)
class Coin:
    """What the catalogue says of a coin. Spread in hundredths of a percent on each side; of a lower
    tier than `least_tier` nobody may deal in it."""

    name: str
    asset: str
    spread_bp: int
    quote_life_s: int
    stale_s: int
    reserve_minor: int
    least_tier: int

    @property
    def scale(self) -> int:
        """How many digits behind the dot it has."""
        return SCALES[self.asset]

    @property
    def vault(self) -> str:
        """The account of the coins that the house trades with."""
        return f"vault_{self.name}/house"

    @property
    def reserve(self) -> str:
        """The account of the coins that the house keeps."""
        return f"reserve_{self.name}/house"


def coin(catalogue: Catalogue, name: str) -> Coin:
    """A coin by its name."""
    rules = catalogue.rules[name]
    return Coin(
        *(name, catalogue.accounts[name].asset, rules["spread_bp"], rules["quote_life_s"]),
        *(rules["stale_s"], rules["reserve_minor"], rules["least_tier"]),
    )


@dataclass(frozen=True)
class Dealing:
    """The terms of the house on one side of a coin: the scale, the middle rate and its own."""

    side: str
    scale: int
    middle_minor: int
    rate_minor: int

    @property
    def whole(self) -> int:
        """One whole coin in minor units."""
        unit: int = 10**self.scale
        return unit

    def coins_for(self, amount_minor: int) -> int:
        """How many coins an amount of KES buys (rounded down) or takes to sell (rounded up)."""
        value = amount_minor * self.whole
        return -(-value // self.rate_minor) if self.side == SELL else value // self.rate_minor

    def amount_for(self, coins: int) -> int:
        """What coins cost (rounded up), or fetch and are worth (rounded down), in cents."""
        value = coins * self.rate_minor
        return -(-value // self.whole) if self.side == BUY else value // self.whole


def dealing(coin_: Coin, side: str, middle_minor: int) -> Dealing:
    """The house's terms at a middle rate. What is sent is neither bought nor sold: no spread."""
    rate = middle_minor
    if side == BUY:
        rate = -(-middle_minor * (WHOLE_BP + coin_.spread_bp) // WHOLE_BP)
    elif side == SELL:
        rate = middle_minor * (WHOLE_BP - coin_.spread_bp) // WHOLE_BP
    return Dealing(side, coin_.scale, middle_minor, rate)
