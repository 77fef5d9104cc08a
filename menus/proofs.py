"""What can happen in a book, worked out over all paths: the analyses behind lint.

A step is known by its place among the current steps ('flow.step@version'). Nothing here samples;
each function is a fixpoint over the graph of steps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from menus.book import (
    FLOW_PREFIX,
    HOLE,
    Ask,
    Book,
    Call,
    End,
    Flow,
    Fork,
    Listing,
    Menu,
    Say,
    Step,
)
from menus.screens import MORE, keys, words
from menus.slot_base import SlotType
from menus.slots import Rows
from ussd_app.kernel.gsm7 import septets, unmappable


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from one step to another. `fills` are the slots that are filled on it."""

    source: str
    target: str
    fills: frozenset[str]
    code: str
    """The refusal said on this way; empty for none."""
    passes: bool
    """Whether a refusal said before still stands: a find that went well, an empty list."""


def resolve(book: Book, flow: Flow, target: str) -> str | None:
    """The place of a target, None when there is no such step."""
    if target.startswith(FLOW_PREFIX):
        other = book.flows.get(target[len(FLOW_PREFIX) :])
        if other is None:
            return None
        flow, target = other, other.start
    step = flow.screens.get(target)
    return step.place if step else None


def edges(book: Book) -> list[Edge]:
    """Every way that a customer or the bank can make a session go, `0` and `00` apart."""
    found = []
    for flow in book.versions.values():
        for step in flow.screens.values():
            for target, fills, code, passes in _ways(step):
                place = resolve(book, flow, target)
                if place is not None:
                    found.append(Edge(step.place, place, frozenset(fills), code, passes))
    return found


def _ways(step: Step) -> Iterator[tuple[str, tuple[str, ...], str, bool]]:
    if isinstance(step, Menu):
        for option in step.options:
            yield option.to, tuple(option.literals), "", False
    elif isinstance(step, Ask):
        yield step.to, (step.slot,), "", False
    elif isinstance(step, Listing):
        yield step.to, (step.pick,), "", False
        yield step.empty, (), "", True
    elif isinstance(step, Call):
        found = step.verb == "find"
        targets = step.to.table.values() if isinstance(step.to, Fork) else [step.to]
        for target in targets:
            yield target, step.gives, "", found
        for code, target in step.refused.items():
            yield target, (), "" if code in step.quiet else code, False


def reachable(starts: set[str], ways: Mapping[str, set[str]]) -> set[str]:
    """All places that can be reached from some."""
    seen, waiting = set(starts), list(starts)
    while waiting:
        for after in ways.get(waiting.pop(), ()):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return seen


def forward(all_edges: list[Edge]) -> dict[str, set[str]]:
    """Successors by place."""
    ways: dict[str, set[str]] = {}
    for edge in all_edges:
        ways.setdefault(edge.source, set()).add(edge.target)
    return ways


def backward(all_edges: list[Edge]) -> dict[str, set[str]]:
    """Predecessors by place."""
    ways: dict[str, set[str]] = {}
    for edge in all_edges:
        ways.setdefault(edge.target, set()).add(edge.source)
    return ways


def restless(book: Book, all_edges: list[Edge]) -> set[str]:
    """Places on a cycle on which nobody waits for the customer: the bank asked without an end."""
    busy: dict[str, set[str]] = {}
    for edge in all_edges:
        step = book.places[edge.source][1]
        if isinstance(step, Call) or (isinstance(step, Listing) and edge.passes):
            busy.setdefault(edge.source, set()).add(edge.target)
    return {place for place in busy if place in reachable(busy[place], busy)}


def certain(flow: Flow, all_edges: list[Edge]) -> dict[str, frozenset[str]]:
    """For each step that can be reached, the slots that are filled on every path to it.

    Slots start empty with the flow. A secret is filled for the one step after its question. Going
    back restores the slots as they were at an earlier arrival, so it adds no path.
    """
    places = {step.place: step for step in flow.screens.values()}
    inside = [edge for edge in all_edges if edge.source in places and edge.target in places]
    start = flow.screens.get(flow.start)
    if start is None:
        return {}
    filled: dict[str, frozenset[str]] = {start.place: frozenset()}
    settled = False
    while not settled:
        settled = True
        for edge in inside:
            if edge.source not in filled:
                continue
            kept = filled[edge.source] - flow.secrets
            arriving = kept | edge.fills
            if not isinstance(places[edge.target], Call):
                arriving -= flow.secrets
            before = filled.get(edge.target)
            after = arriving if before is None else before & arriving
            if after != before:
                filled[edge.target] = after
                settled = False
    return filled


def pending(all_edges: list[Edge]) -> dict[str, set[str]]:
    """For each place, the refusals that can stand above it."""
    above: dict[str, set[str]] = {}
    settled = False
    while not settled:
        settled = True
        for edge in all_edges:
            arriving = {edge.code} if edge.code else set()
            if edge.passes:
                arriving = above.get(edge.source, set())
            known = above.setdefault(edge.target, set())
            if not arriving <= known:
                known |= arriving
                settled = False
    return above


def width(text: str) -> int:
    """Septets of a text; what is outside the alphabet counts as one and is another rule's fault."""
    strange = unmappable(text)
    return septets(text.translate(dict.fromkeys(map(ord, strange), "?")))


def worst(sayings: Say, language: str, types: Mapping[str, SlotType]) -> int:
    """Septets of a sentence with every hole at its widest."""
    text = sayings[language].text
    holes = sum(types[name].widest for name in HOLE.findall(text) if name in types)
    return width(HOLE.sub("", text)) + holes


def tallest(book: Book, flow: Flow, step: Step, above: set[str], language: str) -> int:
    """Septets of a step's screen in the worst case.

    Widest slots, the longest refusal that can stand above it (or the sentence after nonsense), both
    keys; of a list the widest row that a page must hold and the key for more.
    """
    texts = book.texts
    notices = [
        worst(texts.refusals[code].say, language, texts.refusals[code].facts)
        for code in above
        if code in texts.refusals
    ]
    if isinstance(step, End):
        body = worst(step.title, language, flow.slots)
        return body + _above(notices)
    kind = "choice"
    if isinstance(step, Ask) and step.type is not None:
        kind = step.type.kind
    if kind in texts.nonsense:
        notices.append(worst(texts.nonsense[kind], language, {}))
    said = step.body if isinstance(step, Menu) else words(step)
    body = worst(said, language, flow.slots) + _above(notices)
    if isinstance(step, Listing):
        body += _row(flow.slots.get(step.rows)) + 1 + width(f"{MORE} {texts.more[language].text}")
    return body + 1 + width(keys(texts, language))


def _above(notices: list[int]) -> int:
    return max(notices) + 1 if notices else 0


def _row(rows: SlotType | None) -> int:
    """Septets of the widest row on a line of its own."""
    return len(f"\n{rows.most} ") + rows.label if isinstance(rows, Rows) else 0


def offer_width(book: Book, language: str) -> int:
    """Septets of the offer to go on, in the worst case, above it the sentence after nonsense."""
    texts = book.texts
    titles = [width(flow.title[language].text) for flow in book.versions.values() if flow.resumes]
    title = max(titles, default=0)
    lines = [
        worst(texts.nonsense["choice"], language, {}),
        *(
            worst(said, language, {}) + title * said[language].text.count("{title}")
            for said in (texts.offer, texts.offer_yes, texts.offer_no)
        ),
    ]
    return sum(lines) + len("\n1 \n2 \n")
