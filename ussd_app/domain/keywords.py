"""The second front door: what a customer may ask by SMS, where no PIN is needed.

The words are data, what answers them stands in `counter`. Whatever comes in, something kind goes
out: exactly one reply a message, queued in the transaction that marks the message as heard.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.counter import REPLIES
from ussd_app.domain.desk import Desk

STRANGERS_SPEAK = "en"
FORWARDED, _RECEIPT = "reverse", re.compile(r"\b(K[A-Z0-9]{6,9}) (?:confirmed|imethibitishwa)\b")
"""Whoever forwards us the SMS of a payment wants it back; what its sentence looks like."""
MOST_READ = 160
"""Of a message so many characters are read; nothing that we understand is longer."""


class Asked(NamedTuple):
    """A keyword, the meaning of the word behind it, and all that stood behind it."""

    keyword: str | None
    meaning: str | None
    rest: str


class Keywords:
    """From a message's first words to what is asked."""

    def __init__(self, words: Mapping[str, str], then: Mapping[str, Mapping[str, str]]) -> None:
        self._words = words
        self._then = then

    @property
    def names(self) -> frozenset[str]:
        """Every keyword that a word asks for."""
        return frozenset(self._words.values())

    def read(self, text: str) -> Asked:
        """What is asked: 'lang sw' is the keyword 'language' with the meaning 'sw'."""
        first, _, rest = text[:MOST_READ].strip().partition(" ")
        keyword = self._words.get(first.upper().strip(".,!?#*"))
        rest = rest.strip()
        second = rest.upper().split()[:1]
        receipt = _RECEIPT.search(text[:MOST_READ]) if keyword is None else None
        if receipt is not None and FORWARDED in self._then:
            return Asked(FORWARDED, None, receipt[1])
        if keyword is None or not second:
            return Asked(keyword, None, rest)
        return Asked(keyword, self._then[keyword].get(second[0].strip(".,!?")), rest)


def answer(desk: Desk, keywords: Keywords, connection: Connection, msisdn: str, text: str) -> None:
    """Act on an incoming message and queue its one reply, in the given transaction."""
    asked = keywords.read(text)
    party = parties.find(connection, msisdn)
    if party is None:
        parties.say(desk, connection, msisdn, STRANGERS_SPEAK, "please_register")
        return
    if party.status != "active":
        parties.say(desk, connection, msisdn, party.language, "on_hold")
        return
    said = Said("not_understood", {})
    if asked.keyword is not None:
        heard = Heard(party, asked.meaning, asked.rest)
        said = REPLIES[asked.keyword](desk, connection, heard)
    language = said.language or party.language
    parties.say(desk, connection, msisdn, language, said.template, **said.facts)
