"""Where a session stands: flow and step, slots, the way back. Put away between hops as a list.

No secret is ever in `to_wire` or in a repr. Knows no sentence; the machine prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from menus.book import HOME, Ask, Book, Call, End, Flow, Slots
from menus.slots import LANGUAGES, ROWS_MOST

Frame = tuple[str, Slots, int]
"""A screen to go back to: its place, the slots as they were, the first row shown."""


_OFFERING = 7
"""A wire longer than this carries an offer."""


class UnreadableState(ValueError):
    """What was put away cannot be read: the session starts anew."""


class UnknownVersion(UnreadableState):
    """The state stands at a place that the book no longer has."""


@dataclass(frozen=True, slots=True, repr=False)
class State:
    """One session between two hops (or within one, while the bank is awaited)."""

    at: Flow
    step: str
    language: str
    slots: Slots
    history: tuple[Frame, ...] = ()
    notice: str = ""
    """What stands above the screen: a refusal or a sentence after nonsense."""
    page: int = 0
    """The first row shown of a list."""
    offer: "State | None" = None
    """Where the line dropped: offered at the first screen, until it is answered."""
    ended: bool = False
    questions: int = 0
    """How often the bank was asked since the last screen."""

    def __repr__(self) -> str:
        place = self.at.screens[self.step].place
        return f"State({place}, {self.language}, {self.public_slots()})"

    @property
    def flow(self) -> str:
        """The name of the flow."""
        return self.at.name

    @property
    def version(self) -> int:
        """The version of the flow in which the session began and will end."""
        return self.at.version

    @property
    def asks_secret(self) -> bool:
        """Whether the next answer is a secret: never fed from a dial shortcut, always masked."""
        step = self.at.screens[self.step]
        return (
            isinstance(step, Ask)
            and step.slot in self.at.secrets
            and not self.ended
            and self.offer is None
        )

    @property
    def resumable(self) -> bool:
        """Whether a fresh dial should offer to go on here: a screen waits and work would be lost.

        A state that itself still shows an offer is as resumable as what it offers.
        """
        if self.offer is not None:
            return self.offer.resumable
        return (
            not self.ended
            and self.at.resumes
            and self.at.name != HOME
            and self.at.screens[self.step].waits
            and bool(self.slots)
        )

    def public_slots(self) -> dict[str, str]:
        """The filled slots as printed, secrets as '****'."""
        shown = {}
        for slot, value in self.slots.items():
            type_ = self.at.slots[slot]
            shown[slot] = "****" if type_.secret else type_.show(value)
        return shown

    def to_wire(self) -> list[Any]:
        """A compact JSON-able value without any secret.

        `[place, language, slots, history, notice, page, ended, offer]`, trailing defaults left out.
        """
        slots = self.slots
        if not self.at.secrets.isdisjoint(slots):
            slots = {name: slots[name] for name in slots if name not in self.at.secrets}
        place = self.at.screens[self.step].place
        wire: list[Any] = [place, self.language, slots]
        if self.history or self.notice or self.page or self.ended or self.offer:
            wire.append(list(map(list, self.history)))
        if self.notice or self.page or self.ended or self.offer:
            wire.append(self.notice)
        if self.page or self.ended or self.offer:
            wire += [self.page, int(self.ended)]
        if self.offer:
            wire.append(self.offer.to_wire())
        return wire

    @staticmethod
    def from_wire(book: Book, wire: object) -> "State":
        """Read back what `to_wire` gave.

        Raises UnknownVersion when the book has no such flow, version or step, and UnreadableState
        for anything else that cannot have been put away by us.
        """
        if not isinstance(wire, list) or not 3 <= len(wire) <= 8:
            raise UnreadableState("not a state")
        place, language, slots, history, notice, page, ended, offer = wire + [None] * (
            8 - len(wire)
        )
        if not isinstance(place, str) or not isinstance(language, str):
            raise UnreadableState("neither a place nor a language")
        known = book.places.get(place)
        if known is None:
            raise UnknownVersion(place if len(place) < 80 else "an endless place")
        flow, step = known
        if language not in LANGUAGES:
            raise UnreadableState("a language that nobody speaks")
        if isinstance(step, Call) and not ended:
            raise UnreadableState("a state between hops waits for the customer")
        if type(page or 0) is not int or not 0 <= (page or 0) <= ROWS_MOST:
            raise UnreadableState("no page")
        if not isinstance(notice or "", str):
            raise UnreadableState("no notice")
        if isinstance(offer, list) and len(offer) > _OFFERING:
            raise UnreadableState("an offer within an offer")
        return State(
            flow,
            step.name,
            language,
            _read_slots(flow, slots),
            tuple(_read_frame(book, frame) for frame in _listed(history)),
            notice or "",
            page or 0,
            State.from_wire(book, offer) if offer is not None else None,
            bool(ended) or isinstance(step, End),
        )


def _listed(history: object) -> list[Any]:
    if history is None:
        return []
    if not isinstance(history, list):
        raise UnreadableState("no history")
    return history


def _read_frame(book: Book, frame: object) -> Frame:
    if not isinstance(frame, list) or len(frame) != 3:
        raise UnreadableState("no frame of history")
    place, slots, page = frame
    if not isinstance(place, str) or type(page) is not int:
        raise UnreadableState("no frame of history")
    known = book.places.get(place)
    if known is None:
        return place, {}, 0
    return place, _read_slots(known[0], slots), page


def _read_slots(flow: Flow, slots: object) -> Mapping[str, Any]:
    if not isinstance(slots, dict):
        raise UnreadableState("no slots")
    for name, value in slots.items():
        type_ = flow.slots.get(name)
        if type_ is None or type_.secret or not type_.holds(value):
            raise UnreadableState("a slot that is not the flow's")
    return slots
