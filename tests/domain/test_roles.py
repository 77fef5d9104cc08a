"""Roles: who comes along with the payer and the payee, and what happens where nobody does."""

import pytest

from tests.domain.trade import NJERI, TRADERS, WAKUU, accept, agreement, deposit, held, put, quote
from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit

COMMISSION, OVERRIDE = 8_00, 1_60
"""What a deposit of 500 earns the agent, and a fifth of it for the super agent."""


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST + TRADERS)


def earned(app: App, number: str) -> int:
    return held(app, f"commission/{agreement(app, 'agency', number).owner}")


def test_who_earns_comes_along_with_the_agent(app: App) -> None:
    accept(app, NJERI, deposit(app, NJERI, BARAKA, 500_00))
    assert (earned(app, "41002"), earned(app, "41001")) == (COMMISSION, OVERRIDE)
    assert held(app, "expense/agent_commission") == COMMISSION + OVERRIDE
    assert audit.run(app.engine) == []


def test_who_has_nobody_above_earns_alone(app: App) -> None:
    accept(app, WAKUU, deposit(app, WAKUU, BARAKA, 500_00))
    assert earned(app, "41001") == COMMISSION
    assert held(app, "expense/agent_commission") == COMMISSION
    assert audit.run(app.engine) == []


@pytest.mark.parametrize("state", ["suspended", "closed"])
def test_who_is_above_and_not_in_force_earns_nothing_and_stops_nobody(app: App, state: str) -> None:
    put(app, "41001", state)
    accept(app, NJERI, deposit(app, NJERI, BARAKA, 500_00))
    assert (earned(app, "41002"), earned(app, "41001")) == (COMMISSION, 0)
    accept(app, ASHA, quote(app, ASHA, "cash_out", 500_00, number="41002", store="1"), "s:pay:2")
    assert earned(app, "41001") == 0
    assert audit.run(app.engine) == []


def test_who_is_above_and_suspended_after_the_offer_stops_nobody(app: App) -> None:
    offer = deposit(app, NJERI, BARAKA, 500_00)
    put(app, "41001", "suspended")
    accept(app, NJERI, offer)
    assert earned(app, "41002") == COMMISSION


@pytest.mark.parametrize(
    ("dialled", "code"),
    [
        ({"number": "999999"}, RefusalCode.UNKNOWN_NUMBER),
        ({"number": "41002"}, RefusalCode.UNKNOWN_NUMBER),
        ({}, RefusalCode.UNKNOWN_NUMBER),
    ],
)
def test_a_till_is_found_by_the_number_of_a_till(
    app: App, dialled: dict[str, str], code: RefusalCode
) -> None:
    with pytest.raises(Refused) as refusal:
        quote(app, ASHA, "pay_till", 100_00, **dialled)
    assert refusal.value.code is code


def test_the_first_refusal_is_that_of_the_payer(app: App) -> None:
    with pytest.raises(Refused) as refusal:
        quote(app, ASHA, "cash_in", 500_00, payee="+254799999999")
    assert refusal.value.code is RefusalCode.NOT_YOURS
