"""A biller's books against figures worked out by hand, on the page below.

ACC12: INV1 of 1,000, due 30 days ago, and INV2 of 500, due in 14; paid 600 from M-PESA and 450 from
a wallet, whose charge of 5 the biller bears. ACC13: 400 paid ahead, INV3 of 2,000, due 95 days ago,
which they pay, 1,000 more from M-PESA, and the rest taken back. 33 came under a number of nobody. A
sale of 250 is paid, one of 90 waits. By hand: 2,000 put in by the owner, goods bought for 700, 300
of them used, 120 spent. 800 were taken out to the wallet.
"""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.domain import billed
from tests.domain.billed import BILLED, MAJI, TODAY, bill, customer, mpesa, wallet
from tests.people import ASHA, BARAKA
from ussd_app.bootstrap import App
from ussd_app.domain.billing import books, customers, invoices, journal, sales
from ussd_app.domain.billing.journal import NotToBeEntered
from ussd_app.domain.seeds import plant
from ussd_app.reports import billing, billing_proof


@pytest.fixture
def kept(app: App) -> books.Books:
    """The books after all that stands above."""
    plant(app.bank.desk, BILLED)
    desk, own = app.bank.desk, billed.kept(app)
    first, second = customer(app), customer(app, "ACC13", BARAKA)
    bill(app, first, 1_000_00, TODAY - timedelta(days=30))
    bill(app, first, 500_00)
    mpesa(app, "ACC12", 600_00, "A")
    wallet(app, ASHA, "INV2", 450_00)
    mpesa(app, "ACC13", 400_00, "B")
    third = bill(app, second, 2_000_00, TODAY - timedelta(days=95))
    mpesa(app, "INV3", 1_000_00, "C")
    invoices.take_back(desk, third.id)
    mpesa(app, "INV77", 33_00, "D")
    for what, minor in (("Drum", 250_00), ("Hose", 90_00)):
        with app.engine.begin() as connection:
            given = {"what": what, "price_minor": minor, "msisdn": None}
            drafted = sales.draft(desk, connection, own, **given)  # type: ignore[arg-type]
        sales.begin(desk, drafted)
    mpesa(app, "POS1", 250_00, "E")
    by_hand = (
        *(("1020", "3000", 2_000_00), ("1300", "1020", 700_00)),
        *(("5000", "1300", 300_00), ("5200", "1020", 120_00)),
    )
    for nth, (debit, credit, minor) in enumerate(by_hand):
        journal.make(desk, own, debit, credit, minor, "by hand", f"V{nth}")
    args = {"shop": str(own.biller_id), "amount": 800_00, "pin": MAJI.pin}
    app.bank.serve("settle_shop", MAJI.msisdn, args, "s:settle:1")
    return own


CHARGE = 5_00
CLOSING = {
    "1010": 600_00 + 450_00 - CHARGE + 400_00 + 1_000_00 + 33_00 + 250_00 - 800_00,
    "1020": 2_000_00 - 700_00 - 120_00 + 800_00,
    "1200": 400_00 + 50_00 + 90_00,
    "1300": 400_00,
    "2100": 0,
    "2200": 0,
    "2300": -33_00,
    "2400": -90_00,
    "3000": -2_000_00,
    "4000": -(1_000_00 + 500_00 + 1_400_00 + 250_00),
    "5000": 300_00,
    "5100": CHARGE,
    "5200": 120_00,
}


def test_the_trial_balance_is_that_of_the_page(app: App, kept: books.Books) -> None:
    lines = billing.trial_balance(app.engine, app.catalogue, kept)
    assert {each.account.code: each.closing_minor for each in lines} == CLOSING
    assert sum(each.closing_minor for each in lines) == 0
    assert billing_proof.verify(app.engine, app.catalogue, kept) == []


def test_a_day_without_business_opens_as_it_closes(app: App, kept: books.Books) -> None:
    tomorrow = TODAY + timedelta(days=1)
    lines = billing.trial_balance(app.engine, app.catalogue, kept, tomorrow, tomorrow)
    assert {each.account.code: each.opening_minor for each in lines} == CLOSING
    assert all(each.debit_minor == each.credit_minor == 0 for each in lines)


def test_income_and_balance_sheet(app: App, kept: books.Books) -> None:
    income = billing.income(app.engine, app.catalogue, kept)
    assert income.revenue_minor == 3_150_00
    assert income.costs_minor == 300_00 + CHARGE + 120_00
    assert income.profit_minor == 2_725_00
    sheet = billing.balance_sheet(app.engine, app.catalogue, kept)
    assert sheet.assets_minor == sum(CLOSING[code] for code in ("1010", "1020", "1200", "1300"))
    assert sheet.profit_minor == 2_725_00
    assert sheet.assets_minor == sheet.claims_minor == 4_848_00


def test_ageing_says_how_long_it_has_been_due(app: App, kept: books.Books) -> None:
    (one,) = billing.ageing(app.engine, kept, TODAY)
    assert (one.number, one.total_minor) == ("ACC12", 450_00)
    assert one.buckets == {
        "current": 50_00,
        "1-30": 400_00,
        "31-60": 0,
        "61-90": 0,
        "90+": 0,
    }
    (later,) = billing.ageing(app.engine, kept, TODAY + timedelta(days=61))
    assert (later.buckets["31-60"], later.buckets["90+"]) == (50_00, 400_00)


def test_the_journal_and_one_accounts_ledger(app: App, kept: books.Books) -> None:
    whole = billing.journal(app.engine, app.catalogue, kept)
    assert sum(each.amount_minor for each in whole if each.debit.code == "5000") == 300_00
    ledger = billing.journal(app.engine, app.catalogue, kept, code="1010")
    moved = sum(
        each.amount_minor if each.debit.code == "1010" else -each.amount_minor for each in ledger
    )
    assert moved == CLOSING["1010"]
    with pytest.raises(LookupError):
        billing.journal(app.engine, app.catalogue, kept, code="9999")


def test_a_customers_statement_ends_with_what_they_owe(app: App, kept: books.Books) -> None:
    with app.engine.connect() as connection:
        first = customers.find(connection, kept.biller_id, "ACC12")
        second = customers.find(connection, kept.biller_id, "ACC13")
    lines = billing.statement(app.engine, first.id)
    assert [each.amount_minor for each in lines] == [1_000_00, 500_00, -600_00, -450_00]
    assert lines[-1].balance_minor == 450_00
    assert billing.statement(app.engine, second.id)[-1].balance_minor == 0
    states = {each.number: each.state for each in billing.invoices(app.engine, kept)}
    assert states == {"INV1": "PARTIALLY_PAID", "INV2": "PARTIALLY_PAID", "INV3": "PAID"}


def test_entries_by_hand_count_once_and_are_undone_once(app: App, kept: books.Books) -> None:
    desk = app.bank.desk
    made = journal.make(desk, kept, "5200", "1020", 10_00, "Soap", "V9")
    assert journal.make(desk, kept, "5200", "1020", 10_00, "Soap", "V9") == made
    assert journal.undo(desk, kept, made) == journal.undo(desk, kept, made)
    lines = billing.trial_balance(app.engine, app.catalogue, kept)
    assert {each.account.code: each.closing_minor for each in lines} == CLOSING
    with pytest.raises(NotToBeEntered):
        journal.undo(desk, kept, "KB00001")
    for debit, credit in (("1010", "3000"), ("1200", "4000"), ("5200", "5200"), ("9999", "1020")):
        with pytest.raises(NotToBeEntered):
            journal.make(desk, kept, debit, credit, 1_00, "no", "V10")


def test_an_unplaced_payment_is_matched_once_to_whom_it_was_for(
    app: App, kept: books.Books
) -> None:
    desk = app.bank.desk
    with app.engine.connect() as connection:
        receipt = connection.exec_driver_sql(
            "SELECT receipt FROM entries WHERE key = 'mpesa:D'"
        ).scalar_one()
    journal.match(desk, kept, receipt, "ACC12")
    with pytest.raises(NotToBeEntered):
        journal.match(desk, kept, receipt, "ACC13")
    (one,) = billing.ageing(app.engine, kept, TODAY)
    assert one.total_minor == 450_00 - 33_00
    billed.take_back(app, receipt)
    (one,) = billing.ageing(app.engine, kept, TODAY)
    assert one.total_minor == 450_00
    billed.must_be_in_order(app)


def test_books_that_do_not_hold_are_told(app: App, kept: books.Books, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE billers SET opened = true")
        connection.exec_driver_sql(
            "UPDATE accounts SET balance_minor = 7 WHERE id IN"
            " (SELECT account_id FROM billing_customers WHERE number = 'ACC13')"
        )
    (fault,) = billing_proof.verify(app.engine, app.catalogue, kept)
    assert fault.startswith("ACC13 owes -7,")
