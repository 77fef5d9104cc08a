"""What a type writes beyond its sentences: in the same entry, whoever writes it, and true when
writers race for the same.

The test's own `also` pays one bill as far as the amount goes, between two accounts of the house's
own book: as invoices are paid in a biller's.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from tests.domain.trade import JUMA, accept, agreement, party, quote
from tests.people import ASHA, CAST, START
from ussd_app.bootstrap import App
from ussd_app.domain import also, arrivals, promises, roles
from ussd_app.domain.also import Also
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.drafting import ALSO_TRIES
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.ledger.book import Draft, Leg, OutboxRow

BILL_MINOR = 300_00
NAMED = ("send_money", "pay_till", "settle_till", "opening", "buy_airtime")


class Bill:
    """One bill of 300 shillings, and what was seen of the payments that looked at it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.due, self.sales, self.cash = (
            app.book.open_account(
                kind=kind,
                owner="bill",
                asset="KES",
                book="house",
                side=side,
                mode="locked",
                floor=0,
            )
            for kind, side in (("due", "debit"), ("sales", "credit"), ("cash", "debit"))
        )
        legs = (Leg(self.due, self.sales, BILL_MINOR),)
        app.book.post(Draft("test", "bill", b"bill" * 2, "bill", 9999, "", "BILL", START, legs))
        self.looked: list[Mapping[str, int]] = []
        self.together: Barrier | None = None
        self.fixed: int | None = None
        self.refuses = False

    def more(
        self,
        desk: Desk,
        kind: Type,
        accounts: Mapping[str, int],
        price: Mapping[str, int],
        said: Mapping[str, object],
    ) -> Also:
        """Pay what is due, as far as the amount goes."""
        self.looked.append(accounts)
        if self.refuses:
            raise Refused(RefusalCode.UNKNOWN_NUMBER)
        due = self.held(self.due) if self.fixed is None else self.fixed
        if self.together is not None and len(self.looked) <= self.together.parties:
            self.together.wait()
        paid = min(due, price[AMOUNT])
        legs = (Leg(self.cash, self.due, paid),) if paid else ()
        told = OutboxRow("sms", ASHA.msisdn, "bill_paid", "en", {"paid": paid})
        return Also(legs, (told,), {"settled": paid})

    def held(self, account: int) -> int:
        return self.app.book.balances([account])[account].total

    def must_be_paid(self, minor: int) -> None:
        assert (self.held(self.cash), self.held(self.due)) == (minor, BILL_MINOR - minor)
        assert audit.run(self.app.engine) == []


@pytest.fixture
def bill(app: App, monkeypatch: pytest.MonkeyPatch) -> Bill:
    """A bill that several types pay, in every way in which something can be written."""
    plant(app.bank.desk, (*CAST, JUMA))
    bill = Bill(app)
    monkeypatch.setitem(also.found(), "bill", bill.more)
    catalogue = app.bank.desk.catalogue
    named = {name: replace(catalogue.types[name], also="bill") for name in NAMED}
    object.__setattr__(catalogue, "types", {**catalogue.types, **named})
    return bill


def send(app: App, amount: int, key: str = "s:pay:1") -> str:
    sent = accept(app, ASHA, quote(app, ASHA, "send_money", amount, payee=CAST[1].msisdn), key)
    return str(sent["receipt"])


def told(app: App, receipt: str) -> dict[str, Mapping[str, object]]:
    """What was said with an entry, by template."""
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT o.template, o.facts FROM outbox o JOIN entries e ON e.id = o.entry_id"
            " WHERE e.receipt = %s",
            (receipt,),
        )
        return {row.template: row.facts for row in rows}


def test_what_is_accepted_pays_the_bill_in_the_same_entry(app: App, bill: Bill) -> None:
    receipt = send(app, 200_00)
    bill.must_be_paid(200_00)
    found = told(app, receipt)
    assert found["bill_paid"]["paid"] == 200_00
    assert found["bill_paid"]["receipt"] == receipt
    assert found["sent"]["settled"] == 200_00
    (accounts,) = bill.looked
    people = (party(app, ASHA), party(app, CAST[1]))
    assert (accounts[PAYER], accounts[PAYEE]) == tuple(each.wallet_id for each in people)


def test_it_knows_the_account_of_the_agreement_that_takes_part(app: App, bill: Bill) -> None:
    accept(app, ASHA, quote(app, ASHA, "pay_till", 100_00, number="520001"))
    (accounts,) = bill.looked
    assert accounts[PAYEE] == agreement(app, "till", "520001").account_id
    bill.must_be_paid(100_00)


def test_an_order_pays_it_too(app: App, bill: Bill) -> None:
    accept(app, ASHA, quote(app, ASHA, "pay_till", 100_00, number="520001"))
    args = {"shop": str(agreement(app, "till", "520001").id), "amount": 40_00, "pin": JUMA.pin}
    app.bank.serve("settle_shop", JUMA.msisdn, args, "s:settle:1")
    bill.must_be_paid(140_00)


def test_an_arrival_pays_it_too(app: App, bill: Bill) -> None:
    side = roles.own(app.bank.desk, "wallet", party(app, ASHA))
    for _ in range(2):
        arrivals.enter(app.bank.desk, "opening", 70_00, "came", b"came" * 2, payee=side)
    bill.must_be_paid(70_00)


def test_a_hold_pays_it_when_it_is_settled(app: App, bill: Bill) -> None:
    settled, void = (
        accept(app, ASHA, quote(app, ASHA, "buy_airtime", 50_00), key)["receipt"]
        for key in ("s:buy:1", "s:buy:2")
    )
    bill.must_be_paid(0)
    assert not bill.looked
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT receipt, id FROM entries")
        holds = {row.receipt: row.id for row in rows}
    promises.void(app.bank.desk, holds[void], "no")
    assert not bill.looked
    promises.settle(app.bank.desk, holds[settled], "yes")
    bill.must_be_paid(50_00)
    promises.undo(app.bank.desk, holds[settled], "no, after all")
    bill.must_be_paid(0)


def test_who_asks_again_is_answered_whatever_it_says_now(app: App, bill: Bill) -> None:
    first = quote(app, ASHA, "send_money", 100_00, payee=CAST[1].msisdn)
    answer = accept(app, ASHA, first)
    bill.refuses = True
    assert accept(app, ASHA, first) == answer
    assert accept(app, ASHA, first, "s:pay:2") == answer
    bill.must_be_paid(100_00)


def test_its_refusal_is_one_like_any(app: App, bill: Bill) -> None:
    offer = quote(app, ASHA, "send_money", 100_00, payee=CAST[1].msisdn)
    bill.refuses = True
    for _ in range(2):
        with pytest.raises(Refused) as refusal:
            accept(app, ASHA, offer)
        assert refusal.value.code is RefusalCode.UNKNOWN_NUMBER
    bill.must_be_paid(0)


def test_two_who_race_for_one_bill_are_both_right(app: App, bill: Bill) -> None:
    bill.together = Barrier(2, timeout=10)
    with ThreadPoolExecutor(2) as pool:
        receipts = list(pool.map(lambda n: send(app, 200_00, f"s:pay:{n}"), range(2)))
    paid = [told(app, receipt)["bill_paid"]["paid"] for receipt in receipts]
    assert sorted(map(int, map(str, paid))) == [100_00, 200_00]
    assert len(bill.looked) == 3
    bill.must_be_paid(BILL_MINOR)


def test_ten_who_race_pay_no_more_than_is_due(app: App, bill: Bill) -> None:
    with ThreadPoolExecutor(10) as pool:
        receipts = list(pool.map(lambda n: send(app, 70_00, f"s:pay:{n}"), range(10)))
    assert len(set(receipts)) == 10
    bill.must_be_paid(BILL_MINOR)


def test_what_never_fits_is_refused_in_the_end(app: App, bill: Bill) -> None:
    bill.fixed = BILL_MINOR + 1
    with pytest.raises(Refused) as refusal:
        send(app, BILL_MINOR + 1_00)
    assert refusal.value.code is RefusalCode.INSUFFICIENT_FUNDS
    assert len(bill.looked) == ALSO_TRIES
    bill.must_be_paid(0)


def test_a_payer_who_has_too_little_is_not_tried_again(app: App, bill: Bill) -> None:
    quotes = [quote(app, ASHA, "send_money", 900_00, payee=CAST[1].msisdn) for _ in range(2)]
    accept(app, ASHA, quotes[0])
    with pytest.raises(Refused) as refusal:
        accept(app, ASHA, quotes[1], "s:pay:2")
    assert refusal.value.code is RefusalCode.INSUFFICIENT_FUNDS
    assert len(bill.looked) == 2
    bill.must_be_paid(BILL_MINOR)
