"""Who of the staff says something at a terminal proves it by their own PIN."""

from argparse import Namespace

import pytest

from tests.people import CAST, STAFF
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import NotOfStaff, Undecided
from ussd_app.running import signing

PIN = STAFF[0].pin


@pytest.fixture(autouse=True)
def _people(app: App) -> None:
    plant(app.bank.desk, [*CAST, *STAFF])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom the terminal asked; everybody types Joyce's PIN."""
    prompts: list[str] = []

    def typed(prompt: str) -> str:
        prompts.append(prompt)
        return PIN

    monkeypatch.setattr(signing, "getpass", typed)
    return prompts


def say(app: App, **names: str | None) -> None:
    signing.must_be_signed(app.bank.desk, Namespace(what="done", **names))


def test_everybody_who_is_named_is_asked_and_nobody_else(app: App, asked: list[str]) -> None:
    say(app)
    say(app, staff=None)
    assert asked == []
    say(app, staff=" Joyce ", second="peter")
    say(app, by="wanjiru")
    assert asked == ["PIN of joyce: ", "PIN of peter: ", "PIN of wanjiru: "]


def test_nobody_signs_who_does_not_work_here(app: App, asked: list[str]) -> None:
    with pytest.raises(NotOfStaff, match="asha is none of the staff"):
        say(app, staff="asha")
    assert asked == []


def test_a_wrong_pin_counts_and_locks_as_on_the_phone(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "getpass", lambda _prompt: "0000")
    for _ in range(app.bank.desk.pin_tries - 1):
        with pytest.raises(Undecided, match="Wrong PIN"):
            say(app, staff="joyce")
    for _ in range(2):
        with pytest.raises(Undecided, match="pin_locked"):
            say(app, staff="joyce")


def test_who_is_frozen_signs_nothing(app: App, asked: list[str]) -> None:
    with app.engine.begin() as connection:
        frozen = "UPDATE parties SET status = 'frozen' WHERE msisdn = %s"
        connection.exec_driver_sql(frozen, (STAFF[0].msisdn,))
    with pytest.raises(Undecided, match="account_frozen"):
        say(app, staff="joyce")
