"""The second front door: what a customer may ask by SMS, where no PIN is needed.

The words are data. Whatever comes in, something kind goes out: exactly one reply a message, queued
in the transaction that marks the message as heard.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import parties, queries
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import spendable_today

STRANGERS_SPEAK = "en"


class Keywords:
    """From a message's first words to what is asked."""

    def __init__(self, words: Mapping[str, str], then: Mapping[str, Mapping[str, str]]) -> None:
        self._words = words
        self._then = then

    def read(self, text: str) -> tuple[str | None, str | None]:
        """What is asked and the meaning of its second word: 'lang sw' is ('language', 'sw')."""
        words = text[:160].upper().split()[:2]
        asked = self._words.get(words[0].strip(".,!?#*")) if words else None
        if asked is None or len(words) < 2:
            return asked, None
        return asked, self._then[asked].get(words[1].strip(".,!?"))


def answer(desk: Desk, keywords: Keywords, connection: Connection, msisdn: str, text: str) -> None:
    """Act on an incoming message and queue its one reply, in the given transaction."""
    asked, meaning = keywords.read(text)
    party = parties.find(connection, msisdn)
    if party is None or party.status != "active":
        parties.say(desk, connection, msisdn, STRANGERS_SPEAK, "please_register")
        return
    language = party.language
    if asked == "language":
        language = meaning or ("sw" if language == "en" else "en")
    template, facts = _reply(desk, connection, party, asked, language)
    parties.say(desk, connection, msisdn, language, template, **facts)


def _reply(
    desk: Desk, connection: Connection, party: Party, asked: str | None, language: str
) -> tuple[str, dict[str, object]]:
    if asked == "balance":
        left = spendable_today(desk, party)
        facts = {"balance": queries.available(desk, party), "at": desk.clock.now(), "left": left}
        return "balance", facts
    if asked == "mini":
        lines = queries.mini_lines(desk, party)
        found = {"lines": "\n".join(lines), "balance": queries.available(desk, party)}
        return ("mini_statement" if lines else "no_transactions"), found
    if asked == "language":
        connection.exec_driver_sql(
            "UPDATE parties SET language = %s WHERE id = %s", (language, party.id)
        )
        return "language_set", {}
    if asked in ("stop", "start"):
        connection.exec_driver_sql(
            "UPDATE parties SET offers = %s WHERE id = %s", (asked == "start", party.id)
        )
        return ("started" if asked == "start" else "stopped"), {}
    return ("help" if asked == "help" else "not_understood"), {}
