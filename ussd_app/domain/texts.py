"""The sentences of an SMS: facts in, text in the customer's language out.

The sentences are data; this module only knows how each type of fact is printed, and how wide it can
get, which the products linter needs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from string import Formatter

from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import mask

NAME_WIDTH = 25
PERSON_WIDTH = NAME_WIDTH + 11
"""A name with a number behind it."""
LINES_WIDTH = 5 * 29 + 4
LANGUAGES = ("en", "sw")


@dataclass(frozen=True)
class Sentence:
    """One thing that can be said: its facts by type, its text by language, its budget in parts."""

    template: str
    facts: Mapping[str, str]
    text: Mapping[str, str]
    parts: int


@dataclass(frozen=True)
class FactType:
    """How a fact is printed, and the widest that it can be."""

    show: Callable[[object], str]
    widest: str


def two_names(name: str) -> str:
    """A person as others may see them: the first two names, in capitals, at most `NAME_WIDTH`."""
    return " ".join(name.upper().split()[:2])[:NAME_WIDTH].rstrip()


def moment(value: datetime) -> str:
    """`21/11/26 5:28 PM`, on a Kenyan wall clock."""
    local = nairobi(value)
    hour = local.hour % 12 or 12
    half = "AM" if local.hour < 12 else "PM"
    return f"{local.day}/{local.month}/{local:%y} {hour}:{local:%M} {half}"


def _money(value: object) -> str:
    return format_minor(int(str(value)))


def _date(value: object) -> str:
    return f"{date.fromisoformat(str(value)):%d/%m/%Y}"


def _moment(value: object) -> str:
    return moment(datetime.fromisoformat(str(value)))


FACT_TYPES: Mapping[str, FactType] = {
    "receipt": FactType(str, "K" * 10),
    "money": FactType(_money, "99,999,999.99"),
    "name": FactType(lambda value: two_names(str(value)), "W" * NAME_WIDTH),
    "person": FactType(lambda value: str(value)[:PERSON_WIDTH], "W" * PERSON_WIDTH),
    "business": FactType(lambda value: str(value).upper()[:NAME_WIDTH].rstrip(), "W" * NAME_WIDTH),
    "number": FactType(str, "1234567"),
    "reference": FactType(str, "W" * 20),
    "bill": FactType(str, "INV9999999"),
    "bill_account": FactType(str, "880011 INV9999999"),
    "way": FactType(str, "pay bill"),
    "text": FactType(lambda value: str(value)[:NAME_WIDTH], "W" * NAME_WIDTH),
    "masked": FactType(lambda value: mask(str(value)), "0712***001"),
    "moment": FactType(_moment, "31/12/26 12:59 PM"),
    "date": FactType(_date, "31/12/2026"),
    "count": FactType(str, "999"),
    "units": FactType(str, "9,999,999.999999999 USDT"),
    "code": FactType(str, "W" * 22),
    "site": FactType(str, "W" * 40),
    "service": FactType(str, "*384*44135#"),
    "lines": FactType(lambda value: str(value)[:LINES_WIDTH], "W" * LINES_WIDTH),
}


class Texts:
    """Every sentence that an SMS may say."""

    def __init__(self, sentences: Mapping[str, Sentence]) -> None:
        self._sentences = sentences

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self._sentences.values())

    def __contains__(self, template: str) -> bool:
        return template in self._sentences

    def render(self, template: str, language: str, facts: Mapping[str, object]) -> str:
        """The finished text. Raises KeyError for an unknown template, language or missing fact."""
        sentence = self._sentences[template]
        printed = {
            name: FACT_TYPES[kind].show(facts[name]) for name, kind in sentence.facts.items()
        }
        return sentence.text[language].format_map(printed)

    @staticmethod
    def facts_named(text: str) -> set[str]:
        """The facts that a text names between braces."""
        return {name for _, name, _, _ in Formatter().parse(text) if name is not None}

    def widest(self, template: str, language: str) -> str:
        """The longest text that the sentence can become."""
        sentence = self._sentences[template]
        return sentence.text[language].format_map(
            {name: FACT_TYPES[kind].widest for name, kind in sentence.facts.items()}
        )
