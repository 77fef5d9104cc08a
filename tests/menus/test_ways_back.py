"""Back and home: screen by screen, over flows and versions, never over what was done."""

import json
from pathlib import Path

from menus.machine import State
from tests.menus.people import CUSTOMER, HOME_MENU, KEYS, Phone, asha, small
from tests.ways import first_menu, way


def test_back_goes_one_screen_back_with_the_slots_of_then() -> None:
    phone = asha()
    phone.dials()
    phone.says("1", "0722000002", "500")
    given = {"quote_id", "payee_name", "fee"}
    assert set(phone.state.slots) == {"recipient", "amount", *given}
    assert phone.says("0") == f"Enter amount in KES\n{KEYS}"
    assert phone.state.slots == {"recipient": "+254722000002"}
    assert phone.says("0") == f"Enter phone number to send to\n{KEYS}"
    assert phone.says("0").startswith("Kabambe")
    assert not phone.state.history


def test_back_at_the_first_screen_is_nonsense() -> None:
    phone = asha()
    phone.dials()
    assert phone.says("0") == f"Choose a number from the list.\n{first_menu()}"


def test_back_crosses_flows_and_keeps_the_slots_of_the_flow_before() -> None:
    phone = asha(balance="pin_locked")
    phone.dials()
    phone.says(*way("balance", "1111", "1"))
    assert phone.state.flow == "unlock"
    phone.says("0", "0")
    assert (phone.state.flow, phone.state.step) == ("balance", "pin")
    phone.says("0")
    assert (phone.state.flow, phone.state.slots) == ("home", CUSTOMER)


def test_a_do_that_succeeded_cannot_be_gone_back_over() -> None:
    phone = asha()
    phone.dials()
    phone.says(*way("change_pin", "4826"))
    assert phone.state.step == "new"
    assert phone.lines == ["Choose a new PIN of 4 digits", "00 Home"]
    phone.says("0")
    assert phone.lines[0] == "The PIN has 4 digits."
    assert phone.state.step == "new"


def test_a_do_that_was_refused_leaves_the_way_back() -> None:
    phone = asha(accept_quote="wrong_pin")
    phone.dials()
    phone.says("1", "0722000002", "500", "9999")
    assert phone.says("0") == f"Enter amount in KES\n{KEYS}"


def test_coming_to_a_screen_again_is_not_a_step_further_from_home() -> None:
    phone = asha(quote="unknown_payee")
    phone.dials()
    phone.says("1")
    for _ in range(30):
        phone.says("0733000003", "500")
        assert len(phone.state.history) == 1
    assert len(json.dumps(phone.state.to_wire())) < 300


def test_home_starts_the_home_flow_anew() -> None:
    phone = asha()
    phone.dials()
    phone.says("1", "0722000002", "00")
    assert phone.state.to_wire() == [HOME_MENU, "en", CUSTOMER]
    assert [request.name for request in phone.asked] == ["caller", "caller"]


def test_the_way_back_is_bounded(tmp_path: Path) -> None:
    screens = "\n".join(
        f"      s{n}:\n        ask: amount\n        say: {{en: Number {n}, sw: Namba {n}}}\n"
        f"        to: s{n + 1}"
        for n in range(40)
    )
    flow = (
        "    flow: trial\n    version: 1\n    about: Long.\n    title: {en: Long, sw: Ndefu}\n"
        f"    start: s0\n    slots: {{amount: money}}\n    screens:\n{screens}\n"
        "      s40:\n        end: {en: Done, sw: Tayari}\n"
    )
    phone = Phone(small(tmp_path, trial=flow))
    phone.dials()
    phone.says("1", *["5"] * 39)
    assert phone.state.step == "s39"
    assert len(phone.state.history) == 12
    phone.says(*["0"] * 12)
    assert phone.state.step == "s27"
    phone.says("0")
    assert phone.lines[0] == "Enter an amount, like 500."


# -- versions


OLD = """
    flow: trial
    version: 1
    about: As it was.
    title: {en: Trial, sw: Jaribio}
    start: one
    slots: {amount: money}
    screens:
      one:
        ask: amount
        say: {en: Old question, sw: Swali la zamani}
        to: two
      two:
        end: {en: "Old {amount}", sw: "Zamani {amount}"}
"""
NEW = OLD.replace("version: 1", "version: 2").replace("Old", "New").replace(" one", " first")


def test_a_session_ends_in_the_version_in_which_it_began(tmp_path: Path) -> None:
    before = Phone(small(tmp_path / "before", trial=OLD))
    before.dials()
    before.says("1")
    book = small(tmp_path / "after", trial=NEW, retired__trial_v1=OLD)
    after = Phone(book)
    after.state = State.from_wire(book, before.state.to_wire())
    assert after.state.version == 1
    assert after.says("500") == "Old 500.00"
    after.dials()
    assert after.says("1").startswith("New question")
    assert after.state.version == 2


def test_a_way_back_into_a_version_that_is_gone_leads_home(tmp_path: Path) -> None:
    book = small(tmp_path, trial=OLD)
    phone = Phone(book)
    phone.dials()
    phone.says("1")
    wire = phone.state.to_wire()
    wire[3] = [["trial.one@7", {"amount": 5}, 0]]
    phone.state = State.from_wire(book, wire)
    assert phone.says("0").startswith("Kabambe")
