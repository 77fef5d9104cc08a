"""What takes two of the staff: two who work here now, who say the same of the same."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.people import ASHA, CAST, STAFF
from ussd_app.bootstrap import App
from ussd_app.domain import staff
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import (
    NotOfStaff,
    SaidAlready,
    Undecided,
    both,
    together,
    waiting,
)

pytestmark = pytest.mark.usefixtures("staff")


def say(app: App, by: str, what: str = "done") -> str | None:
    return together(app.bank.desk, "errand KB00001", what, by, lambda names: names)


def test_two_who_say_the_same_do_it_and_then_it_is_forgotten(app: App) -> None:
    assert say(app, "joyce") is None
    with pytest.raises(SaidAlready):
        say(app, " JOYCE")
    assert waiting(app.bank.desk, 9) == [("errand KB00001", "done", "joyce")]
    assert say(app, "peter", "not done") is None
    assert say(app, "joyce") is None
    assert say(app, "peter") == "joyce, peter"
    assert waiting(app.bank.desk, 9) == []


def test_who_does_not_work_here_says_nothing(app: App) -> None:
    plant(app.bank.desk, CAST)
    for nobody in ("asha", "mary", ASHA.msisdn, ""):
        with pytest.raises(NotOfStaff):
            say(app, nobody)
    with pytest.raises(NotOfStaff):
        both(app.bank.desk, "mary", "joyce")
    with pytest.raises(Undecided, match="Two different"):
        both(app.bank.desk, "joyce", "Joyce ")


def test_the_word_of_who_left_counts_no_more(app: App) -> None:
    assert say(app, "joyce") is None
    assert staff.remove(app.bank.desk, "joyce")
    assert say(app, "peter") is None
    assert say(app, "wanjiru") == "peter, wanjiru"


def test_who_is_frozen_says_nothing(app: App) -> None:
    with app.engine.begin() as connection:
        frozen = "UPDATE parties SET status = 'frozen' WHERE msisdn = %s"
        connection.exec_driver_sql(frozen, (STAFF[0].msisdn,))
    with pytest.raises(NotOfStaff):
        say(app, "joyce")


def test_what_cannot_be_done_leaves_the_first_word(app: App) -> None:
    assert say(app, "joyce") is None

    def fails(_names: str) -> str:
        raise Undecided("no")

    with pytest.raises(Undecided, match="no"):
        together(app.bank.desk, "errand KB00001", "done", "peter", fails)
    assert say(app, "peter") == "joyce, peter"


def test_three_at_once_do_it_once(app: App) -> None:
    done: list[str] = []

    def do(names: str) -> str:
        done.append(names)
        return names

    def speak(name: str) -> str | None:
        return together(app.bank.desk, "x", "done", name, do)

    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(speak, [str(one.staff) for one in STAFF[:3]]))
    assert (len(done), said.count(None)) == (1, 2)
