"""Which numbers lead to a flow from the first menu, asked of the menus themselves.

A test that types `*way("balance")` goes on working when the menu is numbered anew; what the first
menu says is shown once, by a dialogue.
"""

from functools import cache
from pathlib import Path

from menus.book import FLOW_PREFIX, HOME, Book, Menu

MENUS = Path(__file__).parent.parent / "menus"


@cache
def shipped() -> Book:
    """The book that customers get."""
    return Book.load(MENUS / "flows", MENUS / "text")


def first_menu(language: str = "en") -> str:
    """What a customer sees first."""
    return _menu(HOME, "main").body[language].text


def way(flow: str, *more: str, start: str = HOME) -> tuple[str, ...]:
    """The numbers from a caller's first menu to the start of a flow, and what follows.

    `start` is the flow that they see first: `home`, `agent_home`. Raises LookupError when no menu
    leads there.
    """
    screen = "main" if start == HOME else shipped().flows[start].start
    ways: list[tuple[Menu, tuple[str, ...]]] = [(_menu(start, screen), ())]
    for menu, typed in ways:
        for number, option in menu.by_number.items():
            if not option.to.startswith(FLOW_PREFIX):
                continue  # a choice within the flow, not a way to another
            name = option.to.removeprefix(FLOW_PREFIX)
            if name == flow:
                return (*typed, number, *more)
            further = shipped().flows[name].screens[shipped().flows[name].start]
            if isinstance(further, Menu) and all(further is not known for known, _ in ways):
                ways.append((further, (*typed, number)))
    raise LookupError(f"no menu leads from {start} to {flow}")


def dialled(flow: str, *more: str) -> str:
    """The same as the gateway's transcript: `5*4826`."""
    return "*".join(way(flow, *more))


def _menu(flow: str, screen: str) -> Menu:
    step = shipped().flows[flow].screens[screen]
    assert isinstance(step, Menu)
    return step
