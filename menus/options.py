"""The numbered lines of a menu: written in its flow, or gathered from the headers of others.

A flow says in its header where it is listed (`listed: {in: home, place: 20}`), a menu says which
list it shows (`lists: home`): a product is added by adding files. A list is made of the current
flows, also where a retired version shows it; whatever a retired flow's header says is past.

So a deploy that adds, drops or moves a flow changes what the numbers of a menu mean, without a new
version of the flow that shows it. Therefore the place by which a session remembers such a menu ends
in a mark of its targets in their order, `home.main@1~5f0c2a91`. A session that stood there before
the deploy stands at a place that the new book does not have, and is shown the first screen anew, as
when a version was retired and not kept; going back to it leads home. A number is never heard by
another list than the one that was read, neither by the new server nor, while both run, by the old
one. Sessions in the midst of a flow go on and notice nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from menus.book import FLOW_PREFIX, Flow, Menu, Option, Say, Step, say
from menus.slot_base import SlotType
from menus.slots import LANGUAGES

LISTED_MOST = 8
"""The most flows in one list: what passes that belongs under a menu of its own."""


def numbered(
    base: tuple[str, str, str],
    title: Say,
    options: Sequence[Option],
    types: Mapping[str, SlotType],
    lists: str = "",
) -> Menu:
    """A menu of its title and its options, numbered from 1."""
    body = {
        language: "\n".join(
            [title[language].text]
            + [f"{n} {option.label[language].text}" for n, option in enumerate(options, 1)]
        )
        for language in LANGUAGES
    }
    by_number = {str(number): option for number, option in enumerate(options, 1)}
    return Menu(*base, title, say(body, types), tuple(options), by_number, lists)


def with_lists(flow: Flow, current: Sequence[Flow]) -> Flow:
    """The flow with the current flows in its listed menus."""
    screens = {name: _gathered(step, flow, current) for name, step in flow.screens.items()}
    return replace(flow, screens=screens)


def _gathered(step: Step, flow: Flow, current: Sequence[Flow]) -> Step:
    if not isinstance(step, Menu) or not step.lists:
        return step
    there = [other for other in current if step.lists in other.listed]
    there.sort(key=lambda other: (other.listed[step.lists], other.name))
    options = [Option(other.title, FLOW_PREFIX + other.name, {}, {}) for other in there]
    base = (step.name, f"{step.place}~{_mark(options)}", step.metric)
    return numbered(base, step.title, options, flow.slots, step.lists)


def _mark(options: Sequence[Option]) -> str:
    targets = "\n".join(option.to for option in options)
    return blake2b(targets.encode(), digest_size=4).hexdigest()
