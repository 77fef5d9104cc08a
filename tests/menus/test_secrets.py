"""A secret lives for one hop and is never seen."""

from pathlib import Path

from menus.machine import Machine, Refusal
from tests.menus.people import asha, small
from tests.ways import way


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
