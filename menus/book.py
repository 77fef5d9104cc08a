"""Flows, steps and sentences as read from the files, ready to be walked.

A book holds every version of every flow, because a session ends in the version in which it began.
Knows no state and decides nothing; whether a book is *sound* is `menus.lint`'s business.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from menus.slot_base import SlotType
from menus.slots import LANGUAGES

HOME = "home"
FLOW_PREFIX = "flow:"
HOLE = re.compile(r"\{([a-z][a-z0-9_]*)\}", re.ASCII)

Slots = Mapping[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong in the files, for the one who wrote them."""

    file: str
    place: str
    rule: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.place}: {self.rule}: {self.sentence}"


class Misread(ValueError):
    """The files cannot be read as a book; `faults` says all that is wrong at once."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class SignatureLike(Protocol):
    """Anything with a Signature's attributes: the bank need not import the menus to have one."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def args(self) -> Mapping[str, str]: ...
    @property
    def gives(self) -> Mapping[str, str]: ...
    @property
    def refuses(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Signature:
    """What the bank understands under a name: the contract that lint holds flows against.

    `args` and `gives` map names to slot types; the name of an argument that may be left out ends
    with '?'.
    """

    kind: Literal["find", "do"]
    name: str
    args: Mapping[str, str]
    gives: Mapping[str, str]
    refuses: frozenset[str]


class Sentence:
    """A text with holes, taken apart once so that printing it is joining a list."""

    __slots__ = ("_parts", "fixed", "names", "text")

    def __init__(self, text: str, types: Mapping[str, SlotType]) -> None:
        self.text = text
        self.names = tuple(dict.fromkeys(HOLE.findall(text)))
        self.fixed = None if self.names else text
        pieces = HOLE.split(text)
        self._parts: list[str | tuple[str, Callable[[Any], str]]] = []
        for place, piece in enumerate(pieces):
            if place % 2:
                self._parts.append((piece, types[piece].show if piece in types else str))
            elif piece:
                self._parts.append(piece)

    def __repr__(self) -> str:
        return f"<sentence {self.text!r}>"

    def render(self, slots: Slots) -> str:
        """The text with its holes filled. Raises KeyError for a slot that is not filled."""
        if self.fixed is not None:
            return self.fixed
        return "".join(
            [part if isinstance(part, str) else part[1](slots[part[0]]) for part in self._parts]
        )


Say = Mapping[str, Sentence]
"""A sentence in every language."""


def say(texts: Mapping[str, str], types: Mapping[str, SlotType]) -> Say:
    """Take a text apart in every language."""
    return {language: Sentence(texts[language].strip(), types) for language in LANGUAGES}


@dataclass(frozen=True, slots=True)
class Fork:
    """Where to go by the value of a choice, or by whether a list has rows ('some', 'none')."""

    by: str
    table: Mapping[str, str]

    def target(self, slots: Slots) -> str:
        value = slots[self.by]
        if isinstance(value, list):
            value = "some" if value else "none"
        return self.table[value]


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One numbered line of a menu. `sets` are values, `literals` the words they came from."""

    label: Say
    to: str
    literals: Mapping[str, str]
    sets: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What all steps have: a name in its flow and a place in the book ('flow.step@version', and
    for a gathered menu a mark of what it lists: see `menus.options`)."""

    name: str
    place: str
    metric: str

    kind: ClassVar[str]
    waits: ClassVar[bool] = False

    def targets(self) -> Iterator[tuple[str, str]]:
        """Each target with the reason for going there."""
        return iter(())


@dataclass(frozen=True, slots=True, eq=False)
class Menu(Step):
    """A title over numbered options; waits for a number."""

    title: Say
    body: Say
    options: tuple[Option, ...]
    by_number: Mapping[str, Option]
    lists: str = ""
    """The list that its options were gathered from; empty where the flow writes them out."""

    kind: ClassVar[str] = "menu"
    waits: ClassVar[bool] = True

    def targets(self) -> Iterator[tuple[str, str]]:
        for number, option in self.by_number.items():
            yield option.to, number


@dataclass(frozen=True, slots=True, eq=False)
class Listing(Step):
    """A title over numbered rows that a find gave, in pages; waits for a number."""

    title: Say
    rows: str
    pick: str
    to: str
    empty: str

    kind: ClassVar[str] = "menu"
    waits: ClassVar[bool] = True

    def targets(self) -> Iterator[tuple[str, str]]:
        yield self.to, "picked"
        yield self.empty, "empty"


@dataclass(frozen=True, slots=True, eq=False)
class Ask(Step):
    """A question whose answer fills one slot."""

    title: Say
    slot: str
    type: SlotType | None
    to: str

    kind: ClassVar[str] = "ask"
    waits: ClassVar[bool] = True

    def targets(self) -> Iterator[tuple[str, str]]:
        yield self.to, self.slot


@dataclass(frozen=True, slots=True, eq=False)
class Call(Step):
    """A `find` or a `do`: waits for the bank. Only a `do` changes anything."""

    verb: Literal["find", "do"]
    command: str
    slot_args: Mapping[str, str]
    literal_args: Mapping[str, str]
    secret_args: frozenset[str]
    gives: tuple[str, ...]
    to: str | Fork
    refused: Mapping[str, str]
    quiet: frozenset[str]

    kind: ClassVar[str] = "call"

    def targets(self) -> Iterator[tuple[str, str]]:
        if isinstance(self.to, Fork):
            for value, target in self.to.table.items():
                yield target, value
        else:
            yield self.to, ""
        for code, target in self.refused.items():
            yield target, code


@dataclass(frozen=True, slots=True, eq=False)
class End(Step):
    """The last words of a session."""

    title: Say

    kind: ClassVar[str] = "end"


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """One version of one flow."""

    name: str
    version: int
    about: str
    title: Say
    resumes: bool
    start: str
    slots: Mapping[str, SlotType]
    screens: Mapping[str, Step]
    listed: Mapping[str, int]
    """Its place by the name of each list that it wants to be in."""
    file: str
    secrets: frozenset[str]
    langs: frozenset[str]

    def __repr__(self) -> str:
        return f"<flow {self.name}@{self.version}>"


@dataclass(frozen=True, slots=True, eq=False)
class RefusalText:
    """What is said when the bank declines, and the facts that it names."""

    facts: Mapping[str, SlotType]
    say: Say


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """The sentences that belong to no flow."""

    back: Say
    home: Say
    more: Say
    offer: Say
    offer_yes: Say
    offer_no: Say
    nonsense: Mapping[str, Say]
    """By slot kind, and 'choice' for a menu."""
    refusals: Mapping[str, RefusalText]


@dataclass(frozen=True, slots=True, eq=False)
class Book:
    """All flows: the current ones by name, every version by place."""

    flows: Mapping[str, Flow]
    versions: Mapping[tuple[str, int], Flow]
    texts: Texts
    places: Mapping[str, tuple[Flow, Step]]

    @staticmethod
    def of(flows: list[Flow], retired: list[Flow], texts: Texts) -> "Book":
        """Bind flows and sentences together."""
        versions = {(flow.name, flow.version): flow for flow in [*retired, *flows]}
        places = {
            step.place: (flow, step) for flow in versions.values() for step in flow.screens.values()
        }
        return Book({flow.name: flow for flow in flows}, versions, texts, places)

    @staticmethod
    def load(flows_dir: Path, texts_dir: Path, *further: Path) -> "Book":
        """Read every `*.yaml` and `retired/*.yaml` of a folder, and of further ones of flows.

        Raises Misread.
        """
        from menus.reader import read_book

        return read_book(texts_dir, flows_dir, *further)

    def steps(self) -> frozenset[str]:
        """Every `flow.screen` at which a session can end, for counting where people leave."""
        return frozenset(step.metric for _, step in self.places.values())

    def graph(self) -> dict[str, Any]:
        """The current flows as plain data, for a page that draws them."""
        return {
            name: {
                "version": flow.version,
                "title": _texts(flow.title),
                "start": flow.start,
                "screens": {key: _graph_of(step) for key, step in flow.screens.items()},
            }
            for name, flow in self.flows.items()
        }


def _texts(sentences: Say) -> dict[str, str]:
    return {language: sentence.text for language, sentence in sentences.items()}


def _graph_of(step: Step) -> dict[str, Any]:
    edges = [{"to": target, "why": why} for target, why in step.targets()]
    drawn: dict[str, Any] = {
        "kind": step.verb if isinstance(step, Call) else step.kind,
        "say": {},
        "to": list(dict.fromkeys(edge["to"] for edge in edges)),
        "edges": edges,
    }
    if isinstance(step, Menu):
        drawn["say"] = _texts(step.body)
    elif isinstance(step, Listing | Ask | End):
        drawn["say"] = _texts(step.title)
    elif isinstance(step, Call):
        drawn["command"] = step.command
    return drawn
