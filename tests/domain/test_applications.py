"""Applications: one open at a time, two pairs of eyes, one agreement, whoever races."""

from argparse import ArgumentParser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.people import ASHA, BARAKA, CAST, STAFF
from ussd_app.bootstrap import App
from ussd_app.domain import agreements, applications
from ussd_app.domain.seeds import Seed, plant
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.running import agreements as terminal

pytestmark = pytest.mark.usefixtures("staff")


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def apply(app: App, seed: Seed = ASHA, key: str = "s:apply:1") -> RefusalCode | None:
    args = {"kind": "agency", "name": "Duka", "town": "Kibera", "pin": seed.pin}
    try:
        app.bank.serve("apply", seed.msisdn, args, key)
    except Refused as refused:
        return refused.code
    return None


def waiting(app: App) -> list[int]:
    return [one.id for one in applications.waiting(app.engine)]


def agencies(app: App) -> list[tuple[str, str]]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT number, state FROM agreements ORDER BY number")
        return [(row.number, row.state) for row in rows]


def tried(decide: Callable[[], object]) -> str:
    try:
        decide()
    except Undecided as undecided:
        return str(undecided)
    return "done"


def test_sixteen_applications_at_once_are_one(app: App) -> None:
    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(lambda turn: apply(app, key=f"s:apply:{turn}"), range(16)))
    assert codes.count(None) == 1
    assert codes.count(RefusalCode.ALREADY_APPLIED) == 15
    assert len(waiting(app)) == 1


def test_eight_of_the_staff_at_once_make_one_agreement(app: App) -> None:
    desk = app.bank.desk
    apply(app)
    (number,) = waiting(app)
    with ThreadPoolExecutor(8) as pool:
        staff = [str(one.staff) for one in STAFF]
        said = list(
            pool.map(lambda one: tried(lambda: applications.approve(desk, number, one)), staff)
        )
    assert said.count("done") == 2
    assert agencies(app) == [("10001", "active")]


def test_one_of_the_staff_is_not_two(app: App) -> None:
    desk = app.bank.desk
    apply(app)
    (number,) = waiting(app)
    assert applications.approve(desk, number, "Joyce") is None
    for name in ("joyce", " JOYCE "):
        with pytest.raises(Undecided):
            applications.approve(desk, number, name)
    assert agencies(app) == []


def test_the_second_cannot_change_what_the_first_proposed(app: App) -> None:
    desk = app.bank.desk
    apply(app)
    (number,) = waiting(app)
    applications.approve(desk, number, "joyce", terms={"low_float": "9000"})
    with pytest.raises(Undecided):
        applications.approve(desk, number, "peter", terms={"low_float": "1"})
    made = applications.approve(desk, number, "peter")
    assert made is not None
    assert made.terms == {"store": "1", "town": "Kibera", "low_float": "9000"} | dict(made.terms)


def test_two_that_are_approved_at_once_have_two_numbers(app: App) -> None:
    desk = app.bank.desk
    apply(app)
    apply(app, BARAKA, "s:apply:2")
    for number in waiting(app):
        applications.approve(desk, number, "joyce")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: applications.approve(desk, number, "peter"), waiting(app)))
    assert agencies(app) == [("10001", "active"), ("10002", "active")]


def test_a_suspension_forgets_who_resumed_it_before(app: App) -> None:
    desk = app.bank.desk
    apply(app)
    (number,) = waiting(app)
    for name in ("joyce", "peter"):
        applications.approve(desk, number, name)
    for _ in range(2):
        applications.suspend(desk, "agency", "10001", "joyce", "no float")
        assert agencies(app) == [("10001", "suspended")]
        assert applications.resume(desk, "agency", "10001", "joyce") is None
        assert applications.resume(desk, "agency", "10001", "peter") is not None
    found = agreements.by_number(app.engine, "agency", "10001")
    assert found is not None
    assert found.state == "active"


def test_nobody_decides_twice_about_the_same(app: App) -> None:
    desk = app.bank.desk
    apply(app)
    (number,) = waiting(app)
    applications.refuse(desk, number, "joyce", "no shop")
    with pytest.raises(Undecided, match="is refused already"):
        applications.refuse(desk, number, "peter", "no shop")
    with pytest.raises(Undecided, match="is refused already"):
        applications.approve(desk, number, "peter")
    with pytest.raises(Undecided, match="There is no application"):
        applications.approve(desk, number + 1, "peter")
    with pytest.raises(Undecided, match="There is no agency"):
        applications.suspend(desk, "agency", "10001", "peter", "gone")
    assert apply(app, key="s:apply:2") is None


def test_staff_decide_at_a_terminal(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    apply(app)
    parser = ArgumentParser()
    terminal.add_words(parser)

    def say(line: str) -> tuple[int, str]:
        status = terminal.agreements(app.settings, parser.parse_args(line.split()))
        return status, capsys.readouterr().out

    status, listed = say("list")
    assert status == 0
    assert "Duka" in listed
    assert "0712***001" in listed
    assert say("approve 1 --staff joyce") == (0, f"{terminal.ONE_MORE}\n")
    assert "approved by joyce" in say("list")[1]
    assert say("approve 1 --staff joyce")[0] == 1
    assert say("approve 1 --staff peter") == (0, "Duka is agency 10001.\n")
    sale = "sell-float 10001 5000 --ref FT1 --staff joyce --second"
    assert say(f"{sale} joyce")[0] == 1
    status, sold = say(f"{sale} peter")
    assert status == 0
    assert sold.endswith("agent 10001 has KES 5,000.00 more.\n")
    assert say("suspend agency 10001 --staff peter --because closed")[0] == 0
    assert agencies(app) == [("10001", "suspended")]
