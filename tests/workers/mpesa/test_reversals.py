"""A payment from M-PESA that somebody was given, taken back: asked of Safaricom once, with its
value held, or seen there; the entry is undone with all that it paid, and never below a floor.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.people import STAFF
from tests.workers import looks
from tests.workers.conftest import ASHA
from tests.workers.mpesa.payouts import FULL, Payouts
from ussd_app.domain import agreements, mpesa_back, mpesa_reversals
from ussd_app.domain.billing import books, customers, invoices
from ussd_app.domain.billing.invoices import Invoice, Line
from ussd_app.domain.mpesa import arrival, matching
from ussd_app.domain.mpesa.arrival import Payment
from ussd_app.domain.two_of_staff import SaidAlready, Undecided
from ussd_app.ledger import audit

pytestmark = pytest.mark.usefixtures("staff")

PAID = 300_00
RECEIPT = "UKA0000001"


@pytest.fixture(autouse=True)
def _in_order(mpesa: Payouts, engine: Engine) -> Iterator[None]:
    yield
    assert not audit.run(engine)
    assert house(mpesa) == sum(row.amount_minor for row in looks.rows(mpesa.app, _THERE)), (
        "what lies at Safaricom is what came and was not reversed"
    )


_THERE = """
SELECT m.amount_minor FROM mpesa_receipts m JOIN entries e ON e.key = 'mpesa:' || m.mpesa
WHERE NOT EXISTS (SELECT FROM entries b LEFT JOIN holds h ON h.id = b.id
                   WHERE b.type = 'mpesa_reversed' AND b.facts->'said'->>'mpesa' = m.mpesa
                     AND (h.state = 'settled' OR b.reverses IS NOT NULL))
"""


def house(mpesa: Payouts) -> int:
    return held(mpesa, "mpesa/house")


def held(mpesa: Payouts, account: str) -> int:
    id_ = mpesa.app.bank.desk.house[account]
    return mpesa.app.book.balances([id_])[id_].total


def came(mpesa: Payouts, account: str, minor: int = PAID, receipt: str = RECEIPT) -> None:
    """Money paid into our pay bill under an account number."""
    at = mpesa.app.clock.now() - timedelta(seconds=5)
    payment = Payment(receipt, minor, account, "2547*****126", "JANE", at)
    with mpesa.app.engine.begin() as connection:
        arrival.only(arrival.place(mpesa.app.bank.desk, connection, [payment]))


def billed(mpesa: Payouts, minor: int) -> Invoice:
    """An invoice of Asha's at the biller."""
    desk = mpesa.app.bank.desk
    shop = agreements.by_number(desk.reads, "paybill", "880011")
    assert shop is not None
    with desk.engine.begin() as connection:
        own = books.opened(desk, connection, shop)
        whom = customers.find(connection, own.biller_id, "ACC1")
        lines = [Line("Water", minor)]
        day = desk.clock.now().date() + timedelta(days=9)
        drafted = invoices.draft(desk, connection, own, whom, lines, day)
    return invoices.send(desk, drafted)


def state(mpesa: Payouts, invoice: Invoice) -> tuple[str, int]:
    now = invoices.by_id(mpesa.app.bank.desk, invoice.id)
    return now.state, now.open_minor


def wanted(mpesa: Payouts, receipt: str = RECEIPT) -> str:
    """Both of the staff want it reversed; our name for the request."""
    desk = mpesa.app.bank.desk
    assert mpesa_reversals.want(desk, receipt, "joyce") is None
    name = mpesa_reversals.want(desk, f" {receipt.lower()} ", "wanjiru")
    assert name is not None
    mpesa.drain()
    return name


def seen(mpesa: Payouts, theirs: str = "UKB0000001") -> str | None:
    desk = mpesa.app.bank.desk
    assert mpesa_reversals.enter_seen(desk, RECEIPT, theirs, "joyce") is None
    return mpesa_reversals.enter_seen(desk, RECEIPT, theirs, "wanjiru")


def spend(mpesa: Payouts, shillings: int) -> None:
    mpesa.send(shillings)


def test_one_of_the_staff_alone_reverses_nothing(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    assert mpesa_reversals.want(mpesa.app.bank.desk, RECEIPT, "joyce") is None
    with pytest.raises(SaidAlready):
        mpesa_reversals.want(mpesa.app.bank.desk, RECEIPT, " Joyce")
    mpesa.drain()
    assert (mpesa.asked, mpesa.available()) == ([], FULL + PAID)


def test_a_top_up_is_held_then_asked_for_once_then_undone(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    name = wanted(mpesa)
    assert (mpesa.asked, mpesa.available()) == ([name], FULL)
    assert mpesa.taken[name].facts["mpesa_receipt"] == RECEIPT
    for _ in range(2):
        mpesa.paid(name)
        mpesa.drain()
    assert (mpesa.available(), house(mpesa), mpesa.state(name)) == (FULL, 0, "done")
    assert mpesa.told()[-2:] == ["mpesa_reversal_asked", "mpesa_reversed"]
    with pytest.raises(Undecided, match="undone already"):
        mpesa_reversals.want(mpesa.app.bank.desk, RECEIPT, "joyce")


def test_nobody_asks_for_it_again_while_safaricom_has_not_answered(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    wanted(mpesa)
    desk = mpesa.app.bank.desk
    mpesa_reversals.want(desk, RECEIPT, "joyce")
    with pytest.raises(Undecided, match="is being asked"):
        mpesa_reversals.want(desk, RECEIPT, "wanjiru")
    with pytest.raises(Undecided, match="is being asked"):
        mpesa_reversals.enter_seen(desk, RECEIPT, "UKB0000001", "joyce")
    assert len(mpesa.asked) == 1


def test_what_was_reversed_already_is_undone_by_asking(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    name = wanted(mpesa)
    mpesa.failed(name, "R000001")
    mpesa.drain()
    assert (mpesa.available(), house(mpesa)) == (FULL, 0)


def test_what_safaricom_does_not_reverse_is_free_and_may_be_wanted_again(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    first = wanted(mpesa)
    mpesa.failed(first, "R000002")
    mpesa.drain()
    assert (mpesa.available(), mpesa.told()[-1]) == (FULL + PAID, "mpesa_not_reversed")
    second = wanted(mpesa)
    assert mpesa.asked == [first, second]
    mpesa.paid(second)
    mpesa.drain()
    assert (mpesa.available(), house(mpesa)) == (FULL, 0)


def test_what_is_spent_is_refused_before_anybody_is_asked(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    spend(mpesa, 1_700)
    desk = mpesa.app.bank.desk
    mpesa_reversals.want(desk, RECEIPT, "joyce")
    with pytest.raises(Undecided, match="spent"):
        mpesa_reversals.want(desk, RECEIPT, "wanjiru")
    with pytest.raises(Undecided, match="spent"):
        seen(mpesa)
    assert not mpesa.taken


def test_a_bill_is_open_again_and_its_customer_told(mpesa: Payouts) -> None:
    sent = billed(mpesa, PAID)
    came(mpesa, "880011 INV1")
    assert state(mpesa, sent) == ("PAID", 0)
    mpesa.paid(wanted(mpesa))
    mpesa.drain()
    assert state(mpesa, sent) == ("UNPAID", PAID)
    assert "bill_reopened" in _told(mpesa)


def test_credit_that_paid_another_bill_since_is_taken_back_first(mpesa: Payouts) -> None:
    came(mpesa, "880011 ACC1")
    sent = billed(mpesa, PAID)
    assert state(mpesa, sent) == ("PAID", 0)
    mpesa.paid(wanted(mpesa))
    mpesa.drain()
    assert state(mpesa, sent) == ("UNPAID", PAID)


def test_what_staff_had_placed_leaves_by_suspense(mpesa: Payouts) -> None:
    placed(mpesa)
    mpesa.paid(wanted(mpesa))
    mpesa.drain()
    assert (mpesa.available(), held(mpesa, "suspense/house"), house(mpesa)) == (FULL, 0, 0)
    (row,) = looks.rows(mpesa.app, "SELECT state FROM unplaced")
    assert row.state == "sent_back"


def placed(mpesa: Payouts) -> None:
    came(mpesa, "NOBODY")
    for who in ("joyce", "wanjiru"):
        with mpesa.app.engine.begin() as connection:
            matching.give(mpesa.app.bank.desk, connection, RECEIPT, ASHA, who)
    assert mpesa.available() == FULL + PAID


def test_what_still_lies_aside_is_given_back_the_other_way(mpesa: Payouts) -> None:
    came(mpesa, "NOBODY")
    with pytest.raises(Undecided, match="Nobody was given"):
        mpesa_reversals.want(mpesa.app.bank.desk, RECEIPT, "joyce")


@pytest.mark.parametrize("how", ["at once", "placed"])
def test_what_safaricom_has_reversed_by_itself_is_undone_when_two_say_so(
    mpesa: Payouts, how: str
) -> None:
    (placed if how == "placed" else lambda it: came(it, ASHA))(mpesa)
    assert seen(mpesa)
    assert (mpesa.available(), held(mpesa, "suspense/house"), house(mpesa)) == (FULL, 0, 0)
    mpesa.drain()
    assert (mpesa.asked, mpesa.told()[-1]) == ([], "mpesa_reversed")
    with pytest.raises(Undecided, match="undone already"):
        seen(mpesa)


def test_nobody_decides_about_what_they_have_got(mpesa: Payouts) -> None:
    came(mpesa, STAFF[0].msisdn)
    with pytest.raises(Undecided, match="their own"):
        mpesa_reversals.want(mpesa.app.bank.desk, RECEIPT, "joyce")
    with pytest.raises(Undecided, match="their own"):
        seen(mpesa)


def test_both_must_name_the_same_reversal(mpesa: Payouts) -> None:
    came(mpesa, ASHA)
    desk = mpesa.app.bank.desk
    assert mpesa_reversals.enter_seen(desk, RECEIPT, "UKB0000001", "joyce") is None
    assert mpesa_reversals.enter_seen(desk, RECEIPT, "UKB0000002", "wanjiru") is None
    assert mpesa_reversals.want(desk, RECEIPT, "joyce") is None
    with pytest.raises(Undecided, match="receipt of the reversal"):
        mpesa_reversals.enter_seen(desk, RECEIPT, RECEIPT, "joyce")
    assert mpesa.available() == FULL + PAID


def test_the_book_follows_once_whoever_dies_in_between(
    mpesa: Payouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed(mpesa)
    name = wanted(mpesa)
    with monkeypatch.context() as dies:
        dies.setattr(mpesa_reversals, "_leave_suspense", lambda *_: 1 / 0)
        mpesa.paid(name)
        mpesa.drain()
    assert (held(mpesa, "suspense/house"), mpesa.state(name)) == (PAID, "agreed")
    mpesa.wait(301)
    assert (held(mpesa, "suspense/house"), mpesa.state(name)) == (0, "done")
    (row,) = looks.rows(mpesa.app, "SELECT id, entry_id FROM errands")
    mpesa_back.settle(mpesa.app.bank.desk, row.entry_id, f"errand:{name}:agreed", {})
    assert (mpesa.available(), house(mpesa)) == (FULL, 0)


def _told(mpesa: Payouts) -> list[str]:
    said = "SELECT template FROM outbox WHERE address = %s AND kind = 'sms' ORDER BY id"
    return [row.template for row in looks.rows(mpesa.app, said, ASHA)]
