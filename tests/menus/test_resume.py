"""A fresh dial after a dropped line goes on where it was, when work would be lost."""

import pytest

from tests.menus.people import KEYS, Phone, asha
from tests.ways import way


def dropped() -> Phone:
    phone = asha()
    phone.dials()
    phone.says("1", "0722000002")
    return phone


def test_a_fresh_dial_offers_to_go_on_where_the_line_dropped() -> None:
    before = dropped()
    assert before.state.resumable
    phone = asha()
    offer = phone.dials(resume=before.state)
    assert offer == "You were cut off earlier.\n1 Continue: Send money\n2 Main menu"
    assert phone.screen.step == "resume.offer"
    assert phone.says("1") == f"Enter amount in KES\n{KEYS}"
    assert phone.says("500").startswith("Send KES 500.00 to BARAKA, 0722000002?")
    assert phone.says("0", "0", "0").startswith("Kabambe")


@pytest.mark.parametrize("typed", ["2", "0", "00"])
def test_an_offer_can_be_turned_down(typed: str) -> None:
    phone = asha()
    phone.dials(resume=dropped().state)
    assert phone.says(typed).startswith("Kabambe\n1 Send money")
    assert not phone.state.resumable


def test_nonsense_at_the_offer_offers_again() -> None:
    phone = asha()
    phone.dials(resume=dropped().state)
    phone.says("7")
    assert phone.lines[:2] == ["Choose a number from the list.", "You were cut off earlier."]
    assert not phone.state.asks_secret


def test_an_offer_that_was_dropped_itself_is_made_again() -> None:
    between = asha()
    between.dials(resume=dropped().state)
    assert between.state.resumable
    phone = asha()
    phone.dials(resume=between.state)
    assert phone.says("1") == f"Enter amount in KES\n{KEYS}"


def test_nothing_is_offered_where_no_work_would_be_lost() -> None:
    phone = asha()
    phone.dials()
    assert not phone.state.resumable
    phone.says("1")
    assert not phone.state.resumable
    phone.dials(resume=phone.state)
    assert phone.state.offer is None
    phone.says("1", "0722000002", "500", "4826")
    assert not phone.state.resumable


def test_what_the_old_pin_proved_is_not_resumed() -> None:
    phone = asha()
    phone.dials()
    phone.says(*way("change_pin", "4826"))
    assert phone.state.slots
    assert not phone.state.resumable


def test_no_offer_to_somebody_whose_account_is_on_hold() -> None:
    phone = asha(caller="account_frozen")
    assert phone.dials(resume=dropped().state) == "Your account is on hold. Please call us."


def test_a_stranger_who_was_registering_goes_on_in_the_language_chosen() -> None:
    phone = asha(caller="not_registered")
    phone.dials()
    phone.says("2", "Asha Wanjiru", "4826", "4826")
    assert phone.state.resumable
    again = asha(caller="not_registered")
    again.dials(resume=phone.state)
    assert again.lines[1] == "1 Endelea: Jisajili"
    assert again.says("1").startswith("Weka namba ya kitambulisho")
    assert again.says("12345678").startswith("Karibu Kabambe, Asha Wanjiru.")
