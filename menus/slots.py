"""Slot types: how a value is typed, taken from the bank, printed, and how wide it can get.

A slot is printed by its type, never by its value, so that `{amount}` and `{fee}` always look alike.
Values are JSON-able (str, int, list of [key, label]) so that a state can be put away. What all
types have is in `slot_base`; those read off a till, a bill, an exchange or a calendar are in
`slot_codes`. Knows no flow and no sentence.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from menus.plain import fit, fold
from menus.slot_base import KEYS, Patterned, SlotType
from menus.slot_codes import Coins, Date, Reference, Shortcode, Units
from ussd_app.kernel import gsm7, money, msisdn, units

LANGUAGES = {"en": "English", "sw": "Kiswahili"}
"""The languages in which everything is said, with their own names."""

LARGEST_SHOWN_MINOR = 999_999_999_99
"""The largest amount that a screen has room for: KES 999,999,999.99."""

NAME_WIDTH = 30
WORD_WIDTH = 20
RECEIPT_WIDTH = 10
RECEIPT_LEAST = 6
"""What is shorter is no receipt's number, whoever gave it."""
COUNT_MOST = 9_999
TEXT_WIDTH = 160
ROWS_MOST = 97
"""The most rows a list may have: row 98 would answer to the key for the next page."""

_DIGITS = re.compile(r"[0-9]+", re.ASCII)


class Msisdn(Patterned):
    kind = "msisdn"
    askable = True
    shape = re.compile(r"\+254[0-9]{9}", re.ASCII)

    def parse(self, typed: str) -> str | None:
        return msisdn.parse(typed)

    def show(self, value: Any) -> str:
        return msisdn.local(value)


class Pin(Patterned):
    kind = "pin"
    secret = True
    askable = True
    printable = False
    shape = re.compile(r"[0-9]{4}", re.ASCII)


class NationalId(Patterned):
    """A Kenyan identity number: up to eight digits on old cards, nine on Maisha cards."""

    kind = "national_id"
    secret = True
    askable = True
    printable = False
    shape = re.compile(r"[0-9]{6,9}", re.ASCII)


class IdTail(Patterned):
    """The last four digits of an identity number, read off the card that somebody shows."""

    kind = "id_tail"
    secret = True
    askable = True
    printable = False
    shape = re.compile(r"[0-9]{4}", re.ASCII)


class Code(Patterned):
    """A one-time code from an SMS."""

    kind = "code"
    secret = True
    askable = True
    printable = False
    shape = re.compile(r"[0-9]{6}", re.ASCII)


class Receipt(Patterned):
    """A receipt's number, in capitals without blanks."""

    kind = "receipt"
    askable = True
    shape = re.compile(r"[A-Z0-9]{1,10}", re.ASCII)

    def parse(self, typed: str) -> str | None:
        squeezed = "".join(typed.split()).upper()
        return super().parse(squeezed) if len(squeezed) >= RECEIPT_LEAST else None


class Ref(Patterned):
    """An opaque name that only the bank reads."""

    kind = "ref"
    printable = False
    shape = re.compile(r"[!-~]{1,64}", re.ASCII)


class Money(SlotType):
    """Minor units of KES."""

    kind = "money"
    askable = True

    def parse(self, typed: str) -> int | None:
        return money.parse_minor(typed)

    def take(self, given: object) -> int:
        if not self.holds(given):
            raise self.refuse()
        return given  # type: ignore[return-value]

    def holds(self, value: object) -> bool:
        return type(value) is int and 0 <= value <= LARGEST_SHOWN_MINOR

    def show(self, value: Any) -> str:
        return money.format_minor(value)


class Count(SlotType):
    """A small whole number. Nought cannot be typed: it is the key for back."""

    kind = "count"
    askable = True

    def parse(self, typed: str) -> int | None:
        if len(typed) > 4 or not _DIGITS.fullmatch(typed):
            return None
        return int(typed) or None

    def take(self, given: object) -> int:
        if not self.holds(given):
            raise self.refuse()
        return given  # type: ignore[return-value]

    def holds(self, value: object) -> bool:
        return type(value) is int and 0 <= value <= COUNT_MOST


class Name(SlotType):
    """A person's name, as typed or as given, on one line in the GSM alphabet."""

    kind = "name"
    askable = True

    def parse(self, typed: str) -> str | None:
        if len(typed) > 2 * self.widest:
            return None
        name = " ".join(fold(typed).split())
        letters = sum(character.isalpha() for character in name)
        plain = all(character.isalpha() or character in " '.-" for character in name)
        if letters < 2 or not plain or gsm7.septets(name) > self.widest:
            return None
        return name

    def take(self, given: object) -> str:
        if not isinstance(given, str):
            raise self.refuse()
        return fit(given, self.widest)

    def holds(self, value: object) -> bool:
        return isinstance(value, str) and fit(value, self.widest) == value


class Text(Name):
    """Words given by the bank, cut to a width; also a literal in a flow."""

    kind = "text"
    askable = False

    def parse(self, typed: str) -> str | None:
        return typed if typed and self.holds(typed) else None

    def accepts(self, other: SlotType) -> bool:
        return isinstance(other, Text | Choice | Lang) and other.widest <= self.widest


class Word(Name):
    """A word or two of the customer's own: a town, a savings goal. Cut when the bank gives it."""

    kind = "word"

    def parse(self, typed: str) -> str | None:
        if len(typed) > 2 * self.widest or typed in KEYS:
            return None
        word = " ".join(fold(typed).split())
        plain = all(character.isalnum() or character == " " for character in word)
        return word if word and plain and gsm7.septets(word) <= self.widest else None


class Answer(Word):
    """The answer to a security question: a word or two that nobody may read again."""

    kind = "answer"
    secret = True
    printable = False


class Choice(SlotType):
    """One of a few words that a flow branches on or hands to the bank; never printed."""

    kind = "choice"
    printable = False

    def __init__(self, declared: str, words: Sequence[str]) -> None:
        super().__init__(declared, max(len(word) for word in words))
        self.words = tuple(words)

    def parse(self, typed: str) -> str | None:
        return typed if typed in self.words else None

    def take(self, given: object) -> str:
        if not self.holds(given):
            raise self.refuse()
        return str(given)

    def holds(self, value: object) -> bool:
        return isinstance(value, str) and value in self.words

    def accepts(self, other: SlotType) -> bool:
        return isinstance(other, Choice) and set(other.words) <= set(self.words)


class Lang(Choice):
    """A language; filling a slot of this type switches the session to it."""

    kind = "lang"
    printable = True

    def __init__(self, declared: str) -> None:
        super().__init__(declared, tuple(LANGUAGES))
        self.widest = max(len(name) for name in LANGUAGES.values())

    def show(self, value: Any) -> str:
        return LANGUAGES[value]

    def accepts(self, other: SlotType) -> bool:
        return isinstance(other, Lang)


class Rows(SlotType):
    """At most `most` rows of a key and a label; printed as one label a line."""

    kind = "rows"

    def __init__(self, declared: str, most: int, label: int) -> None:
        super().__init__(declared, most * (label + 1) - 1)
        self.most = most
        self.label = label

    def take(self, given: object) -> list[list[str]]:
        if not isinstance(given, Sequence) or isinstance(given, str | bytes):
            raise self.refuse()
        return [self._row(row) for row in given[: self.most]]

    def _row(self, row: object) -> list[str]:
        if not isinstance(row, Mapping) or not {"key", "label"} <= set(row):
            raise self.refuse()
        return [str(row["key"]), fit(str(row["label"]), self.label)]

    def holds(self, value: object) -> bool:
        return (
            isinstance(value, list)
            and len(value) <= self.most
            and all(
                isinstance(row, list)
                and len(row) == 2
                and isinstance(row[0], str)
                and isinstance(row[1], str)
                and fit(row[1], self.label) == row[1]
                for row in value
            )
        )

    def show(self, value: Any) -> str:
        return "\n".join(label for _, label in value)

    def accepts(self, other: SlotType) -> bool:
        return isinstance(other, Rows) and other.most <= self.most and other.label <= self.label


_PLAIN_TYPES: Mapping[str, tuple[type[SlotType], int]] = {
    "msisdn": (Msisdn, 10),
    "money": (Money, len(money.format_minor(LARGEST_SHOWN_MINOR))),
    "pin": (Pin, 4),
    "national_id": (NationalId, 9),
    "id_tail": (IdTail, 4),
    "code": (Code, 6),
    "name": (Name, NAME_WIDTH),
    "receipt": (Receipt, RECEIPT_WIDTH),
    "ref": (Ref, 64),
    "text": (Text, TEXT_WIDTH),
    "count": (Count, len(str(COUNT_MOST))),
    "date": (Date, 10),
    "word": (Word, WORD_WIDTH),
    "answer": (Answer, WORD_WIDTH),
    "shortcode": (Shortcode, 7),
    "reference": (Reference, 20),
    "units": (Units, 24),
    "coins": (Coins, 1 + units.WHOLE_DIGITS + units.FINEST),
}
_DECLARED = re.compile(r"([a-z_]+)(?:\(([a-z0-9_, ]*)\))?", re.ASCII)

ASKABLE = tuple(kind for kind, (which, _) in _PLAIN_TYPES.items() if which.askable)
"""The kinds that a customer can type; each has a sentence for when it was typed wrongly."""


def slot_type(declared: str) -> SlotType:
    """Read a declaration such as 'money', 'text(8)', 'choice(a, b)' or 'rows(5, 28)'.

    Raises ValueError with a sentence for the one who wrote it.
    """
    match = _DECLARED.fullmatch(declared)
    if match is None:
        raise ValueError(f"{declared!r} is no slot type")
    kind, inside = match[1], match[2]
    if inside is None:
        return _plain(kind)
    words = [word.strip() for word in inside.split(",")]
    if kind == "text":
        return Text(declared, _bound(declared, words, 0, TEXT_WIDTH, places=1))
    if kind == "rows":
        most = _bound(declared, words, 0, ROWS_MOST, places=2)
        return Rows(declared, most, _bound(declared, words, 1, TEXT_WIDTH, places=2))
    if kind == "choice" and all(words) and len(set(words)) == len(words):
        return Choice(declared, words)
    raise ValueError(f"{declared!r} is no slot type")


def _plain(kind: str) -> SlotType:
    if kind == "lang":
        return Lang(kind)
    if kind == "rows":
        return Rows(kind, 20, 30)
    if kind not in _PLAIN_TYPES:
        raise ValueError(f"{kind!r} is no slot type")
    which, widest = _PLAIN_TYPES[kind]
    return which(kind, widest)


def _bound(declared: str, words: list[str], place: int, most: int, *, places: int) -> int:
    if len(words) != places or not words[place].isdigit() or not 1 <= int(words[place]) <= most:
        raise ValueError(f"{declared!r} needs {places} number(s) of at most {most}")
    return int(words[place])
