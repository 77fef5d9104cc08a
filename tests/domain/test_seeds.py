"""The cast of a development server, planted as often as one likes."""

from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant


def test_the_biller_of_the_cast_has_customers_once(app: App) -> None:
    for _ in range(2):
        plant(app.bank.desk)
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT c.number, c.name FROM billing_customers c ORDER BY c.number"
        )
        assert [tuple(row) for row in rows] == [("ACC1", "Asha Wanjiku"), ("ACC2", "Baraka Otieno")]
