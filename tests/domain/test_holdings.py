"""What Safaricom holds for us, against our book: nothing is suggested that time explains."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.domain.comparing import Books
from ussd_app.domain import differences, mpesa_back
from ussd_app.domain.holdings import Outcome
from ussd_app.domain.mpesa import matching
from ussd_app.domain.two_of_staff import Undecided


def test_the_same_is_no_difference(books: Books) -> None:
    books.came("UKA1", 1_000_00)
    assert books.holds(1_000_00) is Outcome.AGREES
    assert books.open() == []


def test_nothing_is_suggested_before_two_comparisons_agree(books: Books) -> None:
    books.came("UKA1", 1_000_00)
    assert books.holds(1_250_00) is Outcome.ONCE
    assert books.open() == [("balance", "mpesa/house", None)]
    with pytest.raises(Undecided):
        differences.approve(books.desk, books.one().id, "joyce")
    assert books.holds(1_250_00) is Outcome.DIFFERS
    assert books.open() == [("balance", "mpesa/house", "mpesa_unexplained")]
    books.agree()
    assert books.holds(1_250_00) is Outcome.AGREES
    assert books.open() == []


def test_a_payment_that_nobody_has_told_of_yet_is_never_suggested(books: Books) -> None:
    assert books.holds(70_00) is Outcome.ONCE
    books.came("UKA1", 70_00)
    assert books.holds(70_00) is Outcome.AGREES
    assert books.open() == []


def test_what_waits_in_the_inbox_explains_it(books: Books) -> None:
    books.came("UKA1", 1_000_00)
    waits = {"UKA1": 1_000_00, "UKA2": 70_00, "UKA3": 30_00}
    for there in (1_000_00, 1_070_00, 1_100_00):
        assert books.holds(there, waits) is Outcome.AGREES
    assert books.holds(1_100_01, waits) is Outcome.ONCE


def test_what_came_between_the_question_and_its_answer_explains_it(books: Books) -> None:
    for there in (0, 70_00):
        asked = books.asks()
        books.came(f"UKA{there}", 70_00)
        before = books.ours() - 70_00
        assert books.answers(asked, before + there) is Outcome.AGREES
    asked = books.asks()
    books.came("UKB1", 70_00)
    assert books.answers(asked, books.ours() + 10_00) is Outcome.ONCE


def test_what_is_known_to_differ_explains_it(books: Books) -> None:
    books.came("UKA1", 1_000_00)
    books.lists(books.row("UKA1", 1_000_00, minutes=0), books.row("UKA2", 70_00))
    assert books.holds(1_070_00) is Outcome.AGREES
    assert books.holds(1_080_00) is Outcome.ONCE
    assert differences.waiting(books.desk)[-1].amount_minor == 10_00


def test_approvals_last_while_the_shop_goes_on(books: Books) -> None:
    books.came("UKA1", 1_000_00)
    for hour in range(3):
        books.came(f"UKB{hour}", 100_00)
        books.holds(books.ours() + 250_00)
    differences.approve(books.desk, books.one().id, "joyce")
    books.came("UKC1", 5_00)
    assert books.holds(books.ours() + 250_00) is Outcome.DIFFERS
    one = books.one()
    assert (one.approvals, one.amount_minor) == (["joyce"], 250_00)


def test_an_hour_in_which_much_was_on_its_way_leaves_a_difference_as_it_is(books: Books) -> None:
    for _ in range(2):
        books.holds(250_00)
    differences.approve(books.desk, books.one().id, "joyce")
    assert books.holds(250_00, {"UKA1": 900_00}) is Outcome.AGREES
    assert books.one().approvals == ["joyce"]
    assert books.holds(250_00, {"UKA1": 100_00}) is Outcome.DIFFERS
    one = books.one()
    assert (one.amount_minor, one.approvals) == (250_00, ["joyce"])
    books.holds(0)
    assert books.open() == []


def test_another_difference_begins_anew(books: Books) -> None:
    for _ in range(2):
        books.holds(250_00)
    differences.approve(books.desk, books.one().id, "joyce")
    assert books.holds(300_00) is Outcome.DIFFERS, "two in a row are loud, the same or not"
    changed = books.one()
    assert (changed.approvals, changed.amount_minor, changed.suggestion) == ([], 300_00, None)


def test_only_what_is_certain_is_suggested(books: Books) -> None:
    for _ in range(2):
        books.holds(250_00, {"UKA1": 100_00})
    assert books.one().amount_minor == 150_00


def unexplained(books: Books, minor: int) -> str:
    """So much was found there and kept aside; its reference."""
    for _ in range(2):
        books.holds(books.ours() + minor)
    return books.agree()


def test_what_is_unexplained_is_given_to_whom_it_belongs(books: Books) -> None:
    reference = unexplained(books, 70_00)
    (aside,) = matching.waiting(books.desk)
    assert (aside.mpesa, aside.amount_minor) == (reference, 70_00)
    for name in ("joyce", "wanjiru"):
        with books.desk.engine.begin() as connection:
            given = matching.give(books.desk, connection, reference, "0712000001", name)
    assert given is not None
    assert matching.waiting(books.desk) == []
    assert (books.held("suspense/house"), books.ours()) == (0, 70_00)


def test_what_is_unexplained_has_no_receipt_to_be_reversed_by(books: Books) -> None:
    reference = unexplained(books, 70_00)
    with pytest.raises(Undecided):
        mpesa_back.want(books.desk, reference, "joyce")


@pytest.mark.parametrize("aside", [70_00, 100_00])
def test_what_was_unexplained_and_comes_in_after_all_is_not_the_houses_loss(
    books: Books, aside: int
) -> None:
    unexplained(books, aside)
    books.came("UKA1", 70_00)
    for _ in range(2):
        books.holds(aside)
    one = books.one()
    assert (one.suggestion, one.amount_minor) == ("mpesa_understood", 70_00)
    books.agree()
    assert (books.ours(), books.held("suspense/house")) == (aside, aside - 70_00)
    assert [it.amount_minor for it in matching.waiting(books.desk)] == [30_00] * (aside > 70_00)
    assert books.holds(aside) is Outcome.AGREES


def test_what_was_given_out_is_not_taken_back(books: Books) -> None:
    reference = unexplained(books, 70_00)
    books.came("UKA1", 70_00)
    for _ in range(2):
        books.holds(70_00)
    number = books.one().id
    differences.approve(books.desk, number, "joyce")
    for name in ("joyce", "wanjiru"):
        with books.desk.engine.begin() as connection:
            matching.give(books.desk, connection, reference, "0712000001", name)
    with pytest.raises(Undecided):
        differences.approve(books.desk, number, "wanjiru")
    assert books.ours() == 140_00
    books.holds(70_00)
    assert books.one().suggestion == "mpesa_shortfall"


def test_staff_who_race_post_it_once(books: Books) -> None:
    for _ in range(2):
        books.holds(250_00)
    number = books.one().id
    differences.approve(books.desk, number, "joyce")

    def agree(name: str) -> str | None:
        try:
            return differences.approve(books.desk, number, name)
        except Undecided:
            return None

    with ThreadPoolExecutor(4) as pool:
        receipts = list(pool.map(agree, ["peter", "wanjiru", "joyce", "peter"]))
    assert sum(receipt is not None for receipt in receipts) == 1
    assert books.holds(250_00) is Outcome.AGREES


def test_a_balance_that_we_did_not_ask_for_is_not_compared(books: Books) -> None:
    assert books.answers("AG_x", 1) is None
    assert books.open() == []


def test_what_the_house_cannot_bear_is_not_posted(books: Books) -> None:
    books.came("UKA1", 1_000_00)
    for _ in range(2):
        books.holds(400_00)
    one = books.one()
    assert (one.suggestion, one.amount_minor) == ("mpesa_shortfall", 600_00)
    differences.approve(books.desk, one.id, "joyce")
    with pytest.raises(Undecided):
        differences.approve(books.desk, one.id, "wanjiru")
    differences.leave(books.desk, one.id, "wanjiru")
    assert books.open() == []
    assert books.holds(400_00) is Outcome.DIFFERS, "it is found anew"
