"""Payments from M-PESA: each entered once and to whom it names, or kept aside; none is lost."""

from typing import Any

import pytest

from tests.workers.conftest import ASHA, BARAKA
from tests.workers.mpesa.till import JUMA, Till
from ussd_app.bootstrap import build
from ussd_app.domain import also
from ussd_app.domain.also import Also
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.daraja import msisdn_hash
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger.book import Book
from ussd_app.settings import Settings
from workers import callbacks
from workers.shop import open_shop


def test_to_a_wallet_however_the_number_is_typed(till: Till) -> None:
    before = till.wallet(ASHA)
    for number, typed in enumerate(
        (
            "0712000001",
            "254712000001",
            "+254 712-000-001",
            "712000001",
            "*O712000001#",
            "tel 0712000001",
        )
    ):
        till.pay(f"UKW{number}", typed)
    till.work()
    assert till.wallet(ASHA) == before + 6 * 500_00
    assert till.said(ASHA).count("mpesa_topped_up") == 6
    assert till.aside() == {}
    (row,) = till.rows("SELECT facts FROM outbox WHERE facts->>'mpesa' = 'UKW0'")
    assert row.facts["sender"] == "JANE"
    assert row.facts["balance"] - before in {500_00 * n for n in range(1, 7)}


def test_to_a_till_and_to_a_biller(till: Till) -> None:
    till.pay("UKT1", "520001")
    till.pay("UKT2", "till 520001 ", "10")
    till.pay("UKB1", "880011 acc 12", "1500.50")
    till.pay("UKB2", "880011-INV/17", "1.00")
    till.work()
    assert till.shop("520001") == 510_00
    assert till.shop("880011") == 1_501_50
    assert till.said(JUMA.msisdn).count("mpesa_till_paid_in") == 2
    (entry,) = till.rows("SELECT facts FROM entries WHERE type = 'mpesa_bill' ORDER BY id LIMIT 1")
    assert entry.facts["said"]["reference"] == "ACC12"
    assert entry.facts["said"]["mpesa"] == "UKB1"


def test_what_nobody_can_place_is_kept_aside_with_the_reason(till: Till) -> None:
    till.boxes.change("UPDATE parties SET status = 'frozen' WHERE msisdn = %s", BARAKA)
    till.boxes.change("UPDATE parties SET tier = 1 WHERE msisdn = %s", ASHA)
    most = till.app.catalogue.tiers[1].balance_minor
    for mpesa, account in (
        ("UKA1", ""),
        ("UKA2", "KBM0001"),
        ("UKA3", "0799000999"),
        ("UKA4", "0722000002"),
        ("UKA5", "880011"),
        ("UKA6", "880099 ACC1"),
    ):
        till.pay(mpesa, account)
    till.pay("UKA7", "0712000001", str(most // 100))
    till.work()
    assert till.aside() == {
        "UKA1": "no account number",
        "UKA2": "unknown account number",
        "UKA3": "unknown account number",
        "UKA4": "account on hold",
        "UKA5": "the biller knows no such account",
        "UKA6": "unknown account number",
        "UKA7": "over the balance limit",
    }
    assert till.held("suspense/house") == 6 * 500_00 + most // 100 * 100


def test_a_payer_whom_we_know_by_digest_is_told(till: Till) -> None:
    till.pay("UKD1", "KBM0001", MSISDN=msisdn_hash(ASHA))
    till.pay("UKD2", "KBM0001", MSISDN=msisdn_hash("+254799000999"))
    till.pay("UKD3", "KBM0001", MSISDN="254722000002")
    till.work()
    assert till.said(ASHA).count("mpesa_kept_aside") == 1
    assert till.said(BARAKA).count("mpesa_kept_aside") == 1
    rows = till.rows("SELECT facts->>'payer' AS payer FROM unplaced ORDER BY reference")
    assert [row.payer for row in rows] == [ASHA, None, BARAKA]


def test_a_batch_is_entered_though_one_of_it_cannot_be_read(till: Till) -> None:
    ids = [till.pay(f"UKM{number}", "0712000001", "1.00") for number in range(20)]
    bad = till.boxes.hear("mpesa_c2b", "UKX1", raw="nonsense")
    other = till.pay("UKX2", "0712000001", BusinessShortCode="600984")
    before = till.wallet(ASHA)
    till.work()
    assert till.wallet(ASHA) == before + 20_00
    assert {till.boxes.came(id_).state for id_ in ids} == {"done"}
    assert till.boxes.came(bad).state == "dead"
    assert till.boxes.came(other).error == "paid to another pay bill than ours"
    assert till.alarms() == {"mpesa_not_understood": 1.0, "mpesa_elsewhere": 1.0}


def test_a_worker_that_dies_between_the_entry_and_the_inbox_enters_nothing_twice(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    till.boxes.change("UPDATE parties SET status = 'frozen' WHERE msisdn = %s", BARAKA)
    came = [till.pay("UKC1", "0712000001"), till.pay("UKC2", "0722000002")]
    before = till.wallet(ASHA)
    with monkeypatch.context() as dying:
        dying.setattr("workers.inbox.done", _die)
        dying.setattr(callbacks, "_note_failure", lambda *_: None)
        till.work()
    assert till.wallet(ASHA) == before + 500_00, "the entry is there"
    assert till.aside() == {}, "and what is told of it is not"
    till.boxes.change("UPDATE parties SET status = 'active' WHERE msisdn = %s", BARAKA)
    till.boxes.change("UPDATE parties SET status = 'frozen' WHERE msisdn = %s", ASHA)
    till.work()
    assert {till.boxes.came(id_).state for id_ in came} == {"done"}
    assert till.wallet(ASHA) == before + 500_00
    assert list(till.aside()) == ["UKC2"], "money in suspense has somebody who decides"
    assert till.receipts() == {"UKC1": 500_00, "UKC2": 500_00}
    assert till.said(ASHA).count("mpesa_topped_up") == 1


def _die(*_: object, **__: object) -> None:
    raise RuntimeError("died")


def test_what_fails_is_tried_again_for_ever_and_alone(
    till: Till, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, plain = till.wallet(ASHA), Book.post

    def post(book: Book, draft: Any) -> Any:
        if draft.key == "mpesa:UKF1":
            raise ConnectionError("gone")
        return plain(book, draft)

    with monkeypatch.context() as failing:
        failing.setattr(Book, "post", post)
        stuck, fine = till.pay("UKF1", "0712000001"), till.pay("UKF2", "0712000001")
        for _ in range(9):
            till.work()
            clock.advance(seconds=700)
    assert (till.boxes.came(stuck).state, till.boxes.came(fine).state) == ("queued", "done")
    assert till.wallet(ASHA) == before + 500_00
    till.work()
    assert till.wallet(ASHA) == before + 1_000_00


@pytest.mark.parametrize("together", [True, False])
def test_a_contradiction_is_for_people(till: Till, together: bool) -> None:
    before = till.wallet(ASHA)
    first = till.pay("UKK1", "0712000001", "500.00")
    if not together:
        till.work()
    again = till.pay("UKK1", "0712000001", "900.00")
    till.work()
    assert (till.boxes.came(first).state, till.boxes.came(again).state) == ("done", "dead")
    assert till.receipts() == {"UKK1": 500_00}
    assert till.wallet(ASHA) == before + 500_00
    assert till.alarms() == {"mpesa_contradicted": 1.0}


def test_many_lines_enter_the_same_as_one(
    settings: Settings, till: Till, clock: FrozenClock
) -> None:
    app = build(settings, clock=clock, ids=SequentialIds())
    shop = open_shop(app, lines=8)
    before = till.wallet(ASHA)
    for number in range(101):
        till.pay(f"UKL{number}", "0712000001" if number % 2 else "880011 A1", f"{number + 1}.00")
    callbacks.hear(shop)
    shop.close()
    app.close()
    assert till.wallet(ASHA) - before == sum((n + 1) * 100 for n in range(101) if n % 2)
    assert till.shop("880011") == sum((n + 1) * 100 for n in range(101) if not n % 2)
    assert len(till.receipts()) == 101


def test_what_a_biller_refuses_is_kept_aside(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Also:
        raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)

    monkeypatch.setitem(also.found(), "allocation", refuse)
    till.pay("UKR1", "880011 ACC12")
    till.work()
    assert till.aside() == {"UKR1": "unknown bill account"}
    assert till.held("suspense/house") == 500_00
