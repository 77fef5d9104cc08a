"""What a line of a dialogue makes happen: tables of patterns, each with the function behind it.

Every module here has the verbs of one subject, as functions of the scene that they happen on and
of the words in the line. None of them knows how lines are read, compared or rewritten.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

NAME: Final = "([a-z][a-z0-9_]*)"
"""Whoever has a phone, in a pattern."""

Verb = Callable[..., list[str] | None]
"""From a scene and the words of the line to the block under it; None for a line without one."""
Table = Sequence[tuple[re.Pattern[str], Verb]]


def table(*rows: tuple[str, Verb]) -> Table:
    """Patterns of whole lines; the first that fits is the line's."""
    return [(re.compile(pattern, re.ASCII), verb) for pattern, verb in rows]


def understood(line: str, verbs: Table) -> tuple[Verb, Sequence[str | None]] | None:
    """The verb of a line, and its words; None when nobody understands it."""
    for pattern, verb in verbs:
        match = pattern.fullmatch(line)
        if match is not None:
            return verb, match.groups()
    return None
