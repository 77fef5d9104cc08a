"""Two customers send to each other in circles, from sixteen threads: no deadlock, no cent lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.bank import Bank
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit

pytestmark = pytest.mark.faults

THREADS = 16
TURNS = 12
AMOUNT_MINOR = 15_00


def test_circles_from_sixteen_threads(app: App) -> None:
    bank = Bank(replace(app.bank.desk, payments_per_minute=0))  # any number: they are sixteen
    plant(bank.desk, CAST)
    before = _money(app)

    def send(thread: int) -> int:
        payer, payee = (ASHA, BARAKA) if thread % 2 else (BARAKA, ASHA)
        sent = 0
        for turn in range(TURNS):
            asked = {"type": "send_money", "payee": payee.msisdn, "amount": AMOUNT_MINOR}
            try:
                quote = bank.serve("quote", payer.msisdn, asked)["quote_id"]
                given = {"quote": quote, "pin": payer.pin}
                bank.serve("accept_quote", payer.msisdn, given, f"s:{thread}:{turn}")
                sent += 1
            except Refused as refused:
                if refused.code is not RefusalCode.INSUFFICIENT_FUNDS:
                    raise
        return sent

    with ThreadPoolExecutor(THREADS) as pool:
        sent = sum(pool.map(send, range(THREADS)))
    assert sent > THREADS * TURNS / 2
    assert _money(app) == before
    assert audit.run(app.engine) == []
    with app.engine.connect() as connection:
        entries = connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()
    assert entries == sent + len(CAST)


def _money(app: App) -> int:
    """All e-value there is: wallets and the house's float."""
    with app.engine.connect() as connection:
        ids = connection.exec_driver_sql(
            "SELECT id FROM accounts WHERE kind = 'wallet' OR (kind = 'float' AND owner = 'house')"
        ).scalars()
        return sum(balance.total for balance in app.book.balances(list(ids)).values())
