"""The cast of a development server, planted as often as one likes."""

import pytest

from simulator.desk import CAST
from ussd_app.bootstrap import App
from ussd_app.domain import staff
from ussd_app.domain.seeds import plant
from ussd_app.kernel.msisdn import parse


def test_the_biller_of_the_cast_has_customers_once(app: App) -> None:
    for _ in range(2):
        plant(app.bank.desk)
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT c.number, c.name FROM billing_customers c ORDER BY c.number"
        )
        assert [tuple(row) for row in rows] == [("ACC1", "Asha Wanjiku"), ("ACC2", "Baraka Otieno")]


def test_the_till_of_the_cast_has_an_operator_and_two_are_of_the_staff(app: App) -> None:
    for _ in range(2):
        plant(app.bank.desk)
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT a.number, p.name FROM operators o JOIN agreements a ON a.id = o.agreement_id"
            " JOIN parties p ON p.id = o.party_id"
        )
        assert [tuple(row) for row in rows] == [("520001", "Amina Yusuf")]
    assert staff.names(app.bank.desk) == ["joyce", "peter"]


@pytest.mark.parametrize(
    ("name", "menu"),
    [
        *(("asha", "customer"), ("baraka", "customer"), ("mama_njeri", "agent")),
        *(("wakuu", "agent"), ("duka_la_juma", "merchant"), ("amina", "merchant")),
        *(("joyce", "staff"), ("peter", "staff")),
    ],
)
def test_each_phone_of_the_page_has_its_menu(app: App, name: str, menu: str) -> None:
    plant(app.bank.desk)
    msisdn = parse(dict(CAST)[name])
    assert msisdn is not None
    assert app.bank.serve("caller", msisdn, {})["standing"] == menu
