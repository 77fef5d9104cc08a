"""Every rule of lint has a flow that breaks it and nothing else; the shipped book breaks none."""

import ast
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from menus.book import Book, Fault, Misread, Signature
from menus.lint import lint, lint_files
from menus.schema import read_yaml
from tests.menus.people import HOME, MENUS, TEXTS, shipped, small, write
from ussd_app.domain.bank import signatures
from ussd_app.kernel.errors import RefusalCode

BANK_DIR = MENUS.parent / "ussd_app"

SOUND = """
flow: trial
version: 1
about: A sound flow, to be broken one piece at a time.
title: {en: Trial, sw: Jaribio}
start: role
slots:
  role: choice(customer, agent)
  amount: money
  pin: pin
  loans: rows(5, 20)
  loan: ref
  fee: money
screens:
  role:
    menu: {en: Who, sw: Nani}
    options:
      - {en: Customer, sw: Mteja, to: amount, set: {role: customer}}
      - {en: Agent, sw: Wakala, to: amount, set: {role: agent}}
  amount:
    ask: amount
    say: {en: How much, sw: Kiasi gani}
    to: look
  look:
    find: loans
    with: {kind: plain, role: $role, amount: $amount}
    gives: [loans, fee]
    to: {by: role, customer: pick, agent: pick}
    refused: {amount_too_small: amount}
  pick:
    menu: {en: Pick one, sw: Chagua}
    rows: $loans
    pick: loan
    to: pin
    empty: none
  pin:
    ask: pin
    say: {en: "Pay {fee}, enter PIN", sw: "Lipa {fee}, weka PIN"}
    to: pay
  pay:
    do: pay_loan
    with: {loan: $loan, pin: $pin}
    to: paid
    refused: {wrong_pin: pin}
  paid:
    end: {en: "Paid {amount}", sw: "Umelipa {amount}"}
  none:
    end: {en: No loans, sw: Huna mkopo}
"""

BANK = {
    "loans": Signature(
        "find",
        "loans",
        {"kind": "text(10)", "role": "choice(customer, agent)", "amount": "money", "note?": "text"},
        {"loans": "rows(5, 20)", "fee": "money"},
        frozenset({"amount_too_small", "account_frozen"}),
    ),
    "pay_loan": Signature(
        "do",
        "pay_loan",
        {"loan": "ref", "pin": "pin"},
        {"loans": "rows(9, 20)"},
        frozenset({"wrong_pin", "pin_locked"}),
    ),
}


@dataclass(frozen=True)
class Broken:
    """A piece of the sound flow, what takes its place, and what lint then says."""

    rule: str
    old: str
    new: str
    says: str
    place: str = "trial"


def _long(prefix: str, times: int) -> str:
    return prefix + " word" * times


BREAKS = [
    # where one can go
    Broken("start", "start: role", "start: gone", "there is no screen gone"),
    Broken("target", "to: paid\n", "to: gone\n", "there is no gone", "trial.pay"),
    Broken("target", "{wrong_pin: pin}", "{wrong_pin: flow:gone}", "no flow:gone", "trial.pay"),
    Broken("unreachable", "empty: none", "empty: paid", "no way leads here", "trial.none"),
    Broken("dead end", "to: look", "to: amount", "no end can be reached", "trial.amount"),
    Broken("dead end", "to: paid\n", "to: pin\n", "", ""),
    Broken("restless", "too_small: amount", "too_small: look", "nobody waits", "trial.look"),
    # slots
    Broken("undeclared", "ask: pin", "ask: secret", "no slot secret", "trial.pin"),
    Broken("undeclared", "Pay {fee}", "Pay {price}", "no slot price", "trial.pin"),
    Broken("undeclared", "$loan,", "$lone,", "no slot lone", "trial.pay"),
    Broken("undeclared", "[loans, fee]", "[loans, fee, tax]", "no slot tax", "trial.look"),
    Broken("undeclared", "rows: $loans", "rows: $lones", "no slot lones", "trial.pick"),
    Broken("undeclared", "pick: loan\n", "pick: lone\n", "no slot lone", "trial.pick"),
    Broken("undeclared", "by: role", "by: roll", "no slot roll", "trial.look"),
    Broken("undeclared", "set: {role: agent}", "set: {roll: agent}", "no slot roll", "trial.role"),
    Broken("unused", "  pin: pin\n", "  pin: pin\n  spare: count\n", "reads the slot spare"),
    Broken("unused", "  pin: pin\n", "  pin: pin\n  tongue: lang\n", "the slot tongue"),
    Broken("unfilled", "[loans, fee]", "[loans]", "fee is not filled", "trial.pin"),
    Broken("unfilled", ", set: {role: agent}", "", "role is not filled", "trial.look"),
    Broken("unfilled", "to: amount, set: {role: agent}", "to: paid", "amount is", "trial.paid"),
    Broken("unfilled", "wrong_pin: pin}", "wrong_pin: pay}", "pin is not filled", "trial.pay"),
    # secrets
    Broken("secret", "to: pay\n", "to: paid\n", "must use the secret pin", "trial.pin"),
    Broken("secret", "loan, pin: $pin}", "loan}", "must use the secret pin", "trial.pin"),
    Broken("secret", "Paid {amount}", "Paid {pin}", "pin must never be printed", "trial.paid"),
    Broken("secret", "do: pay_loan", "find: pay_loan", "a wrong secret must count", "trial.pay"),
    Broken("secret", "[loans, fee]", "[loans, fee, pin]", "only come from the", "trial.look"),
    # types
    Broken("type", "  amount: money", "  amount: ref", "nobody can type a ref", "trial.amount"),
    Broken("type", "Paid {amount}", "Paid {loan}", "loan must never be printed", "trial.paid"),
    Broken("type", "rows: $loans", "rows: $fee", "fee holds no rows", "trial.pick"),
    Broken("type", "pick: loan\n", "pick: amount\n", "goes into a ref or a text", "trial.pick"),
    Broken("fork", "pick, agent: pick}", "pick}", "agent leads nowhere", "trial.look"),
    Broken("fork", "agent: pick}", "agent: pick, x: pick}", "never x", "trial.look"),
    Broken("fork", "{by: role, customer", "{by: fee, customer", "neither a choice", "trial.look"),
    Broken(
        "fork",
        "{by: role, customer: pick, agent: pick}",
        "{by: loans, some: pick}",
        "none leads nowhere",
        "trial.look",
    ),
    # sentences
    Broken("shadowed", "en: Agent", "en: customer", "1 and 2 read the same in en", "trial.role"),
    Broken("languages", '"Lipa {fee}, ', '"Lipa, ', "fee is named in en only", "trial.pin"),
    Broken("alphabet", "sw: Nani", "sw: N\u00e2ni", "'\u00e2', which is not in", "trial.role"),
    Broken("alphabet", "en: Trial,", "en: Tri\u2019al,", "'\u2019', which is not in", "trial"),
    Broken("width", "en: How much", _long("en: How", 25), "too many", "trial.amount"),
    Broken("width", "en: No loans", _long("en: No", 32), "too many", "trial.none"),
    Broken("width", "sw: Chagua", _long("sw: Ch", 20), "in sw", "trial.pick"),
    Broken("width", "sw: Wakala", _long("sw: Wa", 20), "in sw", "trial.role"),
    # the bank
    Broken("bank", "find: loans", "find: lones", "the bank knows no lones", "trial.look"),
    Broken("bank", "kind: plain, ", "", "loans needs kind", "trial.look"),
    Broken("bank", "{kind: plain", "{x: y, kind: plain", "loans takes no x", "trial.look"),
    Broken("bank", "role: $role,", "role: $fee,", "role is a choice", "trial.look"),
    Broken("bank", "kind: plain", "kind: much_too_plain", "'much_too_plain' cannot", "trial.look"),
    Broken("bank", "amount: $amount", "amount: 500", "'500' cannot be amount", "trial.look"),
    Broken("bank", "pin: $pin}\n", "pin: $pin}\n    gives: [fee]\n", "gives no fee", "trial.pay"),
    Broken(
        "bank",
        "pin: $pin}\n",
        "pin: $pin}\n    gives: [loans]\n",
        "loans is a rows(5, 20), given is a rows(9, 20)",
        "trial.pay",
    ),
    Broken("bank", "wrong_pin: pin}", "weak_pin: pin}", "never refuses with weak", "trial.pay"),
    Broken(
        "bank",
        "{wrong_pin: pin}",
        "{wrong_pin: pin}\n    quiet: [pin_locked]",
        "pin_locked is quiet but leads nowhere",
        "trial.pay",
    ),
]


def refusal_facts() -> dict[str, dict[str, str]]:
    """What each refusal's sentence says of it, as the shipped texts declare it."""
    return {
        code: {fact: kind.declared for fact, kind in text.facts.items()}
        for code, text in shipped().texts.refusals.items()
    }


def found(book: Book) -> list[Fault]:
    return lint(book, BANK)


def test_the_shipped_book_is_sound() -> None:
    assert lint(shipped(), signatures(), refusal_facts()) == []


def test_the_sound_flow_is_sound(tmp_path: Path) -> None:
    assert found(small(tmp_path, trial=SOUND)) == []


@pytest.mark.parametrize("broken", BREAKS, ids=lambda broken: f"{broken.rule}: {broken.says}")
def test_each_rule_finds_its_fault(tmp_path: Path, broken: Broken) -> None:
    assert SOUND.count(broken.old) == 1, "the piece to break must be there once"
    faults = found(small(tmp_path, trial=SOUND.replace(broken.old, broken.new)))
    hits = [
        fault
        for fault in faults
        if fault.rule == broken.rule
        and broken.says in fault.sentence
        and broken.place in ("", fault.place)
    ]
    assert hits, faults
    assert all(fault.file == "trial.yaml" for fault in hits)


def test_a_fault_is_one_line_to_jump_to(tmp_path: Path) -> None:
    (fault,) = found(small(tmp_path, trial=SOUND.replace("en: Agent", "en: Customer")))
    assert str(fault) == "trial.yaml:trial.role: shadowed: 1 and 2 read the same in en"


def test_a_book_begins_at_home(tmp_path: Path) -> None:
    folder = write(tmp_path, trial=SOUND)
    (folder / "home.yaml").unlink()
    faults = found(Book.load(folder, TEXTS))
    assert Fault("flows", "book", "start", "there is no flow called home") in faults


def test_a_flow_to_which_nothing_leads_is_unreachable(tmp_path: Path) -> None:
    lost = SOUND.replace("flow: trial", "flow: lost")
    faults = found(small(tmp_path, trial=SOUND, lost=lost))
    assert faults == [Fault("lost.yaml", "lost", "unreachable", "no way leads here from home")]


def test_a_retired_version_needs_no_way_in_but_must_be_sound(tmp_path: Path) -> None:
    newer = SOUND.replace("version: 1", "version: 2")
    assert found(small(tmp_path / "a", trial=newer, retired__trial_v1=SOUND)) == []
    rotten = SOUND.replace("find: loans", "find: lones")
    faults = found(small(tmp_path / "b", trial=newer, retired__trial_v1=rotten))
    assert [(fault.file, fault.rule) for fault in faults] == [("trial.v1.yaml", "bank")]


def test_a_loop_over_two_flows_that_never_ends_is_a_dead_end(tmp_path: Path) -> None:

    ring = """
        flow: {name}
        version: 1
        about: Round and round.
        title: {{en: Ring, sw: Pete}}
        start: one
        screens:
          one:
            menu: {{en: On, sw: Endelea}}
            options: [{{en: Next, sw: Ifuatayo, to: flow:{other}}}]
        """
    home = dedent(HOME).replace("flow:trial", "flow:ring")
    book = small(
        tmp_path,
        home=home,
        ring=ring.format(name="ring", other="gnir"),
        gnir=ring.format(name="gnir", other="ring"),
    )
    assert {(fault.place, fault.rule) for fault in found(book)} == {
        ("home.main", "dead end"),
        ("ring.one", "dead end"),
        ("gnir.one", "dead end"),
    }


def test_a_restless_loop_over_an_empty_list_is_found(tmp_path: Path) -> None:
    faults = found(small(tmp_path, trial=SOUND.replace("empty: none", "empty: look")))
    assert {(fault.place, fault.rule) for fault in faults} >= {
        ("trial.look", "restless"),
        ("trial.pick", "restless"),
    }


def test_a_menu_of_a_hundred_shadows_the_key_for_more(tmp_path: Path) -> None:
    option = "      - {en: Agent, sw: Wakala, to: amount, set: {role: agent}}\n"
    many = "".join(option.replace("Agent", f"A{n}").replace("kala", f"{n}") for n in range(98))
    faults = found(small(tmp_path, trial=SOUND.replace(option, many)))
    assert {fault.rule for fault in faults} == {"shadowed", "width"}
    assert "98 would be an option and a key" in [fault.sentence for fault in faults]


# -- the worst case counts what really can stand above a screen


def _tight(tmp_path: Path, title: str, extra: str = "") -> list[Fault]:
    flow = SOUND.replace("en: How much", f"en: {title}").replace("# extra", extra)
    return [fault for fault in found(small(tmp_path, trial=flow)) if fault.rule == "width"]


def test_the_longest_refusal_counts_and_one_septet_decides(tmp_path: Path) -> None:
    # amount_too_small takes 32 septets, its line break 1, the keys 15: 112 are left
    assert _tight(tmp_path / "a", "x" * 112) == []
    (fault,) = _tight(tmp_path / "b", "x" * 113)
    assert fault.sentence == "up to 161 septets in en, 1 too many"


def test_what_takes_two_septets_counts_twice(tmp_path: Path) -> None:
    (fault,) = _tight(tmp_path, "x" * 111 + "~")
    assert fault.sentence == "up to 161 septets in en, 1 too many"


def test_a_refusal_is_carried_over_a_find(tmp_path: Path) -> None:
    """quote_expired leads to a find, and so stands above the screen after it."""
    flow = SOUND.replace("{wrong_pin: pin}", "{wrong_pin: look}")
    flow = flow.replace("Pick one", "x" * 80)
    sound = SOUND.replace("Pick one", "x" * 80)
    assert [f for f in found(small(tmp_path / "a", trial=sound)) if f.rule == "width"] == []
    longest = Signature(
        "do", "pay_loan", {"loan": "ref", "pin": "pin"}, {}, frozenset({"weak_pin", "wrong_pin"})
    )
    flow = flow.replace("wrong_pin: look", "weak_pin: look")
    book = small(tmp_path / "b", trial=flow)
    faults = lint(book, {**BANK, "pay_loan": longest})
    assert ("trial.pick", "width") in {(fault.place, fault.rule) for fault in faults}


def test_a_quiet_refusal_takes_no_room(tmp_path: Path) -> None:
    tight = SOUND.replace("en: How much", "en: " + "x" * 115)
    quiet = tight.replace("small: amount}", "small: amount}\n    quiet: [amount_too_small]")
    assert [fault.rule for fault in found(small(tmp_path / "a", trial=tight))] == ["width"]
    assert found(small(tmp_path / "b", trial=quiet)) == []


# -- the sentences of the machine and of the refusals


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
        ("refusals.yaml", "Wrong PIN.", _long("Wrong", 10), "", "width", "the most is 60"),
        ("refusals.yaml", "Session lost", _long("Session", 30), "", "width", "the most is 160"),
        ("machine.yaml", "en: Back", _long("en: Back", 20), "", "width", "too many"),
        ("machine.yaml", "You were cut", _long("You", 30), "offer", "width", "septets in en"),
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


def test_unreadable_files_are_faults_too(tmp_path: Path) -> None:
    folder = write(tmp_path, trial=SOUND.replace("version: 1", "version: one"))
    faults = lint_files(folder, TEXTS, BANK)
    assert [(fault.file, fault.rule) for fault in faults] == [("trial.yaml", "schema")]
    with pytest.raises(Misread):
        Book.load(folder, TEXTS)


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
