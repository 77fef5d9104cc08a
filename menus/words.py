"""Every sentence in both languages side by side, with lengths: docs/words.md, for the editor.

Lengths are septets in the worst case: every slot at its widest.
"""

from collections.abc import Iterator, Mapping

from menus.book import Book, Call, Flow, Menu, Say, Step
from menus.proofs import edges as all_edges
from menus.proofs import pending, tallest, worst
from menus.screens import BUDGET
from menus.screens import words as said_by
from menus.slot_base import SlotType
from menus.slots import LANGUAGES

_HEAD = """# Every sentence

Written by `python -m menus words`; edit the files named here, not this page. A number is the
length in septets at its widest: of a sentence, or of the whole screen with the longest refusal
that can stand above it and the keys below it. A screen has {budget}.
"""


def words(book: Book) -> str:
    """The page as Markdown."""
    above = pending(all_edges(book))
    parts = [_HEAD.format(budget=BUDGET)]
    for flow in book.flows.values():
        parts += [f"## {flow.name}\n", f"`menus/flows/{flow.file}`: {flow.about}\n"]
        parts.append(_table(_flow_lines(book, flow, above)))
    texts = book.texts
    parts += ["## The machine\n", "`menus/text/machine.yaml`\n"]
    own: dict[str, Say] = {"0": texts.back, "00": texts.home, "98": texts.more}
    own |= {"offer": texts.offer, "offer 1": texts.offer_yes, "offer 2": texts.offer_no}
    own |= {f"not a {kind}": said for kind, said in texts.nonsense.items()}
    parts.append(_table(_line(name, said, {}) for name, said in own.items()))
    parts += ["## Refusals\n", "`menus/text/refusals.yaml`\n"]
    parts.append(_table(_line(code, text.say, text.facts) for code, text in texts.refusals.items()))
    return "\n".join(parts)


def _flow_lines(book: Book, flow: Flow, above: Mapping[str, set[str]]) -> Iterator[list[str]]:
    yield _line("title", flow.title, {})
    for step in flow.screens.values():
        if isinstance(step, Call):
            continue
        yield _screen(book, flow, step, above.get(step.place, set()))


def _screen(book: Book, flow: Flow, step: Step, above: set[str]) -> list[str]:
    said = step.body if isinstance(step, Menu) else said_by(step)
    cells = [f"**{step.name}**"]
    for language in LANGUAGES:
        septets = worst(said, language, flow.slots)
        screen = tallest(book, flow, step, above, language)
        cells += [_cell(said[language].text), f"{septets} / {screen}"]
    return cells


def _line(name: str, said: Say, types: Mapping[str, SlotType]) -> list[str]:
    cells = [f"**{name}**"]
    for language in LANGUAGES:
        cells += [_cell(said[language].text), str(worst(said, language, types))]
    return cells


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")


def _table(lines: Iterator[list[str]]) -> str:
    head = ["| | " + " | | ".join(LANGUAGES.values()) + " | |", "|---|" + "---|---:|" * 2]
    return "\n".join([*head, *("| " + " | ".join(line) + " |" for line in lines), ""])
