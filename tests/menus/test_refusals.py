"""What is said when the bank says no: above the screen that can mend it, or as a farewell."""

import pytest

from menus.machine import Machine
from tests.menus.people import ASHA, KEYS, asha, shipped
from tests.ways import way
from ussd_app.kernel.errors import Broken, RefusalCode
from ussd_app.kernel.gsm7 import septets

WIDEST: dict[str, object] = {
    "count": 9_999,
    "money": 99_999_999_999,
    "date": "2026-12-31",
    "units": "999,999.123456789 USDT",
    "text": "W" * 160,
}
"""The widest fact of each type that a refusal says."""


def test_a_refusal_stands_above_the_screen_that_can_mend_it() -> None:
    phone = asha(quote=["unknown_payee", "insufficient_funds", ASHA["quote"]])
    phone.dials()
    assert phone.says("1", "0733000003", "9000") == (
        f"That number is not on Kabambe.\nEnter phone number to send to\n{KEYS}"
    )
    assert phone.says("0722000002") == f"Enter amount in KES\n{KEYS}"
    assert phone.lines[0] == "Enter amount in KES"
    phone.says("9000")
    assert phone.lines[0] == "Not enough money for that and the fee."
    phone.says("500")
    assert phone.lines[0] == "Send KES 500.00 to BARAKA, 0722000002?"


def test_a_wrong_pin_is_asked_again_and_says_how_many_are_left() -> None:
    phone = asha(accept_quote=["wrong_pin", ASHA["accept_quote"]])
    phone.dials()
    phone.says("1", "0722000002", "500", "4862")
    assert phone.lines[:2] == ["Wrong PIN. 2 left.", "Send KES 500.00 to BARAKA, 0722000002?"]
    assert phone.says("4826").startswith("KB00001 confirmed.")


def test_a_refusal_is_carried_over_a_find_to_the_next_screen() -> None:
    phone = asha(accept_quote="quote_expired")
    phone.dials()
    phone.says("1", "0722000002", "500", "4826")
    assert phone.lines[0] == "The offer expired. Confirm again."
    assert phone.lines[1] == "Send KES 500.00 to BARAKA, 0722000002?"
    assert [request.name for request in phone.asked] == [
        "caller",
        *["quote", "accept_quote"],
        "quote",
    ]


def test_a_refusal_that_the_flow_does_not_name_is_said_and_ends() -> None:
    phone = asha(quote="account_frozen")
    phone.dials()
    assert phone.says("1", "0722000002", "500") == "Your account is on hold. Please call us."
    assert phone.screen.ends
    assert phone.screen.step == "send_money.price"
    assert not phone.state.resumable


def test_a_find_at_the_very_start_may_end_the_session() -> None:
    phone = asha(caller="account_frozen")
    assert phone.dials() == "Your account is on hold. Please call us."
    assert phone.screen.ends


def test_a_quiet_refusal_is_not_said() -> None:
    phone = asha(caller="not_registered")
    assert phone.dials().startswith("Karibu Kabambe!")


def test_a_locked_pin_leads_to_where_it_is_unlocked() -> None:
    phone = asha(balance="pin_locked")
    phone.dials()
    phone.says(*way("balance", "0000"))
    assert phone.lines[:3] == [
        "PIN locked. Unlock it in My account.",
        "Unlock your PIN",
        "1 Send me a code by SMS",
    ]


@pytest.mark.parametrize("code", list(RefusalCode))
@pytest.mark.parametrize("language", ["en", "sw"])
def test_every_refusal_can_be_a_farewell(code: RefusalCode, language: str) -> None:
    said = shipped().texts.refusals[code.value].facts
    facts = {name: WIDEST[kind.kind] for name, kind in said.items()}
    screen = Machine(shipped()).farewell(code.value, facts, language)
    assert screen.ends
    assert screen.step == f"farewell.{code}"
    assert 0 < septets(screen.text) <= 160


def test_a_refusal_without_a_sentence_or_its_facts_is_our_own_fault() -> None:
    machine = Machine(shipped())
    with pytest.raises(Broken):
        machine.farewell("no_such_code", {}, "en")
    with pytest.raises(Broken):
        machine.farewell("wrong_pin", {}, "en")
    with pytest.raises(Broken):
        machine.farewell("wrong_pin", {"left": "many"}, "en")


def test_other_texts_can_be_handed_in() -> None:
    book = shipped()
    assert Machine(book, book.texts).farewell("wrong_pin", {"left": 1}, "en").text
