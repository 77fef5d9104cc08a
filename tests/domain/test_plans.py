"""No statement of a payment reads a table whole, not even when it was planned on an empty one; and
none adds up what was appended to the accounts that everybody pays."""

from dataclasses import replace

from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock

TABLES = (
    "accounts",
    "agreements",
    "answers",
    "legs",
    "name_checks",
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
_ADDED_UP = """
SELECT relname, idx_tup_fetch FROM pg_stat_user_tables
WHERE relname = 'tail' AND relname = ANY (%s)
"""


def scans(app: App, which: str) -> dict[str, int]:
    with app.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        return dict(tuple(row) for row in connection.exec_driver_sql(which, (list(TABLES),)))


def scanned(app: App, clock: FrozenClock, which: str) -> dict[str, int]:
    """What so many payments with a fee scan, or fetch, by table."""
    plant(app.bank.desk, (replace(ASHA, balance_minor=10_000_00), BARAKA))

    def pay(turn: int) -> None:
        clock.advance(seconds=60)  # nobody pays thirty times in a minute
        args = {"type": "send_money", "payee": BARAKA.msisdn, "amount": 150_00}
        quoted = app.bank.serve("quote", ASHA.msisdn, args)
        consent = {"quote": quoted["quote_id"], "pin": ASHA.pin}
        app.bank.serve("accept_quote", ASHA.msisdn, consent, f"plan:{turn}")

    pay(0)
    before = scans(app, which)
    for turn in range(1, PAYMENTS):
        pay(turn)
    app.bank.desk.reads.dispose()  # whatever it counted is told when it ends
    app.engine.dispose()
    after = scans(app, which)
    return {table: after[table] - before[table] for table in after}


def test_payments_on_a_new_database_find_all_by_index(app: App, clock: FrozenClock) -> None:
    read_whole = scanned(app, clock, _READ_WHOLE)
    assert {table: count for table, count in read_whole.items() if count >= PAYMENTS - 1} == {}


def test_a_ceiling_of_the_payee_adds_up_no_account_of_the_house(
    app: App, clock: FrozenClock
) -> None:
    assert scanned(app, clock, _ADDED_UP)["tail"] < PAYMENTS - 1
