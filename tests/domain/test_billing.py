"""Bills and what pays them: from an account number as typed to the invoice, in the payment's own
entry; part payments, too much, nobody's numbers, and payments that are taken back.
"""

import pytest

from tests.domain import billed
from tests.domain.billed import (
    BILLED,
    MAJI,
    bill,
    credit,
    customer,
    mpesa,
    state,
    take_back,
    wallet,
)
from tests.domain.trade import held
from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain.billing import books, invoices, sales
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused


@pytest.fixture(autouse=True)
def _town(app: App) -> None:
    plant(app.bank.desk, BILLED)


def said_to(app: App, msisdn: str) -> list[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT template FROM outbox WHERE kind = 'sms' AND address = %s ORDER BY id", (msisdn,)
        )
        return list(rows.scalars())


def test_an_invoice_is_owed_and_told(app: App) -> None:
    sent = bill(app, customer(app), 1_200_00)
    assert (sent.number, sent.state, sent.open_minor) == ("INV1", "UNPAID", 1_200_00)
    assert said_to(app, ASHA.msisdn)[-1] == "bill_new"
    billed.must_be_in_order(app)


def test_a_payment_names_its_invoice_first(app: App) -> None:
    whom = customer(app)
    old, new = bill(app, whom, 500_00), bill(app, whom, 300_00)
    mpesa(app, "inv-002", 400_00, "A")
    assert state(app, new) == ("PAID", 0)
    assert state(app, old) == ("PARTIALLY_PAID", 400_00)
    billed.must_be_in_order(app)


def test_a_customers_number_pays_the_oldest_first_and_the_rest_is_credit(app: App) -> None:
    whom = customer(app)
    later = bill(app, whom, 500_00)
    sooner = bill(app, whom, 300_00, billed.TODAY)
    mpesa(app, "acc 12", 350_00, "A")
    assert state(app, sooner) == ("PAID", 0)
    assert state(app, later) == ("PARTIALLY_PAID", 450_00)
    mpesa(app, "12", 1_000_00, "B")
    assert state(app, later) == ("PAID", 0)
    assert credit(app, whom) == 550_00
    assert said_to(app, ASHA.msisdn)[-2:] == ["bill_paid_many", "bill_paid_over"]
    billed.must_be_in_order(app)


def test_what_was_paid_ahead_pays_the_next_invoice(app: App) -> None:
    whom = customer(app)
    mpesa(app, "ACC12", 400_00, "A")
    first, second = bill(app, whom, 300_00), bill(app, whom, 300_00)
    assert state(app, first) == ("PAID", 0)
    assert state(app, second) == ("PARTIALLY_PAID", 200_00)
    assert credit(app, whom) == 0
    billed.must_be_in_order(app)


def test_a_wallet_pays_like_mpesa_and_the_biller_bears_the_charge(app: App) -> None:
    sent = bill(app, customer(app), 1_000_00)
    wallet(app, ASHA, "INV1", 600_00)
    assert state(app, sent) == ("PARTIALLY_PAID", 400_00)
    assert held(app, f"bill_charges/{books_owner(app)}") > 0
    billed.must_be_in_order(app)


def books_owner(app: App) -> str:
    return f"paybill-{billed.kept(app).biller_id}"


def test_a_number_that_nobody_has_is_refused_to_a_wallet_and_kept_aside_from_mpesa(
    app: App,
) -> None:
    customer(app)
    with pytest.raises(Refused) as refused:
        wallet(app, ASHA, "ACC99", 100_00)
    assert refused.value.code is RefusalCode.UNKNOWN_BILL_ACCOUNT
    mpesa(app, "ACC99", 100_00, "A")
    assert held(app, f"bill_unplaced/{books_owner(app)}") == 100_00
    billed.must_be_in_order(app)


def test_one_payment_and_one_customers_day_have_a_most(app: App) -> None:
    customer(app)
    for key in ("A", "B"):
        mpesa(app, "ACC12", 249_999_00, key)
    for minor, code in (
        (250_000_01, RefusalCode.AMOUNT_TOO_LARGE),
        (3_00, RefusalCode.DAILY_LIMIT),
    ):
        with pytest.raises(Refused) as refused:
            wallet(app, ASHA, "ACC12", minor)
        assert refused.value.code is code
    wallet(app, ASHA, "ACC12", 2_00)


def test_a_payment_taken_back_opens_its_invoices_again(app: App) -> None:
    whom = customer(app)
    first, second = bill(app, whom, 500_00), bill(app, whom, 300_00)
    done = wallet(app, ASHA, "ACC12", 700_00)
    assert [state(app, each)[0] for each in (first, second)] == ["PAID", "PARTIALLY_PAID"]
    take_back(app, str(done["receipt"]))
    assert state(app, first) == ("UNPAID", 500_00)
    assert state(app, second) == ("UNPAID", 300_00)
    assert said_to(app, ASHA.msisdn)[-1] == "bill_reopened_many"
    billed.must_be_in_order(app)


def test_a_payment_is_taken_back_even_when_its_credit_was_used_since(app: App) -> None:
    whom = customer(app)
    done = wallet(app, ASHA, "ACC12", 700_00)
    mpesa(app, "ACC12", 100_00, "B")
    first, second = bill(app, whom, 400_00), bill(app, whom, 350_00)
    assert (state(app, first), state(app, second)) == (("PAID", 0), ("PAID", 0))
    assert credit(app, whom) == 50_00
    before = len(said_to(app, ASHA.msisdn))
    take_back(app, str(done["receipt"]))
    told = said_to(app, ASHA.msisdn)[before:]
    assert told.count("bill_reopened") == 2, "one for each use of credit that is undone"
    owed = state(app, first)[1] + state(app, second)[1]
    assert owed == 650_00
    assert credit(app, whom) == 0
    billed.must_be_in_order(app)


def test_a_credit_note_takes_back_what_is_not_paid_and_no_more(app: App) -> None:
    whom = customer(app)
    whole, part, paid = (bill(app, whom, 500_00) for _ in range(3))
    mpesa(app, "INV2", 200_00, "A")
    mpesa(app, "INV3", 500_00, "B")
    desk = app.bank.desk
    assert invoices.take_back(desk, whole.id).state == "CANCELLED"
    assert invoices.take_back(desk, part.id).state == "PAID"
    with pytest.raises(Refused) as refused:
        invoices.take_back(desk, paid.id)
    assert refused.value.code is RefusalCode.NOTHING_OPEN
    assert held(app, f"bill_revenue/{books_owner(app)}") == 700_00
    billed.must_be_in_order(app)


def test_tax_is_parted_from_revenue_and_given_back_in_proportion(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE agreements SET terms = terms || \'{"vat": "16"}\'')
    sent = bill(app, customer(app), 1_000_00)
    owner = books_owner(app)
    assert sent.open_minor == 1_160_00
    assert held(app, f"bill_tax/{owner}") == 160_00
    mpesa(app, "INV1", 580_00, "A")
    invoices.take_back(app.bank.desk, sent.id)
    assert held(app, f"bill_tax/{owner}") == 80_00
    assert held(app, f"bill_revenue/{owner}") == 500_00
    billed.must_be_in_order(app)


def sale(app: App, minor: int) -> sales.Sale:
    own = billed.kept(app)
    with app.engine.begin() as connection:
        drafted = sales.draft(
            *(app.bank.desk, connection, own), what="Drum", price_minor=minor, msisdn=ASHA.msisdn
        )
    return sales.begin(app.bank.desk, drafted)


def test_a_sale_is_revenue_once_it_is_paid(app: App) -> None:
    sold, owner = sale(app, 250_00), books_owner(app)
    assert (sold.number, sold.state) == ("POS1", "PENDING")
    assert held(app, f"bill_revenue/{owner}") == 0
    mpesa(app, "POS 1", 300_00, "A")
    assert sales.by_id(app.bank.desk, sold.id).state == "PAID"
    assert held(app, f"bill_revenue/{owner}") == 250_00
    assert held(app, f"bill_unplaced/{owner}") == 50_00
    assert said_to(app, MAJI.msisdn) == ["bill_sale_paid", "bill_sale_late"]
    billed.must_be_in_order(app)


def test_a_sale_that_nobody_pays_is_none(app: App, clock: FrozenClock) -> None:
    sold = sale(app, 250_00)
    clock.advance(seconds=899)
    assert sales.expire(app.bank.desk) == 0
    clock.advance(seconds=1)
    assert sales.expire(app.bank.desk) == 1
    assert sales.by_id(app.bank.desk, sold.id).state == "EXPIRED"
    assert held(app, f"bill_pending/{books_owner(app)}") == 0
    mpesa(app, "POS1", 250_00, "A")
    assert held(app, f"bill_unplaced/{books_owner(app)}") == 250_00
    billed.must_be_in_order(app)


def test_books_begin_with_what_was_there(app: App, clock: FrozenClock) -> None:
    from ussd_app.domain.billing import openings

    mpesa(app, "anything", 500_00, "before")
    whom = customer(app)
    mpesa(app, "ACC12", 70_00, "after")
    assert openings.enter(app.bank.desk) == 0
    clock.advance(seconds=61)
    assert openings.enter(app.bank.desk) == 1
    assert openings.enter(app.bank.desk) == 0
    assert held(app, f"bill_equity/{books_owner(app)}") == 500_00
    assert credit(app, whom) == 70_00
    billed.must_be_in_order(app)


def test_takings_taken_out_leave_cash(app: App) -> None:
    bill(app, customer(app), 500_00)
    mpesa(app, "INV1", 500_00, "A")
    shop = str(billed.kept(app).biller_id)
    args = {"shop": shop, "amount": 200_00, "pin": MAJI.pin}
    app.bank.serve("settle_shop", MAJI.msisdn, args, "s:settle:1")
    assert held(app, f"bill_bank/{books_owner(app)}") == 200_00
    assert held(app, f"{books.CASH}/{books_owner(app)}") == 300_00
    billed.must_be_in_order(app)


def test_a_paid_sale_whose_payment_is_taken_back_is_no_sale(app: App, clock: FrozenClock) -> None:
    sold = sale(app, 250_00)
    done = wallet(app, ASHA, "POS1", 250_00)
    take_back(app, str(done["receipt"]))
    assert sales.by_id(app.bank.desk, sold.id).state == "PENDING"
    clock.advance(seconds=901)
    assert sales.expire(app.bank.desk) == 1
    assert sales.by_id(app.bank.desk, sold.id).state == "EXPIRED"
    assert held(app, f"bill_revenue/{books_owner(app)}") == 0
    billed.must_be_in_order(app)


def test_an_invoice_that_nobody_came_to_send_is_sent_once(app: App, clock: FrozenClock) -> None:
    whom, own = customer(app), billed.kept(app)
    mpesa(app, "ACC12", 30_00, "A")
    with app.engine.begin() as connection:
        lines = [invoices.Line("Water", 100_00), invoices.Line("Meter", 25_00, 2)]
        given = (app.bank.desk, connection, own, whom, lines, billed.TODAY)
        drafted = invoices.draft(*given)
    assert invoices.by_id(app.bank.desk, drafted).state == "DRAFT"
    assert invoices.send_forgotten(app.bank.desk) == 0
    clock.advance(seconds=61)
    assert [invoices.send_forgotten(app.bank.desk) for _ in range(2)] == [1, 0]
    assert state(app, invoices.by_id(app.bank.desk, drafted)) == ("PARTIALLY_PAID", 120_00)
    billed.must_be_in_order(app)
