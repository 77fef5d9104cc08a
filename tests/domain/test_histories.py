"""Random lives over every type that a customer starts: whatever they do, the books hold.

Which types, agreements and parties there are is read from the catalogue, so a product that is added
lives here from its first day.
"""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ussd_app.bootstrap import App
from ussd_app.domain import promises
from ussd_app.domain.catalogue import PAYEE, PAYER, ByPolicy, Type
from ussd_app.domain.roles import CUSTOMER
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import Refused
from ussd_app.ledger import audit

PIN = "4826"
FIRST_NUMBER = 700
AMOUNTS = (1, 50_00, 100_00, 101_00, 500_00, 999_99, 2_500_00, 15_001_00, 250_000_00)


@dataclass(frozen=True)
class Street:
    """Who lives here: customers, and for each kind of agreement whoever has one, by number."""

    customers: tuple[str, ...]
    holders: dict[str, tuple[tuple[str, str], ...]]

    def private(self, app: App, kind: Type) -> tuple[tuple[str, str], ...]:
        """Who can use a type on an agreement with which nobody else deals, by its number."""
        owners = [app.catalogue.accounts[account].owner for account in kind.parties.values()]
        return next(
            (
                self.holders[o]
                for o in owners
                if o != CUSTOMER and app.catalogue.agreements[o].private
            ),
            (),
        )

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


@pytest.fixture
def street(app: App) -> Street:
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
    return Street(tuple(seed.msisdn for seed in seeds[:4]), holders)


def _seed(number: int, balance_minor: int) -> Seed:
    msisdn = f"+2547{FIRST_NUMBER + number:08d}"
    language = "en" if number % 2 else "sw"
    return Seed(msisdn, f"Person{number} Street", language, PIN, msisdn[-8:], balance_minor)


def by_general_quote(app: App) -> list[Type]:
    """The types that `quote` prices for a customer who dials the payee, or nobody."""
    return [
        kind
        for kind in app.catalogue.types.values()
        if kind.starts == CUSTOMER
        and not any(isinstance(rule, ByPolicy) for rule in kind.prices.values())
    ]


def gated(app: App, kind: Type, payer: str, dialled: str, key: str) -> dict[str, object]:
    """What the gates of a type ask for besides: the store at the counter, the ID that was seen."""
    if "store" in kind.gates:
        return {"store": "1"}
    if "seen" in kind.gates:
        shown = {"customer": dialled, "id_tail": dialled[-4:]}
        return app.bank.serve("see_id", payer, shown, f"{key}:seen")
    return {}


def entries(app: App) -> int:
    with app.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one())


def live(app: App, street: Street, data: st.DataObject, step: str) -> str | None:
    """Let somebody pay somebody; the type when it was done."""
    kind = data.draw(st.sampled_from(by_general_quote(app)))
    args: dict[str, object] = {"type": kind.name, "amount": data.draw(st.sampled_from(AMOUNTS))}
    dialled = ""
    if private := street.private(app, kind):
        payer, args["number"] = data.draw(st.sampled_from(private))
    else:
        payer = data.draw(st.sampled_from(street.payers(app, kind)))
    if PAYEE in kind.parties and not private:
        dialled = data.draw(st.sampled_from(street.dialled(app, kind)))
        args |= {"payee" if dialled.startswith("+") else "number": dialled}
    before = entries(app)
    try:
        args |= gated(app, kind, payer, dialled, step)
        quoted = app.bank.serve("quote", payer, args)
        consent = {"quote": quoted["quote_id"], "pin": PIN}
        first = app.bank.serve("accept_quote", payer, consent, step)
    except Refused:
        assert entries(app) == before, "a refusal wrote something"
        return None
    assert app.bank.serve("accept_quote", payer, consent, step) == first
    assert app.bank.serve("accept_quote", payer, consent, f"{step}:again") == first
    assert entries(app) == before + 1, "a repeat wrote something"
    if kind.promise is not None:
        _end(app, str(first["receipt"]), step, data.draw(st.booleans()))
    return kind.name


def _end(app: App, receipt: str, step: str, well: bool) -> None:
    """The world answers what was promised."""
    with app.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id FROM entries WHERE receipt = %s", (receipt,))
        hold_id = int(found.scalar_one())
    end = promises.settle if well else promises.void
    told = end(app.bank.desk, hold_id, f"{step}:end")
    assert end(app.bank.desk, hold_id, f"{step}:end") == told


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_they_do_the_books_hold(app: App, street: Street, data: st.DataObject) -> None:
    done: Counter[str] = Counter()
    life = app.ids.token()
    for step in range(data.draw(st.integers(4, 12))):
        kind = live(app, street, data, f"{life}:{step}")
        if kind:
            done[kind] += 1
    assert [str(finding) for finding in audit.run(app.engine)] == []


def test_every_type_is_lived(app: App, street: Street, clock: FrozenClock) -> None:
    """So that the histories above do not pass by refusing everything."""
    refused: dict[str, str] = {}
    for kind in by_general_quote(app):
        clock.advance(seconds=120)  # nobody pays so many in a minute
        owner = app.catalogue.accounts[kind.parties[PAYER]].owner
        # so that a pot that was filled lasts for two
        amount = 500_00 if owner == CUSTOMER else 200_00
        args: dict[str, object] = {"type": kind.name, "amount": amount}
        private, dialled = street.private(app, kind), ""
        if private:
            payer, args["number"] = private[0]
        else:
            payer = street.payers(app, kind)[0]
        if PAYEE in kind.parties and not private:
            # whoever pays next is filled, but nobody pays themselves
            same = app.catalogue.accounts[kind.parties[PAYEE]].owner == owner
            dialled = street.dialled(app, kind)[1 if same else 0]
            args |= {"payee" if dialled.startswith("+") else "number": dialled}
        try:
            args |= gated(app, kind, payer, dialled, f"lived:{kind.name}")
            quoted = app.bank.serve("quote", payer, args)
            consent = {"quote": quoted["quote_id"], "pin": PIN}
            app.bank.serve("accept_quote", payer, consent, f"lived:{kind.name}")
        except Refused as refusal:
            refused[kind.name] = refusal.code.value
    assert refused == {}
    assert [str(finding) for finding in audit.run(app.engine)] == []
