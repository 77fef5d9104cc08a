"""JSON as Safaricom sends it, read without harm: bounded, exact numbers, no key said twice.

Knows how a field is taken out of a message, and none of the messages.
"""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Never

MOST_BYTES = 65_536
"""No more is read of what comes to a door by itself."""
LONGEST_LIST = 4_194_304
"""A list that we asked for, on a line that we opened: about 20,000 payments."""
TOO_LONG = "too long"
DEEPEST = 16
LONGEST_NUMBER = 40
LONGEST_NAME = 64
LONGEST_WORDS = 400

Value = str | int | Decimal | bool | list["Value"] | dict[str, "Value"] | None
Said = Mapping[str, Value]


class NotUnderstood(ValueError):
    """A message of another shape than any that is known. `why` repeats nothing that was in it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def read_json(body: bytes | str, most: int = MOST_BYTES) -> dict[str, Value]:
    """The object that a body holds. Raises NotUnderstood for everything else."""
    if len(body) > most:
        raise NotUnderstood(TOO_LONG)
    try:
        text = body.decode("utf-8-sig") if isinstance(body, bytes) else body
        said: Value = json.loads(
            text,
            parse_float=_number,
            parse_int=_whole,
            parse_constant=_constant,
            object_pairs_hook=_object,
        )
    except NotUnderstood:
        raise
    except (ValueError, RecursionError):
        raise NotUnderstood("not JSON") from None
    if not isinstance(said, dict):
        raise NotUnderstood("not an object")
    if _depth_of(said) > DEEPEST:
        raise NotUnderstood("too deep")
    return said


def inside(said: Said, *names: str) -> Said:
    """The object under the names, one below the other. Raises NotUnderstood."""
    for name in names:
        inner = said.get(name)
        if not isinstance(inner, dict):
            raise NotUnderstood(f"without {name}")
        said = inner
    return said


def name_in(said: Said, field: str) -> str:
    """An identifier, a code or a number that is a name, as text. Raises NotUnderstood."""
    found = name_or_none(said, field)
    if found is None:
        raise NotUnderstood(f"without {field}")
    return found


def name_or_none(said: Said, field: str) -> str | None:
    """Like `name_in`; None when it is absent, null or empty."""
    value = said.get(field)
    if isinstance(value, bool | list | dict | Decimal):
        raise NotUnderstood(f"{field} is no name")
    text = "" if value is None else str(value).strip()
    if len(text) > LONGEST_NAME or not text.isascii() or not text.isprintable() or " " in text:
        raise NotUnderstood(f"{field} is no name")
    return text or None


def code_in(said: Said, field: str) -> str:
    """A result's code, which may be a number, a text, or not numeric. Raises NotUnderstood."""
    code = name_in(said, field)
    return code if code.strip("0") else "0"


def words_in(said: Said, field: str, most: int = LONGEST_WORDS) -> str:
    """What people read: never fails, empty where there is nothing readable."""
    return words(said.get(field), most)


def words(value: Value, most: int = LONGEST_WORDS) -> str:
    """A value as text for people, without what cannot be printed or kept."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    text = plain(value) if isinstance(value, Decimal) else str(value)[: most * 4]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:most]


def plain(number: Decimal) -> str:
    """A number without an exponent, unless it is too large or too small to be one of theirs."""
    tame = number.is_finite() and -12 <= number.adjusted() <= 12
    return format(number, "f") if tame else str(number)


def items(value: Value) -> Iterator[dict[str, Value]]:
    """What Safaricom sends as an array or as one object of it."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield each


def _number(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise NotUnderstood("a number is too long")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise NotUnderstood("a number is too large") from None


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise NotUnderstood("a number is too long")
    return int(text)


def _constant(_: str) -> Never:
    raise NotUnderstood("a number is none")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise NotUnderstood("a key is said twice")
    return said


def _depth_of(said: Value) -> int:
    level: list[Value] = [said]
    depth = 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, list | dict)
        ]
    return depth
