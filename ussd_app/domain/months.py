"""The month as a customer hears of it: by USSD, by SMS when asked, and by a letter on the first.
The sums are `spending`'s.
"""

from datetime import date

from sqlalchemy import Connection

from ussd_app.domain import parties, pins, spending
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.days import at_hour, month_later
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.spending import Month
from ussd_app.kernel.clock import business_day, nairobi
from ussd_app.kernel.money import format_minor

LAST = "last"
SHOWN, TOLD = 3, 5
BATCH = 500

_NEXT = f"""
SELECT {", ".join(parties.COLUMNS)}, offers FROM parties
WHERE id > coalesce((SELECT max(party_id) FROM month_letters WHERE month = %s), 0)
ORDER BY id LIMIT %s
"""  # noqa: S608 - our own columns


def show(desk: Desk, ask: Ask) -> Facts:
    """The caller's month, this one so far or the last."""

    def then(connection: Connection, party: Party) -> Facts:
        found = _month(desk, connection, party, ask.text("which"))
        rows = _largest(desk, party.language, found, SHOWN)
        return {
            "month": found.name,
            "came": found.came_minor,
            "went": found.went_minor,
            "top": [{"key": str(n), "label": line} for n, line in enumerate(rows, 1)],
        }

    return pins.with_pin(desk, "month", ask, then)


def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """MONTH or MWEZI: this month so far; with LAST or ULIOPITA the one before."""
    found = _month(desk, connection, heard.party, heard.meaning or "this")
    return Said(*_letter(desk, heard.party, found))


def _month(desk: Desk, connection: Connection, party: Party, which: str) -> Month:
    first = business_day(desk.clock.now()).replace(day=1)
    if which == LAST:
        first = month_later(first, -1)
    return _of(desk, connection, party, first)


def _of(desk: Desk, connection: Connection, party: Party, first: date) -> Month:
    lines = spending.since(connection, party, at_hour(first, 0))
    return spending.month(desk.catalogue, first, spending.before(lines, month_later(first, 1)))


def _letter(desk: Desk, party: Party, found: Month) -> tuple[str, dict[str, object]]:
    facts: dict[str, object] = {"month": found.name, "came": found.came_minor}
    if not found.went_for:
        return "month_in_only", facts
    lines = "\n".join(_largest(desk, party.language, found, TOLD))
    return "month_summary", facts | {"went": found.went_minor, "lines": lines}


def _largest(desk: Desk, language: str, found: Month, most: int) -> list[str]:
    names = spending.names(desk.catalogue)
    return [
        f"{names[category][language]} {format_minor(minor)}"
        for category, minor in found.went_for[:most]
    ]


def letters(desk: Desk) -> int:
    """On the first from eight o'clock: last month to whoever had one and did not say STOP.

    Customers are gone through in the order of their ids, a batch a turn; each is looked at once a
    month. Returns how many letters were queued.
    """
    now = nairobi(desk.clock.now())
    rules = desk.catalogue.rules["months"]
    if now.day > rules["letter_days"] or (now.day == 1 and now.hour < rules["letter_hour"]):
        return 0
    first = month_later(now.date().replace(day=1), -1)
    with desk.engine.begin() as connection:
        batch = connection.exec_driver_sql(_NEXT, (first, BATCH)).all()
        return sum(
            _write(desk, connection, Party(*row[:-1]), first, wanted=row[-1]) for row in batch
        )


def _write(desk: Desk, connection: Connection, party: Party, first: date, *, wanted: bool) -> bool:
    """Queue one customer's letter, if there is something to tell and they want it."""
    sent = False
    if wanted and party.status == "active":
        found = _of(desk, connection, party, first)
        sent = bool(found.came_minor or found.went_minor)
        if sent:
            template, facts = _letter(desk, party, found)
            parties.say(desk, connection, party.msisdn, party.language, template, **facts)
    connection.exec_driver_sql(
        "INSERT INTO month_letters (month, party_id, sent) VALUES (%s, %s, %s)",
        (first, party.id, sent),
    )
    return sent
