"""A receipt number that somebody has already is drawn anew, and the new one is told."""

from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant


def test_the_receipt_that_is_told_is_that_of_the_entry(app: App) -> None:
    plant(app.bank.desk)
    taken = app.ids.receipt(app.clock.now())
    args = {"type": "send_money", "payee": BARAKA.msisdn, "amount": 100_00}
    drawn = iter([taken, taken])
    fresh = app.ids.receipt
    for key in ("s:1", "s:2"):
        offer = app.bank.serve("quote", ASHA.msisdn, args)
        object.__setattr__(app.ids, "receipt", lambda now: next(drawn, None) or fresh(now))
        accepted = {"quote": offer["quote_id"], "pin": ASHA.pin}
        app.bank.serve("accept_quote", ASHA.msisdn, accepted, key=key)
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT e.receipt, o.facts->>'receipt'"
            " FROM outbox o JOIN entries e ON e.id = o.entry_id"
        ).all()
    assert len(rows) == 4
    assert len({receipt for receipt, _ in rows}) == 2
    assert all(receipt == told for receipt, told in rows)
