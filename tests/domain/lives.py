"""A street of people who can do whatever the catalogue has: who lives there, and how somebody of
them does something, chooses, and is answered by the world. What can be done stands in `acts`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ussd_app.bootstrap import App
from ussd_app.domain import promises, vault
from ussd_app.domain.catalogue import PAYEE, PAYER, Type
from ussd_app.domain.roles import CUSTOMER
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import FrozenClock

PIN = "4826"
FIRST_NUMBER = 700
AMOUNTS = (500_00, 1, 50_00, 100_00, 101_00, 999_99, 2_500_00, 15_001_00, 250_000_00)
T = TypeVar("T")


@dataclass(frozen=True)
class Street:
    """Who lives here: customers, and for each kind of agreement whoever has one, by number."""

    customers: tuple[str, ...]
    holders: Mapping[str, tuple[tuple[str, str], ...]]

    def private(self, app: App, kind: Type) -> tuple[tuple[str, str], ...]:
        """Who can use a type on an agreement with which nobody else deals, by its number."""
        owners = [app.catalogue.accounts[account].owner for account in kind.parties.values()]
        known = app.catalogue.agreements
        mine = [o for o in owners if o != CUSTOMER and known[o].private]
        return self.holders[mine[0]] if mine else ()

    def payers(self, app: App, kind: Type) -> tuple[str, ...]:
        """Who can pay by a type."""
        owner = app.catalogue.accounts[kind.parties[PAYER]].owner
        if owner == CUSTOMER:
            return self.customers
        return tuple(msisdn for msisdn, _ in self.holders[owner])

    def dialled(self, app: App, kind: Type) -> tuple[str, ...]:
        """What can be dialled as the payee of a type."""
        owner = app.catalogue.accounts[kind.parties[PAYEE]].owner
        if owner == CUSTOMER:
            return self.customers
        return tuple(number for _, number in self.holders[owner])


def settle(app: App) -> Street:
    """Four customers with money, and of each kind of agreement one and another under it."""
    seeds = [_seed(number, 100_000_00) for number in range(4)]
    holders: dict[str, tuple[tuple[str, str], ...]] = {}
    for place, kind in enumerate(app.catalogue.agreements.values()):
        pair: list[tuple[str, str]] = []
        for nth in range(2):
            seed = _seed(100 + 2 * place + nth, 1_000_00)
            digits = kind.digits
            number = str(10 ** (digits - 1) + 100 * place + nth + 1) if digits else seed.msisdn
            above = pair[0][1] if pair and kind.digits else None
            planted = Planted(kind.kind, number, f"Shop {place} {nth}", 200_000_00, above)
            seeds.append(Seed(**(vars(seed) | {"agreements": (planted,)})))
            pair.append((seed.msisdn, number))
        holders[kind.kind] = tuple(pair)
    plant(app.bank.desk, seeds)
    vault.plant(app.bank.desk)
    return Street(tuple(seed.msisdn for seed in seeds[:4]), holders)


def _seed(number: int, balance_minor: int) -> Seed:
    msisdn = f"+2547{FIRST_NUMBER + number:08d}"
    language = "en" if number % 2 else "sw"
    return Seed(msisdn, f"Person{number} Street", language, PIN, msisdn[-8:], balance_minor)


@dataclass(frozen=True)
class Life:
    """Whoever does something now: `pick` chooses, `key` is a name that was not used before."""

    app: App
    clock: FrozenClock
    street: Street
    pick: "Pick"
    key: str

    def amount(self, first: int = AMOUNTS[0]) -> int:
        """How much this time, in minor units."""
        return self.pick((first, *AMOUNTS))

    def pair(self) -> tuple[str, str]:
        """Two customers."""
        one = self.pick(self.street.customers)
        return one, self.pick([other for other in self.street.customers if other != one])

    def serve(self, name: str, who: str, args: Mapping[str, object], key: str = "") -> str:
        """Ask or order something; the receipt or quote that it gives, if any."""
        given = self.app.bank.serve(name, who, dict(args), f"{self.key}:{key}" if key else "")
        return str(given.get("receipt") or given.get("quote_id") or "")

    def accept(self, who: str, quote: str) -> str:
        """Accept what was priced, three times; it happens once. The world answers what it must."""
        consent = {"quote": quote, "pin": PIN}
        receipt = self.serve("accept_quote", who, consent, "accept")
        before = entries(self.app)
        assert self.serve("accept_quote", who, consent, "accept") == receipt
        assert self.serve("accept_quote", who, consent, "again") == receipt
        assert entries(self.app) == before, "a repeat wrote something"
        self.answer(receipt)
        return receipt

    def answer(self, receipt: str) -> None:
        """The world answers what was promised under a receipt, if anything was."""
        with self.app.engine.connect() as connection:
            held = connection.exec_driver_sql(
                "SELECT h.id FROM holds h JOIN entries e USING (id)"
                " WHERE e.receipt = %s AND h.state = 'open'",
                (receipt,),
            ).scalar()
        if held is None:
            return
        end = self.pick((promises.settle, promises.void))
        told = end(self.app.bank.desk, held, f"{self.key}:end")
        assert end(self.app.bank.desk, held, f"{self.key}:end") == told


class Pick:
    """How a life chooses."""

    def __call__(self, among: Sequence[T]) -> T:
        """One of them; the first, where nobody says otherwise."""
        return among[0]


def entries(app: App) -> int:
    """How many entries there are."""
    with app.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one())
