"""Lint of the sentences: those of the machine, and of the refusals with the facts they say."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from menus.book import Fault, Signature
from menus.lint import lint, lint_files
from tests.menus.linted import longer, refusal_facts
from tests.menus.people import MENUS, TEXTS, shipped
from ussd_app.domain.bank import signatures
from ussd_app.kernel.errors import RefusalCode

BANK_DIR = MENUS.parent / "ussd_app"


def _texts(folder: Path, name: str, old: str, new: str) -> Path:
    shutil.copytree(TEXTS, folder)
    path = folder / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "old", "new", "place", "rule", "says"),
    [
        ("refusals.yaml", "weak_pin:", "week_pin:", "refusals.weak_pin", "refusal", "no sentence"),
        ("refusals.yaml", "weak_pin:", "week_pin:", "refusals.week_pin", "refusal", "unused"),
        ("refusals.yaml", "Wrong PIN. {left}", "Wrong PIN. {more}", "", "refusal", "no fact"),
        ("refusals.yaml", "{left} left.\n  sw: PIN si", "Left.\n  sw: PIN si", "", "languages", ""),
        ("refusals.yaml", "{left: count}", "{left: count, x: count}", "", "refusal", "never said"),
        ("refusals.yaml", "{left: count}", "{left: money}", "", "refusal", "brings a count"),
        (
            "refusals.yaml",
            "That passes your limit for today.\n  sw: Hiyo",
            '"{x}"\n  sw: "{x}"\n  facts: {x: money}\nspare:\n  en: x\n  sw: Hiyo',
            "refusals.daily_limit",
            "refusal",
            "does not bring x",
        ),
        ("refusals.yaml", "Wrong PIN.", longer("Wrong", 10), "", "width", "the most is 60"),
        ("refusals.yaml", "Session lost", longer("Session", 30), "", "width", "the most is 160"),
        ("machine.yaml", "en: Back", longer("en: Back", 20), "", "width", "too many"),
        ("machine.yaml", "You were cut", longer("You", 30), "offer", "width", "septets in en"),
        ("machine.yaml", "en: More", "en: Mor\u0113", "nav.more", "alphabet", ""),
        ("machine.yaml", "Continue: {title}", "Continue", "offer.go_on", "languages", "sw only"),
    ],
)
def test_faults_of_the_sentences(
    tmp_path: Path, file: str, old: str, new: str, place: str, rule: str, says: str
) -> None:
    texts = _texts(tmp_path / "text", file, old, new)
    faults = lint_files(MENUS / "flows", texts, signatures(), refusal_facts())
    assert [
        fault
        for fault in faults
        if fault.rule == rule and place in ("", fault.place) and says in fault.sentence
    ], faults


def _raised(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Every `Refused(RefusalCode.X, fact=…)` of a file: the code, and which facts it brings."""
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Refused" and call.args:
            code = ast.unparse(call.args[0]).rpartition(".")[2]
            if code in RefusalCode.__members__ and all(each.arg for each in call.keywords):
                yield RefusalCode[code].value, {str(each.arg) for each in call.keywords}


def test_who_refuses_brings_what_the_sentence_says() -> None:
    raised = [one for path in sorted(BANK_DIR.rglob("*.py")) for one in _raised(path)]
    assert len({code for code, _ in raised}) > 20
    said = refusal_facts()
    assert [one for one in raised if not set(said[one[0]]) <= one[1]] == []


def test_a_bank_with_a_refusal_of_its_own_is_a_fault() -> None:
    odd = Signature("find", "odd", {}, {}, frozenset({"odd_code"}))
    faults = lint(shipped(), {**signatures(), "odd": odd})
    assert faults == [Fault("bank", "odd", "refusal", "no such refusal: odd_code")]
