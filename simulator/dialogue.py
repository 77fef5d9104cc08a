"""Dialogues: conversations that a customer could read, which are tests at the same time.

A line at the margin happens; the indented block under it must follow. This module reads, compares
and rewrites them; what a line does is the world's business. The format is in docs/dialogues.md.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

INDENT: Final = "    "
REST: Final = "…"
"""A block's line for any number of lines that are not shown here, none among them."""
GIVEN: Final = "Given"
NOTHING: Final = "(nothing)"
BETWEEN: Final = "--"
"""Stands between two messages, or two different answers, in one block."""


class DialogueInvalid(ValueError):
    """The text is no dialogue; the message names the line."""


@dataclass(frozen=True)
class Step:
    """One line that happens, and its block without indent. `number` counts lines from 1."""

    number: int
    line: str
    block: tuple[str, ...]
    head: tuple[str, ...] = ()
    """What stands above it in the file: comments and empty lines."""
    tail: tuple[str, ...] = ()
    """Empty lines between the last block and the end of the file."""

    @property
    def is_given(self) -> bool:
        """Whether its block is told to the world rather than expected of it."""
        return self.line == GIVEN


class Stage(Protocol):
    """Where a dialogue is played."""

    def perform(self, line: str, block: Sequence[str]) -> list[str] | None:
        """Make one line happen; what follows of it, or None for a line that shows nothing.

        Raises DialogueInvalid for a line that nobody understands.
        """


def parse(text: str) -> list[Step]:
    """Read a dialogue. Raises DialogueInvalid."""
    steps: list[Step] = []
    head: list[str] = []
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        line = lines[place].rstrip()
        if not line or line.startswith("#"):
            head.append(line)
            place += 1
            continue
        if line[0].isspace():
            raise DialogueInvalid(f"line {place + 1}: a block without a line above it")
        end = _end_of_block(lines, place + 1)
        block = _dedent(lines[place + 1 : end])
        steps.append(Step(place + 1, line, tuple(block), tuple(head)))
        head, place = [], end
    if steps and head:
        last = steps[-1]
        steps[-1] = Step(last.number, last.line, last.block, last.head, tuple(head))
    return steps


def _end_of_block(lines: Sequence[str], start: int) -> int:
    """Where the block ends: its last indented line, with empty lines between those counted in."""
    end = start
    for place in range(start, len(lines)):
        line = lines[place]
        if line.strip() and not line[0].isspace():
            break
        if line.strip():
            end = place + 1
    return end


def _dedent(block: Sequence[str]) -> list[str]:
    widths = [len(line) - len(line.lstrip()) for line in block if line.strip()]
    width = min(widths, default=0)
    return [line[width:].rstrip() for line in block]


def follows(expected: Sequence[str], actual: Sequence[str]) -> bool:
    """Whether a block matches what happened: line by line, `…` for any lines not shown."""
    if REST not in expected:
        return list(expected) == list(actual)
    pieces = [list(piece) for piece in _split(expected)]
    first, last = pieces[0], pieces[-1]
    if len(first) + len(last) > len(actual):
        return False
    if list(actual[: len(first)]) != first or list(actual[len(actual) - len(last) :]) != last:
        return False
    place, limit = len(first), len(actual) - len(last)
    for piece in pieces[1:-1]:
        found = _find(piece, actual, place, limit)
        if found is None:
            return False
        place = found + len(piece)
    return True


def _split(block: Sequence[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    for line in block:
        if line == REST:
            yield piece
            piece = []
        else:
            piece.append(line)
    yield piece


def _find(piece: list[str], lines: Sequence[str], start: int, limit: int) -> int | None:
    for place in range(start, limit - len(piece) + 1):
        if list(lines[place : place + len(piece)]) == piece:
            return place
    return None


def play(steps: Sequence[Step], stage: Stage) -> Iterator[tuple[Step, list[str]]]:
    """Play step by step; each with the block that the file should have.

    A block that matches is given back as it stands, so `…` survives a rewrite.
    """
    for step in steps:
        actual = stage.perform(step.line, step.block)
        if step.is_given:
            yield step, list(step.block)
            continue
        clean = [line.rstrip() for line in actual or []]
        yield step, list(step.block) if follows(step.block, clean) else clean


def block(texts: Sequence[str]) -> list[str]:
    """The lines that show these texts: messages, answers, letters."""
    return f"\n{BETWEEN}\n".join(texts).split("\n") if texts else [NOTHING]


def write(played: Sequence[tuple[Step, Sequence[str]]]) -> str:
    """A dialogue as its file should be."""
    lines: list[str] = []
    for step, block in played:
        lines += [*step.head, step.line, *(INDENT + line if line else "" for line in block)]
        lines += step.tail
    return "\n".join(lines).rstrip("\n") + "\n"


def difference(before: str, after: str, name: str) -> str:
    """A unified diff from the file to what happened; empty when the dialogue holds."""
    return "".join(
        difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"{name} (as written)",
            f"{name} (as it happened)",
            n=6,
        )
    )


def files(paths: Sequence[Path]) -> list[Path]:
    """The dialogue files that these paths name: files as they are, folders with all below them."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.txt")) if path.is_dir() else [path]
    return found
