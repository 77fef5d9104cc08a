"""The protocol of the machine, step by step, on the shipped book and on small ones."""

import json
from pathlib import Path

import pytest

from menus.machine import (
    QUESTIONS_MOST,
    Facts,
    Machine,
    OutOfTurn,
    State,
    UnknownVersion,
    UnreadableState,
)
from tests.menus.people import ASHA, CUSTOMER, HOME_MENU, KEYS, Phone, asha, shipped, small
from tests.ways import first_menu
from ussd_app.kernel.errors import Broken

# -- the main job


def test_sending_money_takes_four_answers() -> None:
    phone = asha()
    assert phone.dials() == first_menu()
    assert phone.says("1") == f"Enter phone number to send to\n{KEYS}"
    assert phone.says("0722000002") == f"Enter amount in KES\n{KEYS}"
    assert phone.says("500") == (
        f"Send KES 500.00 to BARAKA, 0722000002?\nFee 7.00\nEnter PIN to confirm\n{KEYS}"
    )
    assert phone.says("4826") == (
        "KB00001 confirmed. KES 500.00 sent to BARAKA.\nBalance KES 993.00. An SMS receipt follows."
    )
    assert phone.screen.ends
    assert [repr(request) for request in phone.asked] == [
        "Request(find caller, {}, home.who)",
        "Request(find quote, {'payee': '+254722000002', 'amount': 50000, 'type': 'send_money'},"
        " send_money.price)",
        "Request(do accept_quote, {'quote': 'quote-1', 'pin': '****'}, send_money.send)",
    ]
    assert phone.asked[-1].args == {"quote": "quote-1", "pin": "4826"}


def test_the_bank_decides_the_language() -> None:
    phone = asha(caller={**CUSTOMER, "language": "sw"})
    assert phone.dials().startswith("Kabambe\n1 Tuma pesa")
    assert phone.says("1") == "Weka namba ya simu ya mpokeaji\n0 Rudi 00 Mwanzo"
    assert phone.state.language == "sw"


def test_an_answer_after_the_end_shows_the_end_again() -> None:
    phone = asha()
    phone.dials()
    ended = phone.says("1", "0722000002", "500", "4826")
    asked = len(phone.asked)
    assert phone.says("1") == ended
    assert phone.says("00") == ended
    assert len(phone.asked) == asked


# -- nonsense


@pytest.mark.parametrize(
    "typed",
    ["", " ", "9", "98", "abc", "1*1", "١", "-1", "1.0", "\x00", "0" * 10_000, "#", "é" * 90],
)
def test_nonsense_at_a_menu_asks_again(typed: str) -> None:
    phone = asha()
    phone.dials()
    phone.says(typed)
    assert phone.lines[:2] == ["Choose a number from the list.", "Kabambe"]
    assert phone.says("1").startswith("Enter phone number")


def test_nonsense_at_a_question_is_answered_by_its_type() -> None:
    phone = asha()
    phone.dials()
    phone.says("1", "nobody")
    assert phone.lines[0] == "Enter a Kenyan mobile number."
    phone.says("0722000002", "lots")
    assert phone.lines[0] == "Enter an amount, like 500."
    phone.says("500", "48")
    assert phone.lines[0] == "The PIN has 4 digits."
    assert phone.says("4826").startswith("KB00001")


@pytest.mark.parametrize("typed", ["1", " 1 ", "1#", "1 #", "1##", "\t1\n"])
def test_spaces_and_a_hash_around_an_answer_are_forgiven(typed: str) -> None:
    phone = asha()
    phone.dials()
    assert phone.says(typed).startswith("Enter phone number")


def test_ninety_eight_is_an_amount_where_there_is_no_next_page() -> None:
    phone = asha()
    phone.dials()
    assert phone.says("1", "0722000002", "98").startswith("Send KES 98.00")


# -- put away and read back


def test_the_wire_is_small_and_plain() -> None:
    phone = asha()
    phone.dials()
    phone.says("1", "0722000002")
    assert phone.state.to_wire() == [
        "send_money.amount@1",
        "en",
        {"recipient": "+254722000002"},
        [[HOME_MENU, CUSTOMER, 0], ["send_money.recipient@1", {}, 0]],
    ]


@pytest.mark.parametrize(
    "wire",
    [
        *(None, 5, "text", [], {}, [1, 2, 3]),
        *([HOME_MENU], [HOME_MENU, "en"], [HOME_MENU, "fr", {}]),
        *([HOME_MENU, "en", []], [HOME_MENU, "en", {"pin": "1234"}]),
        *(["send_money.confirm@1", "en", {"pin": "1234"}], ["send_money.price@1", "en", {}]),
        *(["send_money.amount@1", "en", {"recipient": "0722000002"}],),
        *([HOME_MENU, "en", {}, "history"], [HOME_MENU, "en", {}, ["frame"]]),
        *([HOME_MENU, "en", {}, [[1, {}, 0]]], [HOME_MENU, "en", {}, [["x", {}, "0"]]]),
        *([HOME_MENU, "en", {}, [], 5], [HOME_MENU, "en", {}, [], "", -1]),
        *([HOME_MENU, "en", {}, [], "", 0, 0, "offer"], [HOME_MENU, "en", {}] + [None] * 9),
        [HOME_MENU, "en", {}, [], "", 0, 0, [HOME_MENU, "en", {}, [], "", 0, 0, []]],
    ],
)
def test_what_cannot_be_ours_is_unreadable(wire: object) -> None:
    with pytest.raises(UnreadableState):
        State.from_wire(shipped(), wire)


@pytest.mark.parametrize("place", ["home.main@99", "home.gone@1", "gone.main@1", "x" * 500])
def test_a_place_that_the_book_no_longer_has_is_an_unknown_version(place: str) -> None:
    with pytest.raises(UnknownVersion):
        State.from_wire(shipped(), [place, "en", {}])


# -- what must not happen


def test_the_machine_is_told_only_what_it_waits_for() -> None:
    machine = Machine(shipped())
    waiting = machine.begin().state
    with pytest.raises(OutOfTurn):
        machine.hear(waiting, "1")
    with pytest.raises(OutOfTurn):
        machine.show(waiting)
    shown = machine.answer(waiting, Facts(CUSTOMER)).state
    with pytest.raises(OutOfTurn):
        machine.answer(shown, Facts({}))


@pytest.mark.parametrize(
    "facts",
    [{}, *({**CUSTOMER, "language": odd} for odd in ("fr", None, ["en"]))],
)
def test_a_bank_that_breaks_its_promise_is_our_own_fault(facts: dict[str, object]) -> None:
    machine = Machine(shipped())
    with pytest.raises(Broken) as caught:
        machine.answer(machine.begin().state, Facts(facts))
    assert "fr" not in str(caught.value)


def test_an_unknown_start_is_refused() -> None:
    with pytest.raises(KeyError):
        Machine(shipped()).begin(start="nowhere")


RESTLESS = """
    flow: trial
    version: 1
    about: Asks for ever.
    title: {en: Trial, sw: Jaribio}
    start: one
    screens:
      one: {find: caller, to: two}
      two: {find: caller, to: one}
"""


def test_a_flow_that_only_ever_asks_the_bank_is_stopped(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=RESTLESS), ASHA)
    phone.dials()
    with pytest.raises(Broken):
        phone.says("1")
    assert len(phone.asked) == QUESTIONS_MOST


# -- for the simulator's page


def test_the_graph_is_plain_data() -> None:
    graph = shipped().graph()
    json.dumps(graph)
    flow = graph["send_money"]
    assert (flow["version"], flow["start"]) == (1, "recipient")
    assert flow["title"] == {"en": "Send money", "sw": "Tuma pesa"}
    assert flow["screens"]["recipient"] == {
        "kind": "ask",
        "say": {"en": "Enter phone number to send to", "sw": "Weka namba ya simu ya mpokeaji"},
        "to": ["amount"],
        "edges": [{"to": "amount", "why": "recipient"}],
    }
    assert flow["screens"]["send"]["kind"] == "do"
    assert "confirm" in flow["screens"]["send"]["to"]
    assert flow["screens"]["sent"] == {
        "kind": "end",
        "say": flow["screens"]["sent"]["say"],
        "to": [],
        "edges": [],
    }
    assert graph["home"]["screens"]["main"]["to"][0] == "flow:send_money"


def test_a_repr_says_where_one_is() -> None:
    phone = asha()
    phone.dials()
    facts = "{'language': 'English', 'standing': 'customer'}"
    assert repr(phone.state) == f"State({HOME_MENU}, en, {facts})"
    assert repr(phone.state.at) == "<flow home@1>"
    flow = shipped().flows["language"]
    assert repr(flow.slots["language"]) == "<slot type lang>"
    assert repr(flow.title["sw"]) == "<sentence 'Lugha / Language'>"
