"""The products as the domain sees them: immutable records, already read and checked.

Where they come from (files) is `ussd_app.products`' business. All amounts are minor units of KES.
"""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

QUANTITIES = frozenset({"amount", "fee", "excise"})
"""What a leg may move; `pricing` computes each."""


@dataclass(frozen=True)
class AccountKind:
    """A line of the chart: all accounts named `kind/…` are like this. `floor_minor` None: none."""

    kind: str
    book: str
    owner: str
    side: str
    mode: str
    floor_minor: int | None
    means: str


@dataclass(frozen=True)
class LegSentence:
    """`<quantity> from <source> to <target> [as <meaning>]`.

    Source and target are a role of the type (`payer`) or an account's name (`trust/house`). A
    meaning names the account of the house's own book that gets the mirror leg.
    """

    quantity: str
    source: str
    target: str
    meaning: str | None

    def __str__(self) -> str:
        tail = f" as {self.meaning}" if self.meaning else ""
        return f"{self.quantity} from {self.source} to {self.target}{tail}"


@dataclass(frozen=True)
class Type:
    """Who may move what to whom, at what fee, within what limits, with what receipts."""

    name: str
    code: int
    about: str
    parties: Mapping[str, str]
    starts: str
    least_minor: int
    fee: str | None
    limits: str | None
    legs: tuple[LegSentence, ...]
    receipts: Mapping[str, str]


class Band(NamedTuple):
    """Up to and including `up_to_minor`, the fee is `fee_minor`."""

    up_to_minor: int
    fee_minor: int


@dataclass(frozen=True)
class TariffBook:
    """All tariffs in force from a day on, and the share of a fee that is excise duty."""

    valid_from: date
    excise: Decimal
    tariffs: Mapping[str, tuple[Band, ...]]

    def fee_minor(self, tariff: str, amount_minor: int) -> int | None:
        """The fee for an amount; None when the amount is beyond the last band."""
        bands = self.tariffs[tariff]
        place = bisect.bisect_left(bands, amount_minor, key=lambda band: band.up_to_minor)
        return bands[place].fee_minor if place < len(bands) else None


@dataclass(frozen=True)
class Tier:
    """What a KYC level allows. Values in minor units, counts a Nairobi day."""

    per_transaction_minor: int
    daily_value_minor: int
    daily_count: int
    balance_minor: int
    means: str


@dataclass(frozen=True)
class Catalogue:
    """Everything that is sold here. `digest` names this very content (16 hex digits)."""

    accounts: Mapping[str, AccountKind]
    types: Mapping[str, Type]
    tariff_books: tuple[TariffBook, ...]
    tiers: Mapping[int, Tier]
    fat_finger_minor: int
    quote_life_s: int
    digest: str
    content: str

    def tariffs_on(self, day: date) -> TariffBook:
        """The tariff book in force on a Nairobi day. Raises LookupError before the first."""
        in_force = [book for book in self.tariff_books if book.valid_from <= day]
        if not in_force:
            raise LookupError(f"no tariff was in force on {day}")
        return in_force[-1]
