"""Safaricom is asked what came and what it holds: what nobody told us of is entered once, by
itself; what cannot be understood is loud."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.workers.conftest import ASHA, Boxes
from tests.workers.mpesa.listing import Listing, paid
from tests.workers.mpesa.phones import Phones
from tests.workers.mpesa.till import Till
from ussd_app.domain import differences
from ussd_app.kernel.clock import FrozenClock
from workers import callbacks, reconcile
from workers.gateways.errands import Declined, Open
from workers.shop import Shop, open_shop


class Hours:
    """A Kabambe whose book is held against Safaricom's, hour by hour."""

    def __init__(self, till: Till, boxes: Boxes, clock: FrozenClock) -> None:
        self.till, self.boxes, self.clock = till, boxes, clock
        self.safaricom = Listing()
        asks: Any = self.safaricom
        self.shop: Shop = replace(open_shop(till.app, lines=1), daraja=asks)
        self.answers = 0

    def compare(self) -> None:
        """The next comparison is made; its answer is not there yet."""
        self.clock.advance(seconds=3_601)
        assert reconcile.turn(self.shop)

    def holds(self, minor: int, **changes: Any) -> int:
        """Safaricom says what it holds; the row of the inbox."""
        value = f"Utility Account|KES|{minor / 100:.2f}|{minor / 100:.2f}|0.00|0.00"
        said = {"ResultParameter": [{"Key": "AccountBalance", "Value": value}]}
        body = {
            "ResultType": 0,
            "ResultCode": 0,
            "ResultDesc": "",
            "OriginatorConversationID": "q",
            "ConversationID": f"AG_{self.safaricom.asked}",
            "ResultParameters": said,
        }
        self.answers += 1
        raw = json.dumps({"Result": body | changes})
        return self.boxes.hear("mpesa_balance_result", str(self.answers), raw=raw)

    def work(self) -> None:
        callbacks.hear(self.shop)

    def alarms(self) -> dict[str, float]:
        lines = self.till.app.metrics.exposition().decode().splitlines()
        start = 'kabambe_alarms_total{what="'
        found = (line[len(start) :].split('"} ') for line in lines if line.startswith(start))
        return {name: float(count) for name, count in found}

    def report(self) -> list[str]:
        return differences.report(self.till.app.bank.desk)

    def states(self) -> list[tuple[str, str | None]]:
        rows = self.till.rows("SELECT state, error FROM reconciliations ORDER BY id")
        return [tuple(row) for row in rows]


@pytest.fixture
def hours(till: Till, boxes: Boxes, clock: FrozenClock) -> Iterator[Hours]:
    made = Hours(till, boxes, clock)
    made.compare()
    yield made
    made.shop.close()


def test_what_nobody_told_us_of_is_entered_by_the_list_once(hours: Hours) -> None:
    before = hours.till.wallet(ASHA)
    at = hours.clock.now() + timedelta(minutes=20)
    hours.safaricom.rows = [
        *(paid(f"UKU{n}", at + timedelta(seconds=n), 70_00) for n in range(250)),
        replace(paid("UKO1", at, 500_00), type="b2c-business-payment"),
    ]
    for _ in range(2):
        hours.compare()
        hours.holds(250 * 70_00)
        hours.work()
        hours.work()
    assert hours.till.wallet(ASHA) == before + 250 * 70_00
    assert hours.states()[1:] == [("balanced", None), ("balanced", None)]
    assert hours.alarms() == {"mpesa_untold": 250}
    hours.till.pay("UKU7", "0712000001", "70.00")
    hours.work()
    assert hours.till.wallet(ASHA) == before + 250 * 70_00


def test_it_is_told_how_many_were_entered_by_the_list(hours: Hours) -> None:
    hours.safaricom.rows = [paid("UKU1", hours.clock.now() + timedelta(minutes=20), 70_00)]
    hours.compare()
    hours.holds(70_00)
    hours.work()
    listed, untold = hours.report()[1:]
    assert listed.startswith("Listed since ")
    assert listed.endswith(": 1 payment.")
    assert untold == "Entered by the list, for nobody had told us: 1 payment."


def test_a_young_payment_is_awaited_and_is_no_difference(hours: Hours) -> None:
    at = hours.clock.now() + timedelta(seconds=3_541)
    hours.safaricom.rows = [paid("UKU1", at, 70_00)]
    hours.compare()
    hours.holds(70_00)
    hours.work()
    assert (hours.states()[-1], hours.till.receipts()) == (("balanced", None), {})
    hours.till.pay("UKU1", "0712000001", "70.00")
    hours.work()
    (told,) = hours.till.rows("SELECT facts FROM outbox WHERE facts->>'mpesa' = 'UKU1'")
    assert told.facts["sender"] == "JANE"
    hours.clock.advance(seconds=120)
    hours.work()
    assert hours.alarms() == {}
    assert len(hours.report()) == 2


def test_a_worker_that_dies_in_the_middle_of_the_list_loses_nothing(
    hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours.safaricom.rows = [paid("UKU1", hours.clock.now() + timedelta(minutes=5), 70_00)]
    with monkeypatch.context() as dying:
        dying.setattr("workers.pulled.hear", _die)
        with pytest.raises(RuntimeError):
            hours.compare()
    hours.compare()
    hours.work()
    assert hours.till.receipts() == {"UKU1": 70_00}
    assert hours.states()[1] == ("unheard", "it was not finished")


def _die(*_: object) -> None:
    raise RuntimeError("died")


def test_a_balance_that_cannot_be_read_is_loud_and_an_end(hours: Hours) -> None:
    hours.compare()
    other = {"ResultParameters": {"ResultParameter": [{"Key": "Balances", "Value": "1|2"}]}}
    came = hours.holds(0, **other)
    hours.work()
    assert hours.boxes.came(came).state == "dead"
    assert hours.states()[-1] == ("unheard", "without balances")
    assert hours.alarms() == {"mpesa_not_understood": 1}


def test_an_operator_that_is_locked_is_said_so(hours: Hours) -> None:
    hours.compare()
    hours.holds(0, ResultCode=8006, ResultParameters={})
    hours.work()
    assert hours.states()[-1] == ("unheard", "code 8006")
    assert hours.alarms() == {"mpesa_operator": 1}


def test_hours_without_a_comparison_are_loud(hours: Hours) -> None:
    for _ in range(2):
        hours.compare()
    assert hours.alarms() == {}
    hours.safaricom.took = Declined("400.002.02")
    for _ in range(3):
        hours.compare()
    assert hours.states()[1:3] == [("unheard", "no answer came")] * 2
    assert hours.states()[-1] == ("unheard", "400.002.02")
    loud = hours.alarms()["mpesa_not_compared"]
    assert loud > 0
    hours.safaricom.took = None
    hours.compare()
    hours.holds(0)
    hours.work()
    before = hours.alarms()["mpesa_not_compared"]
    hours.compare()
    assert hours.alarms()["mpesa_not_compared"] == before


def test_a_list_that_is_not_had_for_hours_is_loud(hours: Hours) -> None:
    hours.safaricom.failure = Open("HTTP 503")
    for _ in range(5):
        hours.compare()
        hours.holds(0)
        hours.work()
    assert hours.states()[-1] == ("balanced", None)
    assert "mpesa_not_compared" in hours.alarms()


def test_a_difference_is_loud_the_second_time(hours: Hours) -> None:
    for times in range(3):
        hours.compare()
        hours.holds(70_00)
        hours.work()
        assert hours.alarms().get("mpesa_balance", 0) == times


@pytest.mark.parametrize("after_s", [0, 50])
def test_a_large_payment_is_found_among_many_of_its_minute(hours: Hours, after_s: int) -> None:
    app = hours.till.app
    known = replace(app, settings=replace(app.settings, daraja_confirm_above=1_000))
    shop = replace(hours.shop, app=known)
    at = hours.clock.now().replace(microsecond=0)
    near = at + timedelta(seconds=after_s)
    rows = [paid(f"UKM{n}", near + timedelta(seconds=n / 4), 10_00) for n in range(-120, 120)]
    hours.safaricom.rows = [*rows, paid("UKL1", near, 5_000_00)]
    before = hours.till.wallet(ASHA)
    stamp = f"{at + timedelta(hours=3):%Y%m%d%H%M%S}"
    hours.till.pay("UKL1", "0712000001", "5000.00", TransTime=stamp)
    for _ in range(2):
        callbacks.hear(shop)
        hours.clock.advance(seconds=10)
    callbacks.hear(shop)
    assert hours.till.wallet(ASHA) == before + 5_000_00
    assert hours.till.aside() == {}


def test_a_push_is_found_among_many_payments(phones: Phones, clock: FrozenClock) -> None:
    at = clock.now() + timedelta(seconds=5)
    others = [paid(f"UKM{n}", at + timedelta(seconds=n / 10), 10_00) for n in range(350)]
    mine = paid("UKS1", at, 500_00)
    listing = Listing([*others, mine])
    phones.safaricom.pull = listing.pull  # type: ignore[attr-defined]
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    phones.safaricom.stands = "0"
    for _ in range(4):
        clock.advance(seconds=400)
        phones.work()
    assert (phones.push().state, phones.push().mpesa) == ("succeeded", "UKS1")
    assert phones.wallet(ASHA) == before + 500_00
    assert phones.receipts() == {"UKS1": 500_00}, "the others are the hourly list's"
