"""Laws that hold whatever is typed and whatever the bank answers: Hypothesis tries hard."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from menus.book import Call
from menus.machine import Facts, Machine, Refusal, State, Turn, UnreadableState
from menus.slots import COUNT_MOST, LARGEST_SHOWN_MINOR, Choice, Rows, slot_type
from tests.menus.people import shipped
from ussd_app.domain.bank import signatures
from ussd_app.kernel.gsm7 import septets

BOOK = shipped()
SIGNATURES = signatures()
MACHINE = Machine(BOOK)
SECRETS = ["4826", "9173", "71938264", "846201"]
"""A PIN, another, an ID and a code that occur in nothing else."""

TYPED = st.one_of(
    st.sampled_from([*"12345678", "0", "00", "98", "", " 1#", "0722000002", "500", "Asha"]),
    st.sampled_from(SECRETS),
    st.text(max_size=200),
)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "money": st.sampled_from([0, 700, LARGEST_SHOWN_MINOR]),
    "count": st.sampled_from([0, 1, COUNT_MOST]),
    "name": st.sampled_from(["BARAKA", "W" * 60, "€" * 30, "Wanjirũ\nMwangi"]),
    "word": st.sampled_from(["School", "W" * 40, "€" * 20]),
    "text": st.sampled_from(["", "Paid", "W" * 200, "€" * 100]),
    "ref": st.sampled_from(["ref-1", "r" * 64]),
    "receipt": st.sampled_from(["KB00001", "KWWWWWWWWW"]),
    "msisdn": st.just("+254722000002"),
    "shortcode": st.sampled_from(["5200", "9999999"]),
    "reference": st.sampled_from(["A", "W" * 20]),
    "units": st.sampled_from(["0.1 BTC", "1,234,567.12345678 USDT"]),
    "date": st.sampled_from(["2026-11-21", "2030-12-31"]),
}


def value(declared: str) -> st.SearchStrategy[Any]:
    """What the bank may give for a slot type."""
    kind = slot_type(declared)
    if isinstance(kind, Choice):
        return st.sampled_from(kind.words)
    if isinstance(kind, Rows):
        label = st.text(max_size=kind.label + 12)
        row = st.fixed_dictionaries({"key": st.just("k"), "label": label})
        return st.lists(row, max_size=min(kind.most + 3, 8))
    return VALUES[kind.kind]


@st.composite
def told(draw: st.DrawFn, command: str) -> Facts | Refusal:
    """Anything that the bank may rightly answer."""
    signature = SIGNATURES[command]
    if signature.refuses and draw(st.integers(0, 3)) == 0:
        code = draw(st.sampled_from(sorted(signature.refuses)))
        said = BOOK.texts.refusals[code].facts
        return Refusal(code, {fact: draw(value(kind.declared)) for fact, kind in said.items()})
    return Facts({fact: draw(value(kind)) for fact, kind in signature.gives.items()})


def settle(data: st.DataObject, turn: Turn) -> tuple[Turn, bool]:
    """Answer for the bank until there is a screen; whether a `do` succeeded on the way."""
    done = False
    while turn.request is not None:
        assert turn.screen is None
        wanted = {
            name.removesuffix("?"): slot_type(declared)
            for name, declared in SIGNATURES[turn.request.name].args.items()
        }
        for arg, given_ in turn.request.args.items():
            assert wanted[arg].take(given_) == given_
        answer = data.draw(told(turn.request.name))
        done = done or (turn.request.kind == "do" and isinstance(answer, Facts))
        turn = MACHINE.answer(turn.state, answer)
    return turn, done


def check_screen(turn: Turn) -> None:
    assert turn.screen is not None
    assert 0 < septets(turn.screen.text) <= 160
    assert turn.screen.ends == turn.state.ended
    assert MACHINE.show(turn.state) == turn.screen


def check_wire(state: State) -> State:
    wire = json.loads(json.dumps(state.to_wire()))
    back = State.from_wire(BOOK, wire)
    assert back.to_wire() == state.to_wire()
    assert MACHINE.show(back) == MACHINE.show(state)
    assert not state.at.secrets & set(back.slots)
    return back


def where(state: State) -> str:
    return state.at.screens[state.step].place


@settings(max_examples=300, deadline=None)
@given(st.data(), st.lists(TYPED, max_size=25))
def test_no_customer_can_break_the_machine(data: st.DataObject, answers: list[str]) -> None:
    turn, _ = settle(data, MACHINE.begin(language=data.draw(st.sampled_from(["en", "sw"]))))
    check_screen(turn)
    for typed in answers:
        if typed in SECRETS and not turn.state.asks_secret:
            typed = "500"  # the same digits as an amount would be no secret
        state = check_wire(turn.state)
        heard = MACHINE.hear(state, typed)
        if typed in SECRETS:
            assert typed not in repr(heard) + str(heard.state.to_wire())
        turn, done = settle(data, heard)
        check_screen(turn)
        if done:
            assert turn.state.history == ()


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(st.sampled_from([*"12345678", "0722000002", "500"]), max_size=20))
def test_back_never_crosses_a_do(data: st.DataObject, answers: list[str]) -> None:
    turn, _ = settle(data, MACHINE.begin())
    shown_since = {where(turn.state)}
    for typed in answers:
        typed = data.draw(st.sampled_from(SECRETS)) if turn.state.asks_secret else typed
        turn, done = settle(data, MACHINE.hear(turn.state, typed))
        shown_since = {where(turn.state)} | (set() if done else shown_since)
    state = turn.state
    while state.history:
        back = MACHINE.hear(state, "0")
        assert back.request is None
        assert len(back.state.history) == len(state.history) - 1
        assert where(back.state) in shown_since
        state = back.state


@settings(max_examples=200, deadline=None)
@given(st.data(), st.lists(TYPED, max_size=15), st.lists(TYPED, max_size=6))
def test_whoever_drops_can_go_on(data: st.DataObject, first: list[str], second: list[str]) -> None:
    turn, _ = settle(data, MACHINE.begin())
    for typed in first:
        turn, _ = settle(data, MACHINE.hear(turn.state, typed))
    dropped = check_wire(turn.state)
    turn, _ = settle(data, MACHINE.begin(resume=dropped))
    check_screen(turn)
    if turn.state.offer is not None:
        assert dropped.resumable
        going_on = MACHINE.hear(turn.state, "1")
        assert going_on.request is None
        offered = dropped.offer or dropped
        assert going_on.state.slots == offered.slots
        assert (going_on.state.at, going_on.state.step) == (offered.at, offered.step)
        assert not isinstance(offered.at.screens[offered.step], Call)
    for typed in second:
        check_wire(turn.state)
        turn, _ = settle(data, MACHINE.hear(turn.state, typed))
        check_screen(turn)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    JSON
    | st.tuples(
        st.sampled_from(sorted(BOOK.places)),
        st.sampled_from(["en", "sw", "fr"]),
        st.dictionaries(st.sampled_from(["amount", "recipient", "language", "pin"]), JSON),
        *[JSON] * 4,
    ).map(list)
)
def test_no_rubbish_in_the_store_can_break_the_machine(wire: object) -> None:
    try:
        state = State.from_wire(BOOK, wire)
    except UnreadableState:
        return
    assert not state.at.secrets & set(state.slots)
    json.dumps(state.to_wire())
