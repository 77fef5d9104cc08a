"""Safaricom's list against our book: what it says was paid to us is entered; what is not sure is
found once, explained once, and posted by two."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.domain.comparing import Books
from ussd_app.domain import differences, mpesa_reversals, reconciliation
from ussd_app.domain.holdings import Outcome
from ussd_app.domain.two_of_staff import SaidAlready, Undecided
from ussd_app.kernel.clock import FrozenClock


def test_what_both_have_is_no_difference(books: Books, clock: FrozenClock) -> None:
    books.came("UKA1", 100_00)
    clock.advance(seconds=1800)
    assert books.lists(books.row("UKA1", 100_00)) == []
    assert books.open() == []


def test_what_was_listed_and_never_told_is_to_be_entered(books: Books) -> None:
    books.lists()
    books.clock.advance(seconds=3600)
    untold = [books.row("UKA1", 700_00), books.row("UKA2", 50_00, minutes=1)]
    assert books.lists(*untold) == ["UKA1", "UKA2"]
    assert books.open() == []
    books.came("UKA1", 700_00)
    books.came("UKA2", 50_00)
    assert books.lists(*untold) == []


def test_what_we_paid_out_is_listed_and_is_nothing_to_enter(books: Books) -> None:
    books.lists()
    books.clock.advance(seconds=3600)
    out = replace(books.row("UKO1", 500_00), type="b2c-business-payment")
    strange = replace(books.row("UKO2", 500_00), type="")
    assert books.lists(out, strange, replace(books.row("UKO3", 1_00), type="C2B-PAY")) == ["UKO3"]
    assert books.open() == []


def test_a_reversal_that_nobody_asked_for_is_for_people_until_two_have_said_of_what(
    books: Books,
) -> None:
    books.came("UKA1", 500_00)
    books.lists()
    books.clock.advance(seconds=3600)
    for kind in ("Pay Bill Reversal", "c2b-pay-bill-reversal"):
        back = replace(books.row("UKB1", 500_00), type=kind)
        assert books.lists(books.row("UKA1", 500_00, minutes=60), back) == []
        assert books.open() == [("reversed", "UKB1", None)]
    assert differences.report(books.desk)[-1].endswith("outside reversed RECEIPT UKB1")
    assert books.holds(0) is Outcome.AGREES
    assert mpesa_reversals.enter_seen(books.desk, "UKA1", "UKB1", "joyce") is None
    assert mpesa_reversals.enter_seen(books.desk, "UKA1", "UKB1", "peter") is not None
    assert (books.open(), books.ours()) == ([], 0)
    back = replace(books.row("UKB1", 500_00), type="Pay Bill Reversal")
    assert books.lists(back) == []
    assert books.open() == []


def test_each_way_of_differing_is_found_once_and_gone_when_it_is_mended(
    books: Books, clock: FrozenClock
) -> None:
    books.came("UKA1", 100_00)
    books.came("UKA2", 100_00)
    clock.advance(seconds=1800)
    for _ in range(2):
        books.lists(books.row("UKA1", 150_00), books.row("UKA3", 70_00, "NOBODY", minutes=60))
    assert sorted(books.open()) == [
        ("amount", "UKA1", "mpesa_unexplained"),
        ("unheard", "UKA3", "mpesa_unplaced"),
        ("unlisted", "UKA2", None),
    ]
    books.came("UKA3", 70_00, "NOBODY")
    books.lists(
        *(books.row("UKA1", 100_00), books.row("UKA2", 100_00)),
        books.row("UKA3", 70_00, minutes=60),
    )
    assert books.open() == []


def test_a_difference_that_is_not_read_again_stays(books: Books, clock: FrozenClock) -> None:
    books.came("UKA1", 100_00)
    clock.advance(seconds=1800)
    books.lists()
    assert books.open() == [("unlisted", "UKA1", None)]
    for _ in range(5):
        clock.advance(seconds=3600)
        books.lists()
    assert books.open() == [("unlisted", "UKA1", None)]


def test_what_was_paid_before_we_first_asked_is_placed_by_two_and_once(books: Books) -> None:
    assert books.lists(books.row("UKA1", 700_00)) == []
    number = books.one().id
    assert differences.approve(books.desk, number, "Joyce") is None
    with pytest.raises(SaidAlready):
        differences.approve(books.desk, number, " joyce ")
    books.came("UKA1", 700_00)
    assert differences.approve(books.desk, number, "wanjiru") is not None
    assert books.ours() == 700_00
    with pytest.raises(Undecided):
        differences.approve(books.desk, number, "peter")


def test_what_was_left_is_not_found_again(books: Books) -> None:
    row = books.row("UKA1", 50_00)
    books.lists(row)
    differences.leave(books.desk, books.one().id, "joyce")
    books.lists(replace(row))
    assert books.open() == []


def test_what_one_payment_was_more_is_given_to_whom_it_was_for(books: Books) -> None:
    books.came("UKA1", 100_00)
    books.clock.advance(seconds=1800)
    books.lists(books.row("UKA1", 150_00))
    books.agree()
    assert books.held("suspense/house") == 50_00
    books.lists(books.row("UKA1", 150_00))
    assert books.open() == []


def test_a_comparison_is_begun_once_an_hour_by_one(books: Books, clock: FrozenClock) -> None:
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda _: reconciliation.begin(books.desk), range(8)))
    assert sum(one is not None for one in begun) == 1
    (one,) = [it for it in begun if it is not None]
    with books.desk.engine.begin() as connection:
        reconciliation.unheard(connection, one.number, "HTTP 503", clock.now())
    assert "HTTP 503" in differences.report(books.desk)[0]
    assert reconciliation.begin(books.desk) is None
    differences.ask_again(books.desk)
    assert reconciliation.begin(books.desk) is not None


def test_a_list_that_was_cut_short_goes_on_from_there(books: Books, clock: FrozenClock) -> None:
    first = books.begin()
    assert first.begun_at - first.since == reconciliation.PULLED_FOR
    half = first.since + reconciliation.PULLED_FOR / 2
    reconciliation.was_read(books.desk, first, half, [], 0)
    second = books.begin()
    assert second.since == half - reconciliation.AGAIN
    reconciliation.was_read(books.desk, second, second.begun_at, [], 0)
    assert books.begin().since == second.begun_at - reconciliation.AGAIN


def test_what_nobody_answers_ends_and_hours_of_silence_are_known(books: Books) -> None:
    books.asks()
    books.asks()
    with books.desk.engine.connect() as connection:
        told = connection.exec_driver_sql("SELECT state, error FROM reconciliations ORDER BY id")
        assert told.all() == [("unheard", "no answer came"), ("asked", None)]
    assert reconciliation.silent(books.desk) == []
    for _ in range(3):
        books.asks()
    assert reconciliation.silent(books.desk) == ["balance", "list"]
    books.holds(0)
    assert reconciliation.silent(books.desk) == ["list"]
    books.lists()
    assert reconciliation.silent(books.desk) == []
