"""No statement of a payment reads a table whole, not even when it was planned on an empty one."""

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock

TABLES = (
    "accounts",
    "agreements",
    "answers",
    "legs",
    "parties",
    "quotes",
    "shards",
    "tail",
    "usages",
)
PAYMENTS = 30
_READ_WHOLE = """
SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname = ANY (%s) ORDER BY relname
"""


def scans(app: App) -> dict[str, int]:
    with app.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        rows = connection.exec_driver_sql(_READ_WHOLE, (list(TABLES),)).all()
    return {row.relname: row.seq_scan for row in rows}


def test_payments_on_a_new_database_find_all_by_index(app: App, clock: FrozenClock) -> None:
    plant(app.bank.desk, CAST)

    def pay(turn: int) -> None:
        clock.advance(seconds=60)  # nobody pays thirty times in a minute
        args = {"type": "send_money", "payee": BARAKA.msisdn, "amount": 1_00}
        quoted = app.bank.serve("quote", ASHA.msisdn, args)
        consent = {"quote": quoted["quote_id"], "pin": ASHA.pin}
        app.bank.serve("accept_quote", ASHA.msisdn, consent, f"plan:{turn}")

    pay(0)
    before = scans(app)
    for turn in range(1, PAYMENTS):
        pay(turn)
    app.bank.desk.reads.dispose()  # whatever it counted is told when it ends
    app.engine.dispose()
    after = scans(app)
    read_whole = {table: after[table] - before[table] for table in TABLES}
    assert {table: count for table, count in read_whole.items() if count >= PAYMENTS - 1} == {}
