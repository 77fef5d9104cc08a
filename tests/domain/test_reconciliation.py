"""Our book against Safaricom's: what differs is found once, explained once, and posted by two."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import redis as redis_py
from sqlalchemy import Engine

from ussd_app.bootstrap import App, build
from ussd_app.domain import differences, reconciliation
from ussd_app.domain.desk import Desk
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import SaidAlready, Undecided
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.daraja import Balance, Pulled
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings

ASHA = "0712000001"


@pytest.fixture
def desk(
    database_url: str,
    redis_server: Redis,
    redis: redis_py.Redis,
    clock: FrozenClock,
    engine: Engine,
) -> Iterator[Desk]:
    settings = Settings(
        env="test",
        database_url=database_url,
        redis_url=redis_server.url(),
        daraja_url="http://127.0.0.1:1",
    )
    app: App = build(settings, clock=clock, ids=SequentialIds())
    plant(app.bank.desk)
    yield app.bank.desk
    app.close()
    assert not audit.run(engine)


def came(desk: Desk, receipt: str, minor: int, account: str = ASHA) -> None:
    """A payment that we were told of."""
    paid = arrival.Payment(receipt, minor, account, "", "JANE", desk.clock.now())
    with desk.engine.begin() as connection:
        arrival.only(arrival.place(desk, connection, [paid]))


def listed(desk: Desk, receipt: str, minor: int, account: str = ASHA, minutes: int = 30) -> Pulled:
    """A payment in Safaricom's list."""
    at = desk.clock.now() - timedelta(minutes=minutes)
    return Pulled(receipt, at, "2547 ***** 001", "c2b-pay-bill-debit", account, minor)


def balance(desk: Desk, minor: int, name: str = "Utility Account") -> bool | None:
    """Safaricom says what it holds."""
    desk.clock.advance(seconds=reconciliation.EVERY_S + 1)  # type: ignore[attr-defined]
    number = reconciliation.begin(desk)
    assert number is not None
    reconciliation.asked(desk, number, f"AG_{number}", 0)
    charges = Balance("Charges Paid Account", "KES", -1540_00, -1540_00, 0, 0)
    told = (Balance(name, "KES", minor, minor, 0, 0), charges)
    with desk.engine.begin() as connection:
        return reconciliation.compare_balance(desk, connection, f"AG_{number}", told)


def kinds(desk: Desk) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.reference, one.suggestion) for one in differences.waiting(desk)]


def test_what_both_have_is_no_difference_and_what_is_young_waits(
    desk: Desk, clock: FrozenClock
) -> None:
    came(desk, "UKA1", 100_00)
    clock.advance(seconds=1800)
    rows = [listed(desk, "UKA1", 100_00), listed(desk, "UKA2", 50_00, minutes=3)]
    assert reconciliation.compare_list(desk, rows) == 0
    assert kinds(desk) == []


def test_each_way_of_differing_is_found_once_and_gone_when_it_is_mended(
    desk: Desk, clock: FrozenClock
) -> None:
    came(desk, "UKA1", 100_00)
    came(desk, "UKA2", 100_00)
    clock.advance(seconds=1800)
    rows = [listed(desk, "UKA1", 150_00), listed(desk, "UKA3", 70_00, "NOBODY")]
    for _ in range(2):
        assert reconciliation.compare_list(desk, rows) == 3
        clock.advance(seconds=60)
    assert kinds(desk) == [
        ("unheard", "UKA3", "mpesa_unplaced"),
        ("amount", "UKA1", "mpesa_unexplained"),
        ("unlisted", "UKA2", None),
    ]
    came(desk, "UKA3", 70_00, "NOBODY")
    rows = [listed(desk, "UKA1", 100_00), listed(desk, "UKA2", 100_00), listed(desk, "UKA3", 70_00)]
    assert reconciliation.compare_list(desk, rows) == 0
    assert kinds(desk) == []


def test_money_that_nobody_told_of_is_placed_by_two_and_once(
    desk: Desk, clock: FrozenClock
) -> None:
    reconciliation.compare_list(desk, [listed(desk, "UKA1", 700_00)])
    (one,) = differences.waiting(desk)
    assert differences.approve(desk, one.id, "Joyce") is None
    with pytest.raises(SaidAlready):
        differences.approve(desk, one.id, " joyce ")
    came(desk, "UKA1", 700_00)
    receipt = differences.approve(desk, one.id, "wanjiru")
    house = desk.house[reconciliation.HOUSE]
    assert desk.book.balances([house])[house].total == 700_00
    assert receipt is not None
    with pytest.raises(Undecided):
        differences.approve(desk, one.id, "third")


def test_staff_who_race_post_it_once(desk: Desk) -> None:
    came(desk, "UKA1", 1_000_00)
    assert balance(desk, 1_250_00) is False
    (one,) = differences.waiting(desk)
    differences.approve(desk, one.id, "joyce")

    def agree(name: str) -> str | None:
        try:
            return differences.approve(desk, one.id, name)
        except Undecided:
            return None

    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(agree, ["a", "b", "c", "d"]))
    assert sum(receipt is not None for receipt in receipts) == 1
    assert balance(desk, 1_250_00) is True


def test_a_difference_that_changes_is_agreed_to_anew(desk: Desk) -> None:
    came(desk, "UKA1", 1_000_00)
    balance(desk, 1_250_00)
    (one,) = differences.waiting(desk)
    differences.approve(desk, one.id, "joyce")
    balance(desk, 1_300_00)
    (changed,) = differences.waiting(desk)
    assert (changed.id, changed.approvals, changed.amount_minor) == (one.id, [], 300_00)


def test_what_is_known_to_differ_explains_the_balance(desk: Desk) -> None:
    came(desk, "UKA1", 1_000_00)
    reconciliation.compare_list(desk, [listed(desk, "UKA2", 70_00)])
    assert balance(desk, 1_070_00) is True
    assert balance(desk, 1_080_00) is False
    assert differences.waiting(desk)[-1].amount_minor == 10_00


def test_a_balance_that_we_did_not_ask_for_is_not_compared(desk: Desk) -> None:
    told = (Balance("Utility Account", "KES", 1, 1, 0, 0),)
    with desk.engine.begin() as connection:
        assert reconciliation.compare_balance(desk, connection, "AG_x", told) is None
    assert kinds(desk) == []


def test_a_comparison_is_begun_once_an_hour_by_one(desk: Desk, clock: FrozenClock) -> None:
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: reconciliation.begin(desk), range(8)))
    assert sum(number is not None for number in begun) == 1
    number = next(it for it in begun if it is not None)
    reconciliation.unheard(desk, number, "HTTP 503", None)
    assert "HTTP 503" in differences.report(desk)[0]
    assert reconciliation.begin(desk) is None
    differences.ask_again(desk)
    clock.advance(seconds=1)
    assert reconciliation.begin(desk) is not None


def test_what_the_house_cannot_bear_is_not_posted(desk: Desk) -> None:
    came(desk, "UKA1", 1_000_00)
    balance(desk, 400_00)
    (one,) = differences.waiting(desk)
    assert (one.suggestion, one.amount_minor) == ("mpesa_shortfall", 600_00)
    differences.approve(desk, one.id, "joyce")
    with pytest.raises(Undecided):
        differences.approve(desk, one.id, "wanjiru")
    differences.leave(desk, one.id, "wanjiru")
    assert kinds(desk) == []
    assert balance(desk, 400_00) is False, "it is found anew"


def test_what_was_left_is_not_found_again(desk: Desk) -> None:
    row = listed(desk, "UKA1", 50_00)
    reconciliation.compare_list(desk, [row])
    (one,) = differences.waiting(desk)
    differences.leave(desk, one.id, "joyce")
    assert reconciliation.compare_list(desk, [replace(row)]) == 0
