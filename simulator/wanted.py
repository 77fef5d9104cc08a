"""What a page wants, read from its JSON value by value: nothing is done before all of it is read.

Knows neither phones nor faults, only the forms of values.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

LONGEST_TEXT: Final = 900
_CODE: Final = re.compile(r"\*[0-9*]+#", re.ASCII)

Reader = Callable[[str, Any], Any]
"""From a value's name and the value as it came to the value. Raises Impossible."""


class Impossible(ValueError):
    """What was asked cannot be done; the message is for the person at the page."""


def read(wanted: Mapping[str, Any], readers: Mapping[str, Reader]) -> dict[str, Any]:
    """All values that were sent, each by its reader. Raises Impossible."""
    unknown = sorted(set(wanted) - set(readers))
    if unknown:
        raise Impossible(f"there is no {unknown[0]}, only {', '.join(readers)}")
    return {name: readers[name](name, value) for name, value in wanted.items()}


def text(name: str, value: Any) -> str:
    """What can be typed on one line, or nothing."""
    if not isinstance(value, str):
        raise Impossible(f"{name} must be a text")
    if len(value) > LONGEST_TEXT:
        raise Impossible(f"{name} has at most {LONGEST_TEXT} characters")
    if not value.isprintable():
        raise Impossible(f"{name} has a character that no phone can type")
    return value


def callback(name: str, value: Any) -> str:
    """A URL to be called, or nothing."""
    url = text(name, value)
    if url and not url.startswith(("http://", "https://")):
        raise Impossible("a callback begins with http:// or https://")
    return url


def service_code(name: str, value: Any) -> str:
    """What is dialled to reach an application."""
    code = text(name, value)
    if not _CODE.fullmatch(code):
        raise Impossible("a service code looks like *383# or *384*44135#")
    return code


def flag(name: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Impossible(f"{name} must be true or false")
    return value


def whole(least: int, most: int) -> Reader:
    """A whole number in between, both ends among them."""

    def reader(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Impossible(f"{name} takes a whole number from {least} to {most}")
        return value

    return reader


def one_of(*values: Any) -> Reader:
    """One of these."""

    def reader(name: str, value: Any) -> Any:
        if value not in values:
            raise Impossible(f"{name} can be {', '.join(map(str, values))}")
        return value

    return reader
