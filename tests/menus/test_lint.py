"""Every rule of lint has a flow that breaks it and nothing else; the shipped book breaks none."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from menus.book import Book, Fault, Misread, Signature
from menus.lint import lint, lint_files
from tests.menus.linted import BANK, SOUND, found, longer, refusal_facts
from tests.menus.people import HOME, TEXTS, shipped, small, write
from ussd_app.domain.bank import signatures


@dataclass(frozen=True)
class Broken:
    """A piece of the sound flow, what takes its place, and what lint then says."""

    rule: str
    old: str
    new: str
    says: str
    place: str = "trial"


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
    Broken("width", "en: How much", longer("en: How", 25), "too many", "trial.amount"),
    Broken("width", "en: No loans", longer("en: No", 32), "too many", "trial.none"),
    Broken("width", "sw: Chagua", longer("sw: Ch", 20), "in sw", "trial.pick"),
    Broken("width", "sw: Wakala", longer("sw: Wa", 20), "in sw", "trial.role"),
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


def test_unreadable_files_are_faults_too(tmp_path: Path) -> None:
    folder = write(tmp_path, trial=SOUND.replace("version: 1", "version: one"))
    faults = lint_files(folder, TEXTS, BANK)
    assert [(fault.file, fault.rule) for fault in faults] == [("trial.yaml", "schema")]
    with pytest.raises(Misread):
        Book.load(folder, TEXTS)


# -- the worst case counts what really can stand above a screen


def _tight(tmp_path: Path, title: str) -> list[Fault]:
    flow = SOUND.replace("en: How much", f"en: {title}")
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
