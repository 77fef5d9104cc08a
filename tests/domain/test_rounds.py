"""Rounds: by the clock, once a day, by one worker, and a failing one stops no other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time
from threading import Event

import pytest

from ussd_app.bootstrap import App
from ussd_app.domain import rounds
from ussd_app.domain.commands import Round
from ussd_app.domain.desk import Desk
from ussd_app.kernel.clock import FrozenClock

Do = Callable[[Desk], int]


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have no rounds but these."""

    def only(**table: Round) -> None:
        monkeypatch.setattr(rounds, "ROUNDS", table)

    return only


@pytest.fixture
def done(only: Callable[..., None]) -> list[str]:
    """The names of the rounds that were done: `nightly` after five past midnight, `often`."""
    done: list[str] = []
    only(nightly=Round(_noting(done, "nightly"), time(0, 5)), often=Round(_noting(done, "often")))
    return done


def _noting(done: list[str], name: str) -> Do:
    def do(_desk: Desk) -> int:
        done.append(name)
        return 7

    return do


def until(clock: FrozenClock, moment: datetime) -> None:
    clock.advance(seconds=(moment - clock.now()).total_seconds())


def test_a_round_with_a_time_is_done_once_a_day_in_nairobi(
    app: App, clock: FrozenClock, done: list[str]
) -> None:
    assert rounds.turn(app.bank.desk) == {"nightly": 7, "often": 7}
    assert rounds.turn(app.bank.desk) == {"often": 7}
    until(clock, datetime(2026, 11, 20, 21, 4, 59, tzinfo=UTC))
    assert rounds.turn(app.bank.desk) == {"often": 7}, "four minutes past midnight in Nairobi"
    until(clock, datetime(2026, 11, 20, 21, 5, tzinfo=UTC))
    assert rounds.turn(app.bank.desk) == {"nightly": 7, "often": 7}
    assert done.count("nightly") == 2


def test_a_day_that_nobody_worked_is_not_made_up_for(
    app: App, clock: FrozenClock, done: list[str]
) -> None:
    rounds.turn(app.bank.desk)
    clock.advance(seconds=3 * 86_400)
    rounds.turn(app.bank.desk)
    rounds.turn(app.bank.desk)
    assert done.count("nightly") == 2


def test_two_workers_do_not_do_it_at_once(app: App, only: Callable[..., None]) -> None:
    begun, go_on, count = Event(), Event(), []

    def slow(_desk: Desk) -> int:
        count.append(1)
        begun.set()
        assert go_on.wait(20)
        return 1

    only(nightly=Round(slow, time(0, 5)), often=Round(lambda _desk: 2))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(rounds.turn, app.bank.desk)
        assert begun.wait(20)
        assert rounds.turn(app.bank.desk) == {"often": 2}, "the other one goes on meanwhile"
        go_on.set()
        assert first.result()["nightly"] == 1
    assert rounds.turn(app.bank.desk) == {"often": 2}
    assert len(count) == 1


def test_a_long_round_keeps_no_transaction_open(app: App, only: Callable[..., None]) -> None:
    def waiting(desk: Desk) -> int:
        with desk.reads.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"
            )
            return int(found.scalar_one())

    only(nightly=Round(waiting, time(0, 5)))
    assert rounds.turn(app.bank.desk) == {"nightly": 0}
    with app.engine.connect() as connection:
        locks = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_locks WHERE locktype='advisory'"
        )
        assert locks.scalar_one() == 0


def test_many_workers_do_it_once_between_them(app: App, done: list[str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: rounds.turn(app.bank.desk), range(24)))
    assert done.count("nightly") == 1


def test_a_round_that_fails_is_tried_again_and_stops_no_other(
    app: App, only: Callable[..., None], done: list[str]
) -> None:
    faults = [ValueError("first"), KeyError("second")]

    def fails(_desk: Desk) -> int:
        if faults:
            raise faults.pop(0)
        return 1

    last = Round(_noting(done, "last"), time(0, 5))
    only(a=Round(fails, time(0, 5)), b=Round(fails), last=last)
    with pytest.raises(ValueError, match="first"):
        rounds.turn(app.bank.desk)
    assert done == ["last"], "also after two failures"
    faults.extend([ValueError("third"), KeyError("fourth")])
    told: dict[str, Exception] = {}
    assert rounds.turn(app.bank.desk, told.__setitem__) == {}
    assert [(name, type(fault)) for name, fault in told.items()] == [
        *(("a", ValueError), ("b", KeyError)),
    ]
    assert rounds.turn(app.bank.desk) == {"a": 1, "b": 1}
    assert rounds.turn(app.bank.desk) == {"b": 1}
