"""A shop's day for its bookkeeper: days follow each other, and agree with the ledger."""

from argparse import Namespace
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.domain.street import (
    TODAY,
    crowd,
    give_back,
    open_street,
    pay,
    settle,
    shop,
)
from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain import takings
from ussd_app.kernel.clock import FrozenClock, business_day
from ussd_app.reports import merchants
from ussd_app.running.shop_days import merchant_day
from ussd_app.settings import Settings


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    open_street(app)


def test_days_follow_each_other_to_the_cent(app: App, clock: FrozenClock) -> None:
    payers = crowd(app)
    bill_ = shop(app, "paybill")
    pay(app, ASHA, 1_200_00, "pay_bill")
    clock.advance(seconds=86_400)
    back = pay(app, payers[0], 3_000_00, "pay_bill")
    pay(app, payers[1], 450_00, "pay_bill")
    give_back(app, back, "s:1", "paybill")
    settle(app, "s:2", 600_00, "paybill")
    clock.advance(seconds=86_400)
    pay(app, payers[2], 100_00, "pay_bill")
    days = [merchants.shop_day(app.engine, bill_, TODAY + timedelta(days=n)) for n in range(-1, 4)]
    assert [day.faults for day in days] == [[]] * 5
    assert [day.closing_minor for day in days] == [0, 1_195_00, 1_045_00, 1_145_00, 1_145_00]
    assert [day.opening_minor for day in days[1:]] == [day.closing_minor for day in days[:-1]]
    second = days[2].takings
    assert (second.payments, second.paid_minor, second.charges_minor) == (2, 3_450_00, 0)
    assert (second.refunds, second.refunded_minor) == (1, 3_000_00)
    assert (second.settlements, second.settled_minor) == (1, 600_00)
    page = "\n".join(merchants.lines(days[2]))
    assert "Closing              " in page
    assert "1,045.00" in page
    assert page.endswith("It adds up, to the ledger too.")


def test_a_day_is_found_behind_many_newer_payments(app: App, clock: FrozenClock) -> None:
    """The search from the newest entry back crosses its pages and stops where it may."""
    payers = crowd(app)
    takings_page = takings.FIRST_PAGE
    takings.FIRST_PAGE = 2
    try:
        pay(app, ASHA, 300_00)
        clock.advance(seconds=86_400)
        for who in payers[:7]:
            pay(app, who, 10_00)
        with app.engine.connect() as connection:
            days = [
                takings.of_day(connection, shop(app).account_id, TODAY + timedelta(days=n))
                for n in (0, 1, 2)
            ]
    finally:
        takings.FIRST_PAGE = takings_page
    assert [day.paid_minor for day in days] == [300_00, 70_00, 0]


def test_every_payment_has_a_category_by_its_agreement(app: App) -> None:
    receipt = pay(app, ASHA, 500_00)
    with app.engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT a.terms->>'category' FROM entries e JOIN agreements a"
                " ON a.account_id = (e.facts->'roles'->>'payee')::bigint WHERE e.receipt = :receipt"
            ),
            {"receipt": receipt},
        )
        assert found.scalar_one() == "food"
    assert business_day(app.bank.desk.clock.now()) == TODAY


def test_the_command_prints_the_day(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    pay(app, ASHA, 500_00)
    database = app.engine.url.render_as_string(hide_password=False)
    settings = Settings(env="test", database_url=database, redis_url="redis://127.0.0.1:1")
    asked = Namespace(number="520001", day=TODAY)
    assert merchant_day(settings, asked) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "Duka la Juma, till 520001, Friday 20 November 2026"
    assert [line.split() for line in printed[1:3]] == [
        ["Opening", "0.00"],
        ["Payments", "1", "500.00"],
    ]
    assert merchant_day(settings, Namespace(number="520009", day=TODAY)) == 1
    assert capsys.readouterr().out == "No shop goes by 520009.\n"
