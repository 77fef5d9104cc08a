"""The products as the domain sees them: immutable records, already read and checked.

Where they come from (files) is `ussd_app.products`' business. All amounts are minor units of KES.
"""

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

AMOUNT, FEE, CHARGE, EXCISE = "amount", "fee", "charge", "excise"
"""What every price may hold: what is moved, what the payer pays on top, what the payee bears, and
the duty on both. Whatever else a type moves, it prices by a name of its own."""
PAYER, PAYEE, HOUSE = "payer", "payee", "house"
BILLING = "billing"
"""The book of what billers' own accounts say, beside e-money and the house's."""
TAXED = (FEE, CHARGE)


@dataclass(frozen=True)
class AccountKind:
    """A line of the chart: all accounts named `kind/…` are like this. `floor_minor` None: none.

    `owner` is `customer`, `house`, `meaning` or a kind of agreement. `house_mode` is how the
    house's own account of this kind is kept; None when it has none. `most_minor` is the most that
    the house's account may hold; None: no matter. Both bounds are minor units of the row's asset.
    `code` is by what bookkeepers know an account of a biller's own books; others have none.
    """

    kind: str
    book: str
    owner: str
    side: str
    mode: str
    floor_minor: int | None
    means: str
    asset: str = "KES"
    house_mode: str | None = None
    most_minor: int | None = None
    code: str | None = None


@dataclass(frozen=True)
class AgreementKind:
    """A kind of agreement: a till, an agency, a pochi.

    `account` is the chart's kind of its main account. `digits` is the length of its number; None
    when it goes by its owner's own number. `standing` is the menu that its owner sees first, and
    `funded_by` the type by which value comes into it from outside; None when there is none.
    With a `private` one nobody but its owner deals: they pay in from their wallet and out to it.
    A `tiered` one may hold as much as its owner's wallet, by their tier.
    `terms` are those of whoever agreed nothing else; `agrees` says of each term that staff may
    agree what it may be, by its shape (`terms`). `welcome` is said when one is approved.
    """

    kind: str
    account: str
    digits: int | None
    standing: str | None
    funded_by: str | None
    means: str
    private: bool = False
    tiered: bool = False
    terms: Mapping[str, str] = field(default_factory=dict)
    agrees: Mapping[str, str] = field(default_factory=dict)
    welcome: str | None = None


@dataclass(frozen=True)
class BankRow:
    """A bank that the switch reaches. `code` is the central bank's two digits, `paybill` the number
    by which people know it."""

    code: str
    name: str
    paybill: str


@dataclass(frozen=True)
class LegSentence:
    """`<quantity> from <source> to <target> [as <meaning>]`.

    Source and target are a role of the type (`payer`) or an account's name (`trust/house`). A
    meaning names the account of the house's own book that gets the mirror leg, or a role.
    """

    quantity: str
    source: str
    target: str
    meaning: str | None

    def __str__(self) -> str:
        tail = f" as {self.meaning}" if self.meaning else ""
        return f"{self.quantity} from {self.source} to {self.target}{tail}"


@dataclass(frozen=True)
class Derived:
    """A role that somebody else's role brings along: `payee.parent.commission`.

    The account of a kind that belongs to the same agreement (or, with `parent`, to the agreement
    above it); for a kind owned by customers, to the party behind it.
    """

    of: str
    parent: bool
    account: str


@dataclass(frozen=True)
class ByTariff:
    """Priced by the bands of a tariff; None is nothing."""

    tariff: str | None


@dataclass(frozen=True)
class ShareOf:
    """A share of another quantity."""

    share: Decimal
    quantity: str


@dataclass(frozen=True)
class ByTerm:
    """Priced by a tariff that the payee's agreement chooses in its terms; the first by default."""

    term: str
    tariffs: Mapping[str, str | None]


@dataclass(frozen=True)
class ByPolicy:
    """Worked out by the function of that name in `domain/policies/`."""

    policy: str


PriceRule = ByTariff | ShareOf | ByTerm | ByPolicy


@dataclass(frozen=True)
class Promise:
    """Value that is held until the world outside has answered.

    `via` is the kind of outbox row that asks; after `ttl_s` without an answer the hold is looked
    at by whoever settles that kind, never let go of blindly. `waits` and `fails` are what the
    payer is told.
    """

    via: str
    ttl_s: int
    waits: str | None
    fails: str


@dataclass(frozen=True)
class Type:
    """Who may move what to whom, at what price, within what limits, with what receipts.

    `parties` maps each role that the caller names to its kind of account, `derived` the others.
    The payer is always who consents. `most_minor` None: only the payer's tier says. `gates` and
    `also` name modules of `domain/gates/` and `domain/also/`. `asks_twice`: an amount far above
    the payer's habit has to be asked for again. `approvals`: so many of the staff sign an entry.
    """

    name: str
    code: int
    about: str
    parties: Mapping[str, str]
    derived: Mapping[str, Derived]
    starts: str
    least_minor: int
    most_minor: int | None
    prices: Mapping[str, PriceRule]
    limits: str | None
    promise: Promise | None
    category: str | None
    legs: tuple[LegSentence, ...]
    receipts: Mapping[str, str]
    gates: tuple[str, ...] = ()
    also: str | None = None
    asks_twice: bool = False
    approvals: int = 0

    @property
    def quantities(self) -> frozenset[str]:
        """What a leg of it may move."""
        return frozenset({AMOUNT, EXCISE, *self.prices})

    def tariffs(self, quantity: str) -> frozenset[str]:
        """Every tariff that may price a quantity."""
        match self.prices.get(quantity):
            case ByTariff(tariff):
                names: Iterable[str | None] = (tariff,)
            case ByTerm(_, tariffs):
                names = tariffs.values()
            case _:
                names = ()
        return frozenset(name for name in names if name)


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
    """What a KYC level allows, in minor units: a transaction, a Nairobi day, a calendar month."""

    per_transaction_minor: int
    daily_value_minor: int
    daily_count: int
    monthly_value_minor: int
    monthly_count: int
    balance_minor: int
    means: str


@dataclass(frozen=True)
class Habit:
    """When a payment is far above what somebody usually sends: more than `times` the largest of at
    least `least` payments in `days`, and more than `above_minor`."""

    days: int
    least: int
    times: int
    above_minor: int


@dataclass(frozen=True)
class Catalogue:
    """Everything that is sold here. `digest` names this very content (16 hex digits).

    `categories` are what a business may be, in each language; an agreement has one as its term.
    `standings` are the menus that a caller may have beside others, in their order.
    `questions` are those whose answers can unlock a PIN.
    `spending` are further names for what money is for, where no business says it.
    `rules` are whole numbers that a product's own module goes by, by product and name.
    """

    accounts: Mapping[str, AccountKind]
    agreements: Mapping[str, AgreementKind]
    standings: Mapping[str, Mapping[str, str]]
    banks: Mapping[str, BankRow]
    categories: Mapping[str, Mapping[str, str]]
    questions: Mapping[str, Mapping[str, str]]
    types: Mapping[str, Type]
    spending: Mapping[str, Mapping[str, str]]
    rules: Mapping[str, Mapping[str, int]]
    tariff_books: tuple[TariffBook, ...]
    tiers: Mapping[int, Tier]
    fat_finger_minor: int
    habit: Habit
    quote_life_s: int
    digest: str
    content: str

    def tariffs_on(self, day: date) -> TariffBook:
        """The tariff book in force on a Nairobi day. Raises LookupError before the first."""
        in_force = [book for book in self.tariff_books if book.valid_from <= day]
        if not in_force:
            raise LookupError(f"no tariff was in force on {day}")
        return in_force[-1]
