"""The pages made from the flows, and the command line that makes them."""

from pathlib import Path

import pytest

from menus import __main__ as command
from menus.draw import draw
from menus.words import words
from tests.menus.people import MENUS, shipped, small

DOCS = MENUS.parent / "docs"

QUOTED = """
flow: trial
version: 1
about: Braces, bars and quotes.
title: {en: Trial, sw: Jaribio}
start: end
slots: {role: "choice(a, b)"}
screens:
  end:
    menu: {en: 'Say "a|b"', sw: 'Sema "a|b"'}
    options:
      - {en: Go, sw: Nenda, to: fork, set: {role: a}}
  fork:
    find: caller
    to: {by: role, a: end, b: flow:home}
"""


def test_the_pages_are_fresh() -> None:
    assert (DOCS / "menus.md").read_text("utf-8") == draw(shipped())
    assert (DOCS / "words.md").read_text("utf-8") == words(shipped())


def test_every_step_is_drawn_and_every_do_is_marked() -> None:
    page = draw(shipped())
    assert 's_send{{"do accept_quote"}}' in page
    assert "class s_send do" in page
    assert 's_send -. "wrong_pin" .-> s_confirm' in page
    assert "s_main -->|1| to_send_money" in page
    for flow in shipped().flows.values():
        section = page.split(f"(`{flow.name}`, version {flow.version})")[1].split("## ")[0]
        for step in flow.screens:
            assert f"  s_{step}" in section


def test_what_mermaid_would_trip_over_is_quoted(tmp_path: Path) -> None:
    page = draw(small(tmp_path, trial=QUOTED))
    assert 's_end["Say #quot;a|b#quot;<br>1 Go"]' in page
    assert "s_fork -->|a| s_end" in page
    assert "s_fork -->|b| to_home" in page


def test_every_sentence_is_listed_with_its_length() -> None:
    page = words(shipped())
    assert "| **weak_pin** | That PIN is easy to guess. Try another. | 39 |" in page
    assert "| **amount** | Enter amount in KES | 19 / " in page
    assert "| **0** | Back | 4 | Rudi | 4 |" in page


def test_the_command_writes_and_checks_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "DOCS_DIR", tmp_path / "docs")
    assert command.main(["draw", "--check"]) == 1
    assert "menus.md is stale" in capsys.readouterr().out
    assert command.main(["draw"]) == 0
    assert command.main(["words"]) == 0
    assert command.main(["draw", "--check"]) == 0
    assert command.main(["words", "--check"]) == 0
    assert (tmp_path / "docs" / "words.md").read_text("utf-8") == words(shipped())


def test_the_command_says_what_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "home.yaml").write_text("flow: home", "utf-8")
    monkeypatch.setattr(command, "FLOWS_DIR", tmp_path)
    assert command.main(["draw"]) == 1
    assert "home.yaml:home: schema: version: Missing data" in capsys.readouterr().out


def test_the_menus_are_sound_for_the_bank_that_serves_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["lint"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.endswith(": 0 faults\n")
