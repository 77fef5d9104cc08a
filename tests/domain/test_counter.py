"""The counter is gathered by file: a module's tables are found, and nothing stands in two."""

from pathlib import Path

import pytest

from ussd_app.domain import counter

MODULE = """
COMMANDS = {"%(name)s": "a command"}
ROUNDS = {"%(name)s": "a round"}
"""


@pytest.fixture
def further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules the counter finds, too."""
    monkeypatch.setattr(counter, "__path__", [*counter.__path__, str(tmp_path)])
    return tmp_path


def add(folder: Path, module: str, name: str) -> None:
    (folder / f"{module}.py").write_text(MODULE % {"name": name})


def test_a_module_is_found_by_its_file(further: Path) -> None:
    add(further, "parking_one", "park")
    assert counter._gathered("COMMANDS") == {**counter.COMMANDS, "park": "a command"}
    assert counter._gathered("ROUNDS") == {**counter.ROUNDS, "park": "a round"}


def test_a_module_needs_no_table_that_it_has_nothing_for(further: Path) -> None:
    add(further, "parking_two", "park")
    assert counter._gathered("REPLIES") == dict(counter.REPLIES)


def test_what_stands_in_two_modules_is_said(further: Path) -> None:
    add(further, "parking_three", "balance")
    with pytest.raises(ValueError, match=r"COMMANDS of .*: balance stands elsewhere too"):
        counter._gathered("COMMANDS")


def test_every_module_brings_something() -> None:
    assert {"caller", "quote", "accept_quote"} <= set(counter.COMMANDS)
    assert all(command.kind in ("find", "do") for command in counter.COMMANDS.values())
    assert all(callable(round_.do) for round_ in counter.ROUNDS.values())
