"""Large payments are released when Safaricom's own list has them; nobody waits for the asking."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.workers.conftest import ASHA
from tests.workers.mpesa.listing import Listing, paid
from tests.workers.mpesa.till import Till
from ussd_app.kernel.clock import FrozenClock, nairobi
from workers import callbacks
from workers.confirming import UNASKED, UNLISTED
from workers.gateways.errands import Open
from workers.shop import open_shop

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.fixture
def till(till: Till) -> Till:
    """The same where Safaricom is asked about more than a thousand shillings."""
    till.app = replace(till.app, settings=replace(till.app.settings, daraja_confirm_above=1_000))
    return till


def work(till: Till, listing: Any, turns: int = 2) -> None:
    """A worker who can ask for the list."""
    shop = replace(open_shop(till.app, lines=1), daraja=listing)
    for _ in range(turns):
        callbacks.hear(shop)
    shop.close()


def test_what_the_list_has_is_released(till: Till, clock: FrozenClock) -> None:
    listing, before = Listing(), till.wallet(ASHA)
    for mpesa, shillings in (("UKH1", "1000.00"), ("UKH2", "1001.00"), ("UKH3", "5000.00")):
        till.pay(mpesa, "0712000001", shillings)
    work(till, listing)
    assert till.wallet(ASHA) == before + 1_000_00
    listing.rows = [paid("UKH2", AT, 1_001_00), paid("UKH3", AT, 50_00)]
    clock.advance(seconds=60)
    work(till, listing)
    assert till.wallet(ASHA) == before + 2_001_00
    for _ in range(8):
        clock.advance(seconds=700)
        work(till, listing)
    assert till.aside() == {"UKH3": UNLISTED}
    assert till.wallet(ASHA) == before + 2_001_00


def test_a_list_that_cannot_be_had_is_waited_for_longer(till: Till, clock: FrozenClock) -> None:
    listing, before = Listing([paid("UKH1", AT, 5_000_00)]), till.wallet(ASHA)
    listing.failure = Open("HTTP 503")
    till.pay("UKH1", "0712000001", "5000.00")
    till.pay("UKH2", "0712000001", "6000.00")
    for _ in range(8):
        work(till, listing)
        clock.advance(seconds=600)
    assert till.aside() == {}
    listing.failure = None
    work(till, listing)
    assert till.wallet(ASHA) == before + 5_000_00
    clock.advance(seconds=600)
    work(till, listing)
    assert till.aside() == {"UKH2": UNLISTED}, "it is missed now, and was waited for long enough"
    listing.failure = Open("HTTP 503")
    till.pay("UKH3", "0712000001", "7000.00")
    for _ in range(14):
        work(till, listing)
        clock.advance(seconds=600)
    assert till.aside()["UKH3"] == UNASKED, "in the end people decide"


def test_those_of_a_pay_day_are_asked_about_together(till: Till) -> None:
    times = {f"UKH{n}": AT + timedelta(seconds=n) for n in range(150)}
    times["UKI1"] = AT - timedelta(hours=7)
    listing = Listing([paid(mpesa, at, 5_000_00) for mpesa, at in times.items()])
    for mpesa, at in times.items():
        when = nairobi(at).strftime("%Y%m%d%H%M%S")
        till.pay(mpesa, "880011 A1", "5000.00", TransTime=when)
    till.pay("UKH1", "880011 A1", "5000.00 ")
    work(till, listing, 3)
    assert till.shop("880011") == len(times) * 5_000_00
    assert len(listing.pulls) < 10
    assert till.aside() == {}


def test_nobody_waits_while_safaricom_is_asked(till: Till, engine: Engine) -> None:
    """The question goes out beside the work, and while it is out nothing is locked for it."""
    asked, go_on = threading.Event(), threading.Event()
    locked: list[int] = []

    class Slow(Listing):
        def pull(self, since: datetime, until: datetime, offset: int = 0) -> Any:
            with engine.begin() as connection:
                free = connection.exec_driver_sql("SELECT id FROM inbox FOR UPDATE SKIP LOCKED")
                locked.append(1 - len(free.all()))
            asked.set()
            assert go_on.wait(60)
            return super().pull(since, until, offset)

    before = till.wallet(ASHA)
    till.pay("UKH1", "0712000001", "5000.00")
    slow: Any = Slow([paid("UKH1", AT, 5_000_00)])
    shop = replace(open_shop(till.app, lines=2), daraja=slow)
    callbacks.hear(shop)
    assert asked.wait(60)
    till.pay("UKH2", "0712000001", "10.00")
    callbacks.hear(shop)
    assert till.wallet(ASHA) == before + 10_00
    go_on.set()
    shop.close()
    till.work()
    assert till.wallet(ASHA) == before + 5_010_00
    assert locked[0] == 0
