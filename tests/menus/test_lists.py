"""Menus gathered from the headers of flows: what is shown, what is a fault, and what a number means
to somebody who read the menu before a deploy."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from menus.book import Book, Fault, Menu
from menus.draw import draw
from menus.lint import lint
from menus.machine import Machine, State, UnknownVersion
from menus.words import words
from tests.menus.people import FIRST, Phone, small
from ussd_app.kernel.clock import FrozenClock

HOME = f"{FIRST}        lists: home\n"


def flow(name: str, listed: str, **header: str) -> str:
    """A flow of one question."""
    title = header.get("title", name)
    return f"""
    flow: {name}
    version: {header.get("version", "1")}
    about: A flow that says where it is listed.
    title: {{en: {title}, sw: {title} sw}}
    listed: {listed}
    start: one
    slots: {{amount: money}}
    screens:
      one:
        ask: amount
        say: {{en: Ask {title}, sw: Uliza {title}}}
        to: two
      two:
        end: {{en: "{title} {{amount}}", sw: "{title} {{amount}}"}}
    """


def book_of(folder: Path, home: str = HOME, **places: str) -> Book:
    """A book in which each flow says where it is listed."""
    flows = {name: flow(name, listed) for name, listed in places.items()}
    return small(folder, home=home, **flows)


def menu(book: Book, place: str = "main", *, version: int = 1) -> Menu:
    found = book.versions["home", version].screens[place]
    assert isinstance(found, Menu)
    return found


def faults(book: Book) -> list[Fault]:
    """What lint finds here; these books have no questions for the bank."""
    return lint(book, {})


AB = {"beta": "{in: home, place: 10}", "alpha": "{in: home, place: 20}"}


# -- what is shown


def test_a_listed_flow_is_an_option_by_its_title(tmp_path: Path) -> None:
    book = book_of(tmp_path, **AB)
    assert faults(book) == []
    phone = Phone(book)
    assert phone.dials() == "Kabambe\n1 beta\n2 alpha"
    assert phone.says("2").startswith("Ask alpha")
    spoken = Phone(book, language="sw")
    assert spoken.dials() == "Kabambe\n1 beta sw\n2 alpha sw"


def test_a_flow_may_be_in_several_lists(tmp_path: Path) -> None:
    home = HOME + "      more:\n        menu: {en: More, sw: Zaidi}\n        lists: more\n"
    both = "[{in: home, place: 1}, {in: more, place: 7}]"
    book = book_of(tmp_path, home, one=both, two="{in: more, place: 3}")
    assert menu(book).body["en"].text == "Kabambe\n1 one"
    assert menu(book, "more").body["en"].text == "More\n1 two\n2 one"


def test_the_pages_show_gathered_options_like_any_other(tmp_path: Path) -> None:
    book = book_of(tmp_path, **AB)
    page = draw(book)
    assert 's_main["Kabambe<br>1 beta<br>2 alpha"]' in page
    assert "  s_main -->|2| to_alpha" in page
    assert "  home --> alpha" in page
    assert "| **main** | Kabambe<br>1 beta<br>2 alpha |" in words(book)
    assert book.graph()["home"]["screens"]["main"]["to"] == ["flow:beta", "flow:alpha"]


# -- what is a fault


def test_two_flows_at_one_place(tmp_path: Path) -> None:
    book = book_of(tmp_path, beta="{in: home, place: 10}", alpha="{in: home, place: 10}")
    sentence = "place 10 of home is taken by alpha"
    assert faults(book) == [Fault("beta.yaml", "beta", "list", sentence)]
    assert menu(book).body["en"].text == "Kabambe\n1 alpha\n2 beta"


def test_a_list_of_nobody(tmp_path: Path) -> None:
    found = faults(small(tmp_path, home=HOME))
    assert Fault("home.yaml", "home.main", "list", "nobody is listed in home") in found
    assert "dead end" in {fault.rule for fault in found}


def test_a_list_that_no_menu_shows(tmp_path: Path) -> None:
    book = book_of(tmp_path, **AB, gamma="[{in: home, place: 5}, {in: hoem, place: 5}]")
    sentence = "no menu shows the list hoem"
    assert faults(book) == [Fault("gamma.yaml", "gamma", "list", sentence)]


def test_a_flow_in_no_list_is_unreachable(tmp_path: Path) -> None:
    book = book_of(tmp_path, **AB, gamma="{in: hoem, place: 5}")
    assert {fault.rule for fault in faults(book)} == {"list", "unreachable"}


@pytest.mark.parametrize(("many", "rules"), [(8, set()), (9, {"list"})])
def test_a_list_has_at_most_eight(tmp_path: Path, many: int, rules: set[str]) -> None:
    book = book_of(tmp_path, **{f"f{n}": f"{{in: home, place: {n}}}" for n in range(1, many + 1)})
    assert {fault.rule for fault in faults(book)} == rules


def test_a_gathered_menu_keeps_to_the_screen_in_both_languages(tmp_path: Path) -> None:
    names = {f"{'long' * 5}{n}": f"{{in: home, place: {n}}}" for n in range(1, 6)}
    found = faults(book_of(tmp_path, **names))
    assert {(fault.place, fault.rule) for fault in found} == {("home.main", "width")}
    assert len(found) == 2


def test_two_titles_that_read_the_same_are_a_fault(tmp_path: Path) -> None:
    book = small(
        tmp_path,
        home=HOME,
        one=flow("one", "{in: home, place: 1}", title="Same"),
        two=flow("two", "{in: home, place: 2}", title="same"),
    )
    assert {(fault.place, fault.rule) for fault in faults(book)} == {("home.main", "shadowed")}


# -- deploys


def test_a_number_is_never_heard_by_a_list_that_was_not_read(tmp_path: Path) -> None:
    """`2` was alpha; a flow that comes between makes it gamma. Old and new server, both ways."""
    before = book_of(tmp_path / "before", **AB)
    after = book_of(tmp_path / "after", **AB, gamma="{in: home, place: 15}")
    for then, now in ((before, after), (after, before)):
        phone = Phone(then)
        phone.dials()
        with pytest.raises(UnknownVersion):
            State.from_wire(now, phone.state.to_wire())


@pytest.mark.parametrize(
    "after",
    [
        {"beta": "{in: home, place: 11}", "alpha": "{in: home, place: 99}"},
        {**AB, "gamma": "{in: more, place: 1}"},
    ],
)
def test_a_list_that_reads_the_same_goes_on(tmp_path: Path, after: dict[str, str]) -> None:
    phone = Phone(book_of(tmp_path / "before", **AB))
    phone.dials()
    book = book_of(tmp_path / "after", **after)
    later = Phone(book)
    later.state = State.from_wire(book, phone.state.to_wire())
    assert later.says("2").startswith("Ask alpha")


def test_whoever_is_past_the_menu_goes_on_and_comes_back_to_the_new_one(tmp_path: Path) -> None:
    phone = Phone(book_of(tmp_path / "before", **AB))
    phone.dials()
    phone.says("2")
    book = book_of(tmp_path / "after", **AB, gamma="{in: home, place: 15}")
    later = Phone(book)
    later.state = State.from_wire(book, phone.state.to_wire())
    assert later.says("0") == "Kabambe\n1 beta\n2 gamma\n3 alpha"
    later.state = State.from_wire(book, phone.state.to_wire())
    assert later.says("500") == "alpha 500.00"


def test_a_retired_version_lists_the_flows_of_today(tmp_path: Path) -> None:
    newer = HOME.replace("version: 1", "version: 2").replace("Kabambe,", "Karibu,")
    book = small(
        tmp_path,
        home=newer,
        retired__home_v1=HOME,
        beta=flow("beta", "{in: home, place: 10}", version="2"),
        retired__beta_v1=flow("beta", "{in: gone, place: 1}"),
        alpha=flow("alpha", "{in: home, place: 20}"),
    )
    assert faults(book) == []
    assert menu(book, version=1).body["en"].text == "Kabambe\n1 beta\n2 alpha"
    phone = Phone(book)
    phone.state = State.from_wire(book, [menu(book, version=1).place, "en", {}])
    phone.says("1")
    assert (phone.state.flow, phone.state.version) == ("beta", 2)


# -- the one type that needs to know the day


def test_a_day_is_told_by_the_clock_in_nairobi(tmp_path: Path) -> None:
    text = flow("alpha", "{in: home, place: 1}").replace("amount: money", "amount: date")
    book = small(tmp_path, home=HOME, alpha=text)
    late = FrozenClock(datetime(2026, 11, 20, 21, 30, tzinfo=UTC))  # 0:30 on the 21st in Nairobi
    machine = Machine(book, clock=late)
    waiting = machine.hear(machine.begin().state, "1").state
    for typed, shown in (("20/11", "20/11/2027"), ("21/11", "21/11/2026")):
        screen = machine.hear(waiting, typed).screen
        assert screen is not None
        assert screen.text == f"alpha {shown}"
    nonsense = machine.hear(waiting, "tomorrow").screen
    assert nonsense is not None
    assert nonsense.text.startswith("Enter a date, like 25/12.\n")
