"""A breaker in the hands of a test: when it opens, whom it lets through, when it closes."""

import pytest

from tests.workers.test_daraja_line import together
from workers.gateways.daraja_breaker import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    MOST_FAILURES,
    Breaker,
)


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at_s = 1_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def breaker(hands: Hands) -> Breaker:
    return Breaker(hands)


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.failed()


def test_failures_in_a_row_open_it_and_a_success_between_does_not(breaker: Breaker) -> None:
    fail(breaker, MOST_FAILURES - 1)
    breaker.succeeded()
    fail(breaker, MOST_FAILURES - 1)
    assert breaker.admits()
    breaker.failed()
    assert not breaker.admits()


def test_after_a_pause_one_is_let_through_and_decides(breaker: Breaker, hands: Hands) -> None:
    fail(breaker, MOST_FAILURES)
    hands.at_s += FIRST_PAUSE_S - 0.1
    assert not breaker.admits()
    hands.at_s += 0.1
    assert together(*[breaker.admits] * 8).count(True) == 1
    breaker.succeeded()
    assert together(*[breaker.admits] * 8).count(True) == 8


def test_each_trial_that_fails_doubles_the_pause(breaker: Breaker, hands: Hands) -> None:
    fail(breaker, MOST_FAILURES)
    pause_s = FIRST_PAUSE_S
    for _ in range(6):
        hands.at_s += pause_s
        assert breaker.admits()
        assert not breaker.admits()
        breaker.failed()
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        hands.at_s += pause_s - 0.1
        assert not breaker.admits()
        hands.at_s += 0.1 - pause_s
    assert pause_s == LONGEST_PAUSE_S
    hands.at_s += pause_s
    assert breaker.admits()
    breaker.succeeded()
    fail(breaker, MOST_FAILURES)
    hands.at_s += FIRST_PAUSE_S
    assert breaker.admits(), "the first pause again"


def test_a_trial_that_was_not_made_leaves_room_for_another(breaker: Breaker, hands: Hands) -> None:
    fail(breaker, MOST_FAILURES)
    hands.at_s += FIRST_PAUSE_S
    assert breaker.admits()
    breaker.not_made()
    assert breaker.admits()


def test_calls_that_end_late_lengthen_nothing(breaker: Breaker, hands: Hands) -> None:
    """Sixteen were out when it opened; what they find does not close the door for longer."""
    fail(breaker, MOST_FAILURES)
    for _ in range(16):
        hands.at_s += FIRST_PAUSE_S / 20
        breaker.failed()
    hands.at_s += FIRST_PAUSE_S / 5
    assert breaker.admits()
