"""Holds the lists against each other: who is listed where, and which menus show it.

That a gathered menu fits its screen and leads somewhere is proven like that of any other menu.
"""

from collections.abc import Iterator

from menus.book import Book, Fault, Flow, Menu
from menus.options import LISTED_MOST

RULE = "list"


def list_faults(book: Book) -> Iterator[Fault]:
    """Lists that nobody shows or that show nobody, places taken twice, menus too long to read."""
    shown: set[str] = set()
    for flow in book.versions.values():
        for step in flow.screens.values():
            if isinstance(step, Menu) and step.lists:
                shown.add(step.lists)
                for sentence in _menu_faults(step):
                    yield Fault(flow.file, step.metric, RULE, sentence)
    for flow in book.flows.values():
        for name in sorted(set(flow.listed) - shown):
            yield Fault(flow.file, flow.name, RULE, f"no menu shows the list {name}")
    yield from _doubles(sorted(book.flows.values(), key=lambda flow: flow.name))


def _menu_faults(menu: Menu) -> Iterator[str]:
    if not menu.options:
        yield f"nobody is listed in {menu.lists}"
    if len(menu.options) > LISTED_MOST:
        yield f"{len(menu.options)} flows are listed, the most is {LISTED_MOST}"


def _doubles(flows: list[Flow]) -> Iterator[Fault]:
    taken: dict[tuple[str, int], str] = {}
    for flow in flows:
        for name, place in flow.listed.items():
            first = taken.setdefault((name, place), flow.name)
            if first != flow.name:
                sentence = f"place {place} of {name} is taken by {first}"
                yield Fault(flow.file, flow.name, RULE, sentence)
