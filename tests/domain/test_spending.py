"""What a month counts as spent and as income, when some of it was given back; and that no more of
a wallet's history is read than was asked for."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Connection

from tests.domain.street import give_back, open_street, pay
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain import disputes, months, parties, spending
from ussd_app.domain.parties import Party
from ussd_app.domain.seeds import Seed
from ussd_app.kernel.clock import FrozenClock

DAY_S = 86_400
NEXT_MONTH = 11 * DAY_S


@pytest.fixture(autouse=True)
def _street(app: App) -> None:
    open_street(app)


def send(app: App, key: str, amount: int, payer: Seed = ASHA, payee: Seed = BARAKA) -> str:
    args = {"type": "send_money", "payee": payee.msisdn, "amount": amount}
    quote = app.bank.serve("quote", payer.msisdn, args)["quote_id"]
    done = app.bank.serve("accept_quote", payer.msisdn, {"quote": quote, "pin": payer.pin}, key)
    return str(done["receipt"])


def reversed_by_baraka(app: App, receipt: str) -> None:
    """Asha asks a payment back, and Baraka gives back what is left of it."""
    proof = app.bank.serve("recent_payments", ASHA.msisdn, {"pin": ASHA.pin}, "b:1")["proof"]
    asked = {"proof": proof, "payment": receipt}
    app.bank.serve("request_reversal", ASHA.msisdn, asked, "b:2")
    dispute = app.bank.serve("question", BARAKA.msisdn, {})["dispute"]
    given = {"dispute": dispute, "pin": BARAKA.pin}
    app.bank.serve("give_back", BARAKA.msisdn, given, "b:3")
    assert disputes.by_id(app.engine, int(str(dispute))).state == "returned"


def month(app: App, who: Seed, first: date = date(2026, 11, 1)) -> tuple[int, int, dict[str, int]]:
    """What came, what went and what for, without the opening balance."""
    with app.engine.connect() as connection:
        party = parties.known(connection, who.msisdn)
        found = months._of(app.bank.desk, connection, party, first)
    opening = who.balance_minor if first.month == 11 else 0
    return found.came_minor - opening, found.went_minor, dict(found.went_for)


def test_a_refunded_payment_is_neither_spent_nor_income(app: App, clock: FrozenClock) -> None:
    pay(app, ASHA, 300_00)
    back = pay(app, ASHA, 500_00)
    clock.advance(seconds=DAY_S)
    give_back(app, back, "r:1")
    assert month(app, ASHA) == (0, 300_00, {"food": 300_00})


def test_a_reversed_payment_leaves_its_fee(app: App) -> None:
    reversed_by_baraka(app, send(app, "s:1", 500_00))
    assert month(app, ASHA) == (0, 7_00, {"fees": 7_00})
    assert month(app, BARAKA) == (0, 0, {})


def test_what_was_spent_before_it_was_asked_back_stays_spent(app: App) -> None:
    paid = send(app, "s:1", 500_00)
    send(app, "s:2", 407_00, BARAKA, ASHA)  # with a fee of 7; 500 + 20 - 414 are left: 106
    reversed_by_baraka(app, paid)
    assert month(app, ASHA) == (407_00, 401_00, {"people": 394_00, "fees": 7_00})
    assert month(app, BARAKA) == (394_00, 414_00, {"people": 407_00, "fees": 7_00})


def test_what_comes_back_in_another_month_comes_in_where_it_came(
    app: App, clock: FrozenClock
) -> None:
    clock.advance(seconds=10 * DAY_S)  # the last of November
    back = pay(app, ASHA, 500_00)
    before = month(app, ASHA)
    clock.advance(seconds=DAY_S)
    give_back(app, back, "r:1")
    assert month(app, ASHA) == before == (0, 500_00, {"food": 500_00})
    assert month(app, ASHA, date(2026, 12, 1)) == (500_00, 0, {})


# how much is read

_READ = """
SELECT sum(idx_tup_fetch + seq_tup_read)::bigint FROM pg_stat_xact_user_tables
WHERE relname IN ('legs', 'answers')
"""


def read(app: App, look: Callable[[Connection, Party], object]) -> int:
    """How many legs and entries a look at Asha's wallet reads, where there are too many to read
    the tables whole."""
    with app.engine.connect() as connection:
        party = parties.known(connection, ASHA.msisdn)
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        before = connection.exec_driver_sql(_READ).scalar_one()
        look(connection, party)
        return int(connection.exec_driver_sql(_READ).scalar_one() - before)


def test_a_month_and_the_last_payments_read_what_they_show(
    app: App, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "PAGE", 4)
    for n in range(30):
        clock.advance(seconds=60)
        send(app, f"s:{n}", 10_00)
    clock.advance(seconds=NEXT_MONTH)
    for n in range(3):
        send(app, f"t:{n}", 10_00)
    desk = app.bank.desk
    page, lines = 2 * 4, 2 * (1 + 30 + 3)  # of each line a leg and an entry
    december = read(app, lambda book, who: months._of(desk, book, who, date(2026, 12, 1)))
    assert december <= page
    assert read(app, lambda book, who: spending.last_out(book, who, 5)) <= 2 * 5 + 5
    november = read(app, lambda book, who: months._of(desk, book, who, date(2026, 11, 1)))
    assert november == lines


def test_pages_lose_nothing_and_show_nothing_twice(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending, "PAGE", 3)
    for n in range(7):
        send(app, f"s:{n}", 10_00 + n)
    with app.engine.connect() as connection:
        party = parties.known(connection, ASHA.msisdn)
        lines = spending.since(connection, party, app.clock.now())
        assert [-line.minor for line in lines] == [-ASHA.balance_minor, *range(10_00, 10_07)]
        out = spending.last_out(connection, party, 5)
        assert [-line.minor for line in out] == [10_06, 10_05, 10_04, 10_03, 10_02]
        assert spending.newest(connection, party) == lines[-1]
