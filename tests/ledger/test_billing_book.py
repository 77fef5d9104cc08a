"""The third book: every biller's own accounts, apart from e-money, the house and one another."""

import pytest

from tests.ledger.town import Town
from ussd_app.ledger import audit
from ussd_app.ledger.book import BelowFloor, CrossesBooks

CHART = {
    "bill_cash": ("debit", "tallied", None),
    "bill_receivable": ("debit", "locked", 0),
    "bill_revenue": ("credit", "tallied", None),
}


@pytest.fixture
def town(town: Town) -> Town:
    """The town, and two billers with an invoice each."""
    for biller in ("paybill-1", "paybill-2"):
        for kind, (side, mode, floor) in CHART.items():
            invoice = ".INV1" if kind == "bill_receivable" else ""
            name = f"{kind}/{biller}{invoice}"
            town.ids[name] = town.open(name, "billing", side, mode, floor)  # type: ignore[arg-type]
    return town


def bill(town: Town, amount_minor: int) -> None:
    legs = ("bill_receivable/paybill-1.INV1", "bill_revenue/paybill-1", amount_minor)
    town.book.post(town.draft(legs))


@pytest.mark.parametrize("other", ["bill_cash/paybill-2", "wallet/asha", "income/transfer_fees"])
def test_a_leg_leaves_no_billers_books(town: Town, other: str) -> None:
    with pytest.raises(CrossesBooks):
        town.book.post(town.draft(("bill_revenue/paybill-1", other, 5)))


def test_an_invoice_cannot_be_paid_beyond_what_is_open(town: Town) -> None:
    bill(town, 500)
    pay = ("bill_cash/paybill-1", "bill_receivable/paybill-1.INV1")
    town.book.post(town.draft((*pay, 300)))
    with pytest.raises(BelowFloor) as short:
        town.book.post(town.draft((*pay, 201)))
    assert short.value.account_id == town.ids[pay[1]]
    town.book.post(town.draft((*pay, 200)))
    town.must_be_clean()


def test_money_and_what_it_was_for_are_one_entry_and_undone_as_one(town: Town) -> None:
    bill(town, 500)
    town.book.post(town.draft(("trust/house", "wallet/asha", 900)))
    paid = town.book.post(
        town.draft(
            ("wallet/asha", "till/duka_la_juma", 500),
            ("bill_cash/paybill-1", "bill_receivable/paybill-1.INV1", 500),
        )
    )
    receivable = town.ids["bill_receivable/paybill-1.INV1"]
    assert town.book.balances([receivable])[receivable].total == 0
    town.book.reverse(town.draft(), paid.entry_id)
    assert town.book.balances([receivable])[receivable].total == 500
    town.must_be_clean()


def test_a_biller_whose_accounts_do_not_balance_is_found(town: Town) -> None:
    bill(town, 500)
    town.execute("UPDATE accounts SET balance_minor = 400 WHERE owner = 'paybill-1.INV1'")
    found = {each.law: each.subject for each in audit.run(town.engine)}
    assert found["every biller's own accounts balance"] == "books of paybill-1"


def test_books_that_were_mixed_are_found(town: Town) -> None:
    bill(town, 500)
    town.execute("ALTER TABLE accounts DISABLE TRIGGER USER")
    town.execute("UPDATE accounts SET owner = 'paybill-3.INV1' WHERE owner = 'paybill-1.INV1'")
    laws = {each.law for each in audit.run(town.engine)}
    assert "a leg of a biller's books stays in them" in laws
