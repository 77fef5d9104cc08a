"""The protocol of the machine, step by step, on the shipped book and on small ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from menus.machine import (
    QUESTIONS_MOST,
    Facts,
    Machine,
    OutOfTurn,
    Refusal,
    State,
    UnknownVersion,
    UnreadableState,
)
from tests.menus.people import ASHA, CUSTOMER, Phone, shipped, small
from tests.ways import first_menu, way
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

KEYS = "0 Back 00 Home"
HOME_MENU = shipped().flows["home"].screens["main"].place


def asha(**answers: object) -> Phone:
    return Phone(shipped(), {**ASHA, **answers})


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


# -- refusals


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


# -- back and home


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


# -- secrets


def test_a_secret_lives_for_one_hop() -> None:
    phone = asha(accept_quote="wrong_pin")
    machine = phone.machine
    phone.dials()
    phone.says("1", "0722000002", "500")
    assert phone.state.asks_secret
    turn = machine.hear(phone.state, "4862")
    assert turn.request is not None
    assert turn.request.args["pin"] == "4862"
    assert turn.state.public_slots()["pin"] == "****"
    for seen in (repr(turn), repr(turn.state), repr(turn.request), str(turn.state.to_wire())):
        assert "4862" not in seen
    turn = machine.answer(turn.state, Refusal("wrong_pin", {"left": 1}))
    assert "pin" not in turn.state.slots
    assert "4862" not in repr(turn)


def test_only_a_secret_question_asks_a_secret() -> None:
    phone = asha()
    phone.dials()
    assert not phone.state.asks_secret
    phone.says("1")
    assert not phone.state.asks_secret
    phone.says("00", *way("unlock", "1"))
    assert phone.state.step == "national_id"
    assert phone.state.asks_secret


CARELESS = """
    flow: trial
    version: 1
    about: Lint would refuse it; the machine forgets the secret all the same.
    title: {en: Trial, sw: Jaribio}
    start: pin
    slots: {pin: pin, amount: money}
    screens:
      pin:
        ask: pin
        say: {en: PIN, sw: PIN}
        to: amount
      amount:
        ask: amount
        say: {en: Amount, sw: Kiasi}
        to: pin
"""


def test_a_secret_never_reaches_a_second_screen(tmp_path: Path) -> None:
    machine = Machine(small(tmp_path, trial=CARELESS))
    waiting = machine.hear(machine.begin().state, "1").state
    after = machine.hear(waiting, "4826").state
    assert after.step == "amount"
    assert "pin" not in after.slots
    assert "4826" not in str(after.to_wire()) + repr(after.history)


def test_public_slots_are_printed_by_type() -> None:
    phone = asha()
    phone.dials()
    phone.says("1", "0722000002", "1500")
    assert phone.state.public_slots() == {
        "recipient": "0722000002",
        "amount": "1,500.00",
        "quote_id": "quote-1",
        "payee_name": "BARAKA",
        "fee": "7.00",
    }


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


# -- menus that set, forks, lists

LOANS = """
    flow: trial
    version: 1
    about: A list, a choice and a fork.
    title: {en: Loans, sw: Mikopo}
    start: role
    slots:
      role: choice(customer, agent)
      loans: rows(40, 20)
      loan: ref
    screens:
      role:
        menu: {en: "Who are you?", sw: "Wewe ni nani?"}
        options:
          - {en: Customer, sw: Mteja, to: look, set: {role: customer}}
          - {en: Agent, sw: Wakala, to: look, set: {role: agent}}
      look:
        find: loans
        with: {role: $role}
        gives: [loans]
        to: {by: role, customer: pick, agent: agents}
      pick:
        menu: {en: Your loans, sw: Mikopo yako}
        rows: $loans
        pick: loan
        to: pay
        empty: nothing
      nothing:
        end: {en: You have no loans., sw: Huna mkopo.}
      agents:
        end: {en: "Loans: {loans}", sw: "Mikopo: {loans}"}
      pay:
        do: pay_loan
        with: {loan: $loan}
        to: paid
        refused: {insufficient_funds: pick}
      paid:
        end: {en: Paid., sw: Imelipwa.}
"""


def rows(count: int) -> dict[str, Any]:
    return {
        "loans": [{"key": f"loan-{n}", "label": f"Loan of {n} shillings"} for n in range(count)]
    }


def test_a_fork_goes_by_the_choice(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(2)})
    phone.dials()
    phone.says("1", "1")
    assert phone.state.step == "pick"
    assert phone.asked[-1].args == {"role": "customer"}
    phone.says("0")
    assert phone.says("2") == "Loans: Loan of 0 shillings\nLoan of 1 shillings"


def test_an_empty_list_goes_where_the_flow_says(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(0)})
    phone.dials()
    assert phone.says("1", "1") == "You have no loans."
    assert phone.screen.ends


def test_a_list_is_paged_to_the_budget_and_back(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(12), "pay_loan": {}})
    phone.dials()
    first = phone.says("1", "1")
    assert phone.lines[1] == "1 Loan of 0 shillings"
    assert phone.lines[-2:] == ["98 More", KEYS]
    seen = [line for line in phone.lines if "Loan of" in line]
    pages = [first]
    while "98 More" in phone.lines:
        pages.append(phone.says("98"))
        seen += [line for line in phone.lines if "Loan of" in line]
    assert seen == [f"{n + 1} Loan of {n} shillings" for n in range(12)]
    assert phone.says("98").startswith("Choose a number from the list.")
    for page in reversed(pages[:-1]):
        assert phone.says("0") == page
    assert phone.says("0").startswith("Who are you?")


def test_a_row_is_picked_by_its_number_and_its_key_is_kept(tmp_path: Path) -> None:
    answers = {"loans": rows(12), "pay_loan": ["insufficient_funds", {}]}
    phone = Phone(small(tmp_path, trial=LOANS), answers)
    phone.dials()
    phone.says("1", "1", "98", "13")
    assert phone.lines[0] == "Choose a number from the list."
    phone.says("7")
    assert phone.asked[-1].args == {"loan": "loan-6"}
    assert phone.lines[:2] == ["Not enough money for that and the fee.", "Your loans"]
    assert phone.says("12") == "Paid."


def test_no_row_is_lost_when_a_sentence_stands_above_the_list(tmp_path: Path) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(12)})
    phone.dials()
    first = phone.says("1", "1")
    phone.says("99")
    seen = [line for line in phone.lines if "Loan of" in line]
    assert len(seen) < first.count("Loan of")
    while "98 More" in phone.lines:
        phone.says("98")
        seen += [line for line in phone.lines if "Loan of" in line]
    assert seen == [f"{n + 1} Loan of {n} shillings" for n in range(12)]
    while phone.state.page:
        phone.says("0")
    assert phone.screen.text == first


@pytest.mark.parametrize("typed", ["0x1", "１", "+1", "1e0", "001", "²"])
def test_a_row_has_one_number(tmp_path: Path, typed: str) -> None:
    phone = Phone(small(tmp_path, trial=LOANS), {"loans": rows(3)})
    phone.dials()
    phone.says("1", "1", typed)
    assert phone.lines[0] == "Choose a number from the list."


# -- resume


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


def test_other_texts_can_be_handed_in() -> None:
    book = shipped()
    assert Machine(book, book.texts).farewell("wrong_pin", {"left": 1}, "en").text
