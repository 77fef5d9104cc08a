"""How a screen is put together: notice, body, rows in pages, the line of keys; 160 septets.

Safaricom shows 160 septets and pages the rest itself with the same keys as ours, so we never let
it. That static screens fit is proven by lint; pages of rows are measured here, row by row.
"""

from dataclasses import dataclass

from menus.book import HOME, End, Flow, Listing, Menu, Say, Slots, Step, Texts
from menus.slots import LANGUAGES
from ussd_app.kernel.gsm7 import septets

BUDGET = 160
"""Septets of one screen, on the narrowest network."""

BACK, HOME_KEY, MORE = "0", "00", "98"


@dataclass(frozen=True, slots=True)
class Screen:
    """What the phone shows, without CON or END. `step` names the place for metrics."""

    text: str
    ends: bool
    step: str


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of rows: from a row, to (and without) another."""

    text: str
    after: int


class Printer:
    """Prints steps; the lines of keys are put together once."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.back_and_home = {language: f"\n{keys(texts, language)}" for language in LANGUAGES}
        self.home_only = {
            language: f"\n{HOME_KEY} {texts.home[language].text}" for language in LANGUAGES
        }
        self.more = {language: f"\n{MORE} {texts.more[language].text}" for language in LANGUAGES}

    def body(self, step: Step, language: str, slots: Slots) -> str:
        """The step's own words, without rows, notice and keys."""
        if isinstance(step, Menu):
            return step.body[language].render(slots)
        return words(step)[language].render(slots)

    def nav(self, flow: Flow, step: Step, language: str, *, back: bool) -> str:
        """The line of keys with its line break; nothing where there is nowhere to go."""
        if back:
            return self.back_and_home[language]
        return self.home_only[language] if leaves_a_way_home(flow, step) else ""

    def page(self, listing: Listing, language: str, slots: Slots, first: int, room: int) -> Page:
        """Rows from `first` on in at most `room` septets, the line for more among them."""
        rows = slots[listing.rows]
        more = septets(self.more[language])
        text, used, at = "", 0, first
        while at < len(rows):
            line = f"\n{at + 1} {rows[at][1]}"
            width = septets(line)
            last = at == len(rows) - 1
            if used + width + (0 if last else more) > room and at > first:
                break
            text, used, at = text + line, used + width, at + 1
        if at < len(rows):
            text += self.more[language]
        return Page(text, at)


def keys(texts: Texts, language: str) -> str:
    """'0 Back 00 Home' in a language."""
    back, home = texts.back[language].text, texts.home[language].text
    return f"{BACK} {back} {HOME_KEY} {home}"


def words(step: Step) -> Say:
    """What a step says, options and rows apart."""
    if isinstance(step, End):
        return step.title
    title: Say = getattr(step, "title", {})
    return title


def leaves_a_way_home(flow: Flow, step: Step) -> bool:
    """Whether a screen without a way back says that 00 leads home: not where sessions begin."""
    return flow.name != HOME and step.name != flow.start
