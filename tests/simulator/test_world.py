"""The verbs: each is documented with an example that it understands, and says what it cannot do."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.__main__ import main
from simulator.dialogue import DialogueInvalid
from simulator.world import VERBS, World, world
from tests.ways import dialled
from ussd_app.embedded import Redis

DOCUMENT = Path(__file__).parents[2] / "docs" / "dialogues.md"


def test_every_verb_has_an_example_in_the_document() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    examples = [example for row in rows for example in re.findall(r"`([^`]+)`", row)]
    for pattern, verb in VERBS:
        assert any(pattern.fullmatch(example) for example in examples), verb.__name__


@pytest.fixture
def stage(database_url: str, redis_server: Redis) -> Iterator[World]:
    with world(database_url, redis_server.url()) as stage:
        stage.perform("Given", ["asha 0712000001 pin 4826 en wallet 1500", "chris 0733000003"])
        yield stage


@pytest.mark.parametrize(
    "line",
    [
        "asha sings",
        "baraka dials *383#",
        "asha > 1",
        "the network repeats",
        "the network repeats five times at once",
        "the gateway says hello",
        "the gateway answers often",
        "chris breaks into asha's session with 1",
        "Asha dials *383#",
        "asha enters her M-PESA PIN",
        "asha ignores the prompt",
        "asha pays 500 by M-PESA to 174379",
        "asha pays 500 by M-PESA to till 174379 account A",
        "asha pays lots by M-PESA to 174379 account A",
        "baraka pays 500 by M-PESA to 174379 account A",
        "M-PESA of baraka holds 500",
        "Safaricom sulks",
        "Safaricom refuses with 1.2",
    ],
)
def test_what_nobody_understands_is_said(stage: World, line: str) -> None:
    with pytest.raises(DialogueInvalid):
        stage.perform(line, [])


@pytest.mark.parametrize(
    "line",
    [
        "asha",
        "asha 12345",
        "M-PESA of asha",
        "asha 0712000001 wallet lots",
        "asha 0712000001 purple",
    ],
)
def test_an_odd_given_is_refused(stage: World, line: str) -> None:
    with pytest.raises(DialogueInvalid):
        stage.perform("Given", [line])


def test_strangers_cannot_be_told_from_customers_by_their_phones(stage: World) -> None:
    first = stage.perform("chris dials *383#", [])
    assert first is not None
    assert "Karibu" in first[0]
    assert stage.perform("chris gets", []) == ["(nothing)"]
    assert stage.perform("Ledger", []) == ["(nothing)"]
    assert stage.perform("Balances", []) == ["asha      1,500.00"]
    stage.close()


def test_from_lines_to_a_dialogue_that_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.txt"
    path.write_text(
        "Given\n    asha 0712000001 pin 4826 en wallet 10\n\n"
        f"asha dials *383*{dialled('balance')}#\nasha > 4826\n"
    )
    assert main(["play", str(path)]) == 1
    assert main(["rewrite", str(path)]) == 0
    assert "    END Your balance is KES 10.00." in path.read_text()
    assert main(["play", str(path)]) == 0
    path.write_text("asha sings\n")
    assert main(["play", str(path)]) == 1
    assert "nobody understands" in capsys.readouterr().err
