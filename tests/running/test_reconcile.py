"""How our book and Safaricom's stand to each other, at a terminal: seen, agreed to by two, left."""

from argparse import Namespace
from collections.abc import Callable

import pytest

from tests.people import STAFF
from ussd_app.bootstrap import App
from ussd_app.domain import differences, holdings, reconciliation
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.kernel.daraja import Balance
from ussd_app.ledger import audit
from ussd_app.running.reconcile import do

pytestmark = pytest.mark.usefixtures("staff")

Say = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def say(app: App, capsys: pytest.CaptureFixture[str]) -> Say:
    plant(app.bank.desk)
    plant(app.bank.desk, STAFF)

    def said(what: str | None = None, **words: object) -> tuple[int, list[str]]:
        status = do(app, Namespace(what=what, **words))
        return status, capsys.readouterr().out.splitlines()

    return said


def holds(app: App, minor: int) -> None:
    """Two comparisons in a row say what Safaricom holds for us."""
    desk = app.bank.desk
    for name in ("AG", "BG"):
        differences.ask_again(desk)
        begun = reconciliation.begin(desk)
        assert begun is not None
        reconciliation.was_read(desk, begun, begun.begun_at, [], 0)
        holdings.asked(desk, begun.number, f"{name}_{begun.number}", *holdings.ours(desk))
        told = (Balance("Utility Account", "KES", minor, minor, 0, 0),)
        with desk.engine.begin() as connection:
            asked = holdings.question(connection, f"{name}_{begun.number}")
            assert asked is not None
            holdings.compare(desk, connection, asked, told, {})


def test_nobody_was_asked_yet(say: Say) -> None:
    assert say() == (0, ["Safaricom was not asked yet."])


def test_a_difference_is_shown_with_its_number_and_posted_by_two(app: App, say: Say) -> None:
    holds(app, 250_00)
    status, lines = say("list")
    assert status == 1
    assert lines[0].endswith("Safaricom holds KES 250.00, the book says KES 0.00: they differ.")
    assert lines[2:] == [
        "1. balance mpesa/house: ours 0.00, Safaricom's 250.00",
        "   suggested: mpesa_unexplained of KES 250.00",
    ]
    assert say("approve", number=1, staff="joyce")[1][0].startswith("Noted")
    assert say()[1][-1].endswith("agreed by joyce")
    assert say("approve", number=1, staff="wanjiru")[1][0].startswith("K")
    assert say()[0] == 0
    assert not audit.run(app.engine)


def test_a_difference_is_left_once(app: App, say: Say) -> None:
    holds(app, 250_00)
    assert say("leave", number=1, staff="joyce") == (0, ["Left."])
    with pytest.raises(Undecided):
        say("leave", number=1, staff="joyce")


def test_the_next_comparison_need_not_wait_for_its_hour(app: App, say: Say) -> None:
    holds(app, 0)
    assert reconciliation.begin(app.bank.desk) is None
    say("now")
    assert reconciliation.begin(app.bank.desk) is not None
