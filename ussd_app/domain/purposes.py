"""What a payment was for, in the customer's own word: by USSD, and by SMS where no PIN is needed.

The word counts over what the business and the type are; `spending` adds up.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from ussd_app.domain import parties, pins, spending
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.domain.spending import FEES, Line
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import readings
from ussd_app.kernel.money import format_minor

SHOWN, LABEL = 5, 28
NOT_CHOSEN = frozenset({FEES, "cash"})
"""What a payment is by its nature, and nobody's opinion."""

_MINE = """
SELECT m.id, m.receipt FROM (
    SELECT coalesce(h.ended_by, e.id) AS id, e.receipt FROM entries e
    LEFT JOIN holds h ON h.id = e.id AND h.state = 'settled'
    WHERE e.receipt = ANY (%s)) m
WHERE EXISTS (SELECT FROM legs l WHERE l.entry_id = m.id AND l.from_id = %s)
"""
"""What was held first is known by the receipt of the promise, and counts when it is done."""


def last_payments(desk: Desk, ask: Ask) -> Facts:
    """The caller's last five payments as rows, by receipt."""

    def then(connection: Connection, party: Party) -> Facts:
        out = spending.last_out(connection, party, SHOWN)
        return {"payments": [{"key": line.receipt, "label": _label(line)} for line in out]}

    return pins.with_pin(desk, "last_payments", ask, then)


def _label(line: Line) -> str:
    day = nairobi(line.happened_at)
    return f"{day.day}/{day.month} {format_minor(-line.minor)} {line.who}"[:LABEL].rstrip()


def choices(desk: Desk, ask: Ask) -> Facts:
    """What a payment can have been for, in the caller's language."""
    party = parties.known(desk.reads, ask.msisdn)
    rows = [{"key": name, "label": say[party.language]} for name, say in _names(desk).items()]
    return {"purposes": rows}


def _names(desk: Desk) -> Mapping[str, Mapping[str, str]]:
    every = spending.names(desk.catalogue)
    return {name: say for name, say in every.items() if name not in NOT_CHOSEN}


def tag(desk: Desk, ask: Ask) -> Facts:
    """Count a payment of the caller's as something else. Raises Refused(not_yours)."""
    chosen = ask.text("purpose")

    def effect(connection: Connection) -> Facts:
        party = parties.known(connection, ask.msisdn)
        names = _names(desk)
        if (
            chosen not in names
            or _tag(desk, connection, party, ask.text("payment"), chosen) is None
        ):
            raise Refused(RefusalCode.NOT_YOURS)
        return {"label": names[chosen][party.language]}

    return once(desk, "tag", ask, effect)


def _tag(desk: Desk, connection: Connection, party: Party, typed: str, chosen: str) -> str | None:
    """Keep what a payment was for. Returns its receipt number; None when the party made no such
    payment."""
    found = connection.exec_driver_sql(_MINE, (readings(typed), party.wallet_id)).first()
    if found is None:
        return None
    connection.exec_driver_sql(
        "INSERT INTO tags (entry_id, party_id, category, tagged_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (entry_id, party_id) DO UPDATE"
        " SET category = excluded.category, tagged_at = excluded.tagged_at",
        (found.id, party.id, chosen, desk.clock.now()),
    )
    return str(found.receipt)


def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """`TAG KB00001 rent`, or `AINA KB00001 kodi`: a category by its first word in any language."""
    typed, _, word = heard.rest.partition(" ")
    names, language = _names(desk), heard.party.language
    chosen = next((name for name, say in names.items() if _is_meant(word, name, say)), None)
    if chosen is None:
        words = ", ".join(_first_word(say[language]) for say in names.values())
        return Said("tag_how", {"words": words})
    receipt = _tag(desk, connection, heard.party, typed, chosen)
    if receipt is None:
        return Said("tag_unknown", {})
    return Said("tagged", {"receipt": receipt, "label": names[chosen][language]})


def _is_meant(typed: str, name: str, say: Mapping[str, str]) -> bool:
    words = {name, *(_first_word(label).casefold() for label in say.values())}
    return bool(typed) and _first_word(typed).strip(".,!?").casefold() in words


def _first_word(text: str) -> str:
    return next(iter(text.split()), "")
