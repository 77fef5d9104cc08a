"""What one customer's deposits earn agents in a day, on a real ledger: as much as the largest
alone, however many agents take them, so that money which goes round brings nothing more."""

from functools import partial

import pytest

from tests.domain.street import at_once, held
from tests.domain.trade import agreement, seen
from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain import agreements
from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.ledger import audit

AGENTS = tuple(
    Seed(
        *(f"+25474400000{n}", f"Agent{n} Mwangi", "en", "4444", f"3210000{n}", 0),
        (Planted("agency", f"4100{n}", f"Agent {n}", 400_000_00, "41001" if n > 1 else None),),
    )
    for n in range(1, 6)
)
SHOP = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000055", 0),
    (Planted("till", "520001", "Duka la Juma"),),
)
LARGE = 50_020_00
"""Earns 150 shillings, and 30 for the super agent."""
MOST = 190_00


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, (ASHA, *AGENTS))


def quote(app: App, agent: Seed, amount: int = LARGE, key: str = "") -> str:
    token = seen(app, agent, ASHA, key or app.ids.token())
    args = {"type": "cash_in", "payee": ASHA.msisdn, "amount": amount, "seen": token}
    return str(app.bank.serve("quote", agent.msisdn, args)["quote_id"])


def accept(app: App, agent: Seed, quoted: str) -> None:
    consent = {"quote": quoted, "pin": agent.pin}
    app.bank.serve("accept_quote", agent.msisdn, consent, f"accept:{quoted}")


def earned(app: App, *agents: Seed) -> list[int]:
    """What each agent has earned and was not paid, in minor units."""
    desk = app.bank.desk
    outlets = [agreement(app, "agency", str(agent.agreements[0].number)) for agent in agents]
    return [held(app, agreements.account(desk, outlet, "commission")) for outlet in outlets]


def test_a_day_earns_as_much_as_the_largest_deposit(app: App, clock: FrozenClock) -> None:
    top, second, third, fourth, _ = AGENTS
    for agent in (second, third, fourth):
        accept(app, agent, quote(app, agent))
    assert earned(app, second, third, fourth) == [150_00, 40_00, 0]
    assert earned(app, top) == [38_00], "a fifth of what was earned"
    clock.advance(seconds=86_400)
    accept(app, fourth, quote(app, fourth))
    assert earned(app, top, fourth) == [68_00, 150_00], "and again on the next day"
    assert [str(finding) for finding in audit.run(app.engine)] == []


def test_prices_that_were_told_at_once_do_not_all_earn(app: App) -> None:
    agents = AGENTS[1:]
    quoted = [(agent, quote(app, agent)) for agent in agents]
    calls = [partial(accept, app, agent, told) for agent, told in quoted]
    assert at_once(calls) == {"done": 1, "quote_expired": 3}
    assert sum(earned(app, *agents)) == 150_00
    late = agents[0] if earned(app, agents[0]) == [0] else agents[1]
    accept(app, late, quote(app, late))
    assert sum(earned(app, *agents)) == MOST


def test_a_repeat_is_told_what_it_was_told(app: App) -> None:
    _, second, third, *_ = AGENTS
    told = quote(app, second)
    accept(app, second, told)
    accept(app, third, quote(app, third))
    accept(app, second, told)
    assert sum(earned(app, second, third)) == MOST


def test_going_round_brings_no_more_than_one_deposit(app: App) -> None:
    """In at an agent, through a till that the house bears, and in again: the book of the day."""
    top, second, third, *_ = AGENTS
    plant(app.bank.desk, (SHOP,))
    args = {"type": "pay_till", "number": "520001", "amount": 240_000_00}
    for agent in (second, third):
        accept(app, agent, quote(app, agent, 250_000_00))
        paid = app.bank.serve("quote", ASHA.msisdn, args)["quote_id"]
        consent = {"quote": paid, "pin": ASHA.pin}
        app.bank.serve("accept_quote", ASHA.msisdn, consent, f"pay:{paid}")
    assert sum(earned(app, second, third)) == MOST
    assert earned(app, top) == [38_00]


def test_it_is_what_the_largest_deposit_earns(app: App) -> None:
    catalogue: Catalogue = app.catalogue
    tariffs = catalogue.tariffs_on(business_day(app.clock.now())).tariffs
    assert catalogue.rules["agents"]["earns_a_day_minor"] == tariffs["agent_deposit"][-1].fee_minor
