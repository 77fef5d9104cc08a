"""The dialogue format: what is read is what is written, and `…` means what the page says."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.dialogue import DialogueInvalid, difference, follows, parse, play, write

TEXT = """\
# Asha looks at her balance.
Given
    asha  0712000001  pin 4826

asha dials *383#
    CON Kabambe
    1 Send money
    …

# She hangs up.
asha hangs up
asha > 4862
    CON Wrong PIN. 2 left.

    0 Back
"""


class Parrot:
    """Says what it was told to say for each line."""

    def __init__(self, **said: list[str]) -> None:
        self.said = said
        self.given: list[str] = []

    def perform(self, line: str, block: Sequence[str]) -> list[str] | None:
        if line == "Given":
            self.given = list(block)
            return None
        return self.said.get(line.split()[1])


def run(text: str, stage: Parrot) -> str:
    return write(list(play(parse(text), stage)))


def test_reading_and_writing_are_inverse() -> None:
    steps = parse(TEXT)
    assert [step.line for step in steps] == [
        "Given", "asha dials *383#", "asha hangs up", "asha > 4862",
    ]  # fmt: skip
    assert steps[3].block == ("CON Wrong PIN. 2 left.", "", "0 Back")
    assert write([(step, step.block) for step in steps]) == TEXT


def test_a_dialogue_that_holds_has_no_difference() -> None:
    stage = Parrot(
        **{
            "dials": ["CON Kabambe", "1 Send money", "2 Balance", "3 Mini statement"],
            ">": ["CON Wrong PIN. 2 left.", "", "0 Back"],
        }
    )
    assert run(TEXT, stage) == TEXT
    assert difference(TEXT, run(TEXT, stage), "x") == ""
    assert stage.given == ["asha  0712000001  pin 4826"]


def test_another_answer_is_rewritten_and_shown_as_a_difference() -> None:
    stage = Parrot(dials=["CON Other"], **{">": ["END Bye"]})
    after = run(TEXT, stage)
    assert "asha > 4862\n    END Bye\n" in after
    assert "-    CON Kabambe" in difference(TEXT, after, "x")
    assert "+    CON Other" in difference(TEXT, after, "x")
    assert run(after, stage) == after


def test_a_line_that_shows_something_must_have_its_block() -> None:
    after = run("asha dials *383#\n", Parrot(dials=["CON Kabambe"]))
    assert after == "asha dials *383#\n    CON Kabambe\n"


def test_a_block_under_a_line_that_shows_nothing_goes() -> None:
    assert run("asha hangs up\n    CON Kabambe\n", Parrot()) == "asha hangs up\n"


def test_a_block_without_a_line_is_an_error() -> None:
    with pytest.raises(DialogueInvalid, match="line 2"):
        parse("# nothing\n    CON Kabambe\n")


@pytest.mark.parametrize(
    ("expected", "actual", "holds"),
    [
        ("", "", True),
        ("a", "a", True),
        ("a", "a b", False),
        ("…", "", True),
        ("…", "a b c", True),
        ("a …", "a", True),
        ("a …", "a b c", True),
        ("a …", "b a", False),
        ("… c", "a b c", True),
        ("… c", "a b", False),
        ("a … c", "a c", True),
        ("a … c", "a", False),
        ("a … b … c", "a x b y c", True),
        ("a … b … c", "a b c", True),
        ("a … b … c", "a c b", False),
        ("a … a", "a", False),
        ("… b … b …", "a b c", False),
        ("… b … b …", "b b", True),
    ],
)
def test_three_dots_stand_for_any_lines(expected: str, actual: str, holds: bool) -> None:
    assert follows(expected.split(), actual.split()) is holds


@given(st.lists(st.sampled_from("ab"), max_size=8), st.data())
def test_what_is_left_out_is_never_missed(lines: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(lines)))
    end = data.draw(st.integers(start, len(lines)))
    assert follows([*lines[:start], "…", *lines[end:]], lines)
