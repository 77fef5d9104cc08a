"""Safaricom's list is read to its end, however much is paid in a minute."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.workers.mpesa.listing import Listing, paid
from workers import pulled
from workers.gateways.errands import Open, Postponed
from workers.pulled import NotListed

NOON = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TWO_DAYS = timedelta(hours=48)


def payday(count: int = 10_000, seconds: int = 60) -> list[Any]:
    """So many payments within a minute, and one now and then before and after it."""
    quiet = [paid(f"Q{hour}", NOON - timedelta(hours=hour), 100) for hour in range(48)]
    since = NOON - timedelta(hours=20, minutes=7)
    step = seconds / count
    return quiet + [paid(f"P{n}", since + timedelta(seconds=n * step), 100) for n in range(count)]


def every(listing: Any, since: datetime = NOON - TWO_DAYS) -> list[str]:
    return [row.receipt for row in pulled.listed(listing, since, NOON)]


@pytest.mark.parametrize(("page", "most_calls"), [(100, 450), (1_000, 90), (10**9, 40)])
def test_a_pay_day_is_listed_whole(page: int, most_calls: int) -> None:
    listing = Listing(payday(), page)
    found = every(listing)
    assert sorted(set(found)) == sorted(row.receipt for row in listing.rows)
    assert len(found) < 12_000, "little is read twice"
    assert len(listing.pulls) < most_calls


def test_a_list_that_is_too_long_is_asked_for_in_parts() -> None:
    listing = Listing(payday(4_000), 10**9)
    listing.most = 1_000
    assert len(set(every(listing))) == 4_048


def test_windows_go_on_to_the_end_and_leave_nothing_between() -> None:
    listing = Listing(payday(500))
    ends = [end for end, _ in pulled.windows(listing, NOON - TWO_DAYS, NOON)]
    assert ends == sorted(ends)
    assert ends[-1] == NOON


def test_a_quiet_shop_is_asked_little() -> None:
    listing = Listing([paid("Q1", NOON - timedelta(hours=3), 100)])
    assert every(listing) == ["Q1"]
    assert len(listing.pulls) <= 8


def test_what_cannot_be_listed_is_said_so() -> None:
    listing = Listing()
    for failure in (Postponed("HTTP 429"), Open("ReadTimeout")):
        listing.failure = failure
        with pytest.raises(NotListed, match=failure.reason):
            every(listing)
    listing = Listing(payday(10), 10**9)
    listing.most = 0
    with pytest.raises(NotListed, match="too long"):
        every(listing)
