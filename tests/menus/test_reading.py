"""Reading the files: what is not a flow is told to its author, all of it at once."""

import shutil
from pathlib import Path

import pytest

from menus.book import Book, Misread
from menus.schema import read_yaml
from tests.menus.people import MENUS, TEXTS, small, write

FLOW = """
flow: trial
version: 1
about: A small flow.
title: {en: Trial, sw: Jaribio}
start: one
slots: {amount: money, role: "choice(a, b)"}
screens:
  one:
    ask: amount
    say: {en: How much, sw: Kiasi gani}
    to: two
  two:
    menu: {en: Who, sw: Nani}
    options:
      - {en: A, sw: A, to: three, set: {role: a}}
  three:
    find: caller
    with: {role: $role}
    to: {by: role, a: end, b: end}
  end:
    end: {en: Done, sw: Tayari}
"""


def faults(folder: Path, text: str) -> str:
    with pytest.raises(Misread) as caught:
        small(folder, trial=text)
    assert all(fault.rule == "schema" for fault in caught.value.faults)
    return str(caught.value)


def test_a_small_flow_reads(tmp_path: Path) -> None:
    flow = small(tmp_path, trial=FLOW).flows["trial"]
    assert list(flow.screens) == ["one", "two", "three", "end"]
    assert flow.resumes


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("flow: trial", "flow: other", "other: schema: the file should be called other.yaml"),
        ("flow: trial", "flow: Trial!", "flow: String does not match"),
        ("version: 1", "version: 0", "version: Must be greater"),
        ("version: 1", "version: 1.5", "version: Not a valid integer"),
        ("about: A small flow.", "colour: red", "about: Missing data"),
        ("about: A small flow.", "colour: red", "colour: Unknown field"),
        ("about: A small flow.", "about: x\nresumes: maybe", "resumes: Must be one of"),
        ("start: one", "version: 2\nstart: one", "the key 'version' twice"),
        ("start: one", "listed: home\nstart: one", "listed: Invalid input type"),
        ("start: one", "listed: {in: home}\nstart: one", "listed.place: Missing data"),
        ("start: one", "listed: {place: 1}\nstart: one", "listed.in: Missing data"),
        ("start: one", "listed: {in: home, place: 0}\nstart: one", "listed.place: Must be"),
        ("start: one", "listed: {in: home, place: 100}\nstart: one", "listed.place: Must be"),
        ("start: one", "listed: {in: Home!, place: 1}\nstart: one", "listed.in: String does not"),
        (
            "start: one",
            "listed: [{in: home, place: 1}, {in: home, place: 2}]\nstart: one",
            "listed: twice in the list home",
        ),
        ("    options:\n", "    lists: home\n    options:\n", "options: Unknown field"),
        ("ask: amount", "ask: amount\n    ask: role", "the key 'ask' twice"),
        ("{en: How much, sw: Kiasi gani}", "{en: How much}", "trial.one: schema: say: not said in"),
        ("sw: Kiasi gani", "sw: Kiasi, fr: Combien", "Must be one of: en, sw"),
        ("sw: Kiasi gani", 'sw: ""', "nothing is said"),
        ("sw: Kiasi gani", 'sw: "Kiasi {"', "a brace that is not around a slot's name"),
        ("sw: Kiasi gani", 'sw: "Kiasi {Amount}"', "a brace that is not"),
        ("sw: Kiasi gani", 'sw: "{amount!r}"', "a brace that is not"),
        ("amount: money", "amount: moneyy", "amount: 'moneyy' is no slot type"),
        ("ask: amount", "asks: amount", "first key must be menu, ask, find, do or end"),
        ("ask: amount\n    say:", "say:", "first key must be menu, ask, find, do or end"),
        ("    to: two", "    to: Two!", "to: String does not match"),
        ("    to: two", "    to: two\n    help: me", "help: Unknown field"),
        ("    to: two\n", "", "to: Missing data"),
        ("- {en: A, sw: A, to", "- {en: A, to", "options.0.sw: Missing data"),
        ("set: {role: a}", "set: {role: c}", "'c' is no value for the slot role"),
        (
            "    options:\n      - {en: A, sw: A, to: three, set: {role: a}}",
            "    options: []",
            "len",
        ),
        ("find: caller", "find: caller\n    do: caller", "a find or a do, not both"),
        ("{by: role, a: end, b: end}", "{a: end, b: end}", "a table needs `by`"),
        ("{by: role, a: end, b: end}", "{by: role}", "a table needs `by`"),
        ("{by: role, a: end, b: end}", "[end]", "to: Not a valid mapping"),
        ("  one:\n    ask: amount", "  one: ask\n  x:\n    ask: amount", "Not a valid mapping"),
        ("  one:\n    ask: amount", "  one: {}\n  x:\n    ask: amount", "first key must be"),
        ("  one:\n    ask: amount", "  ? [a]\n  : {}\n  x:\n    ask: amount", "no word"),
        ("title: {", "title: [", "schema: while parsing"),
    ],
)
def test_what_is_not_a_flow(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert FLOW.count(old) == 1
    assert says in faults(tmp_path, FLOW.replace(old, new))


def test_a_file_that_is_no_mapping(tmp_path: Path) -> None:
    assert "not a mapping" in faults(tmp_path, "- a\n- b\n")
    assert "not a mapping" in faults(tmp_path, "")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "trial.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(Misread, match=r"trial\.yaml:trial: schema: 'utf-8'"):
        Book.load(folder, TEXTS)


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    one = FLOW.replace("version: 1", "version: x")
    two = FLOW.replace("flow: trial", "flow: two").replace("to: two", "tu: two")
    with pytest.raises(Misread) as caught:
        small(tmp_path, trial=one, two=two)
    assert {fault.file for fault in caught.value.faults} == {"trial.yaml", "two.yaml"}


def test_a_retired_version_is_older_than_the_current(tmp_path: Path) -> None:
    with pytest.raises(Misread, match="must be older"):
        small(tmp_path, trial=FLOW, retired__trial_v1=FLOW)


def test_a_retired_file_is_named_after_its_version(tmp_path: Path) -> None:
    with pytest.raises(Misread, match=r"should be called trial\.v1\.yaml"):
        small(tmp_path, trial=FLOW.replace("version: 1", "version: 3"), retired__trial_v2=FLOW)


def test_an_empty_folder_is_no_book(tmp_path: Path) -> None:
    with pytest.raises(Misread, match="there is no flow"):
        Book.load(tmp_path, TEXTS)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("machine.yaml", "nav: {}", "machine.yaml:machine: schema: nav.back: Missing data"),
        ("machine.yaml", "x", "machine.yaml:machine: schema: not a mapping"),
        ("refusals.yaml", "x", "refusals.yaml:refusals: schema: not a mapping"),
        ("refusals.yaml", "weak_pin: {en: x}", "refusals.weak_pin: schema: sw: Missing data"),
        (
            "refusals.yaml",
            "weak_pin: {en: x, sw: x, facts: {x: moneyy}}",
            "refusals.weak_pin: schema: x: 'moneyy' is no slot type",
        ),
    ],
)
def test_sentences_that_do_not_read(tmp_path: Path, file: str, text: str, says: str) -> None:
    texts = tmp_path / "text"
    shutil.copytree(TEXTS, texts)
    (texts / file).write_text(text, "utf-8")
    with pytest.raises(Misread) as caught:
        Book.load(MENUS / "flows", texts)
    assert says in str(caught.value)


def test_every_kind_that_can_be_typed_has_a_sentence_after_nonsense(tmp_path: Path) -> None:
    texts = tmp_path / "text"
    shutil.copytree(TEXTS, texts)
    path = texts / "machine.yaml"
    lines = [line for line in path.read_text("utf-8").splitlines() if "  pin: " not in line]
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(Misread, match=r"nonsense\.pin: no sentence"):
        Book.load(MENUS / "flows", texts)


def test_what_is_read_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("{on: 0712000001, no: yes, n: 1.0, d: 2026-11-21, t: ~, e: }", "utf-8")
    assert list(read_yaml(path).items()) == [
        ("on", "0712000001"),
        ("no", "yes"),
        ("n", "1.0"),
        ("d", "2026-11-21"),
        ("t", "~"),
        ("e", ""),
    ]
