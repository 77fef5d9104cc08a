"""Savings pots: opened for a goal and a day, looked at, priced for taking out, closed when empty.

How money moves in and out is the catalogue's business and `transact`'s; here is only which of the
types it is today. A pot is an agreement of the kind `saving`, private to its owner.
"""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements, parties, pins, pricing
from ussd_app.domain.catalogue import ShareOf
from ussd_app.domain.days import YEAR_DAYS, must_be_within
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

KIND = "saving"
SAVE, UNSAVE, UNSAVE_EARLY = "save", "unsave", "unsave_early"
CHARGE = "charge"

_POTS = """
SELECT g.number, g.name, b.balance_minor AS held_minor, (g.terms->>'goal')::bigint AS goal_minor,
       (g.terms->>'until')::date AS until
FROM agreements g JOIN accounts b ON b.id = g.account_id
WHERE g.party_id = %s AND g.kind = 'saving' AND g.state = 'active'
ORDER BY g.id
"""

_EMPTIED = """
UPDATE agreements g SET state = 'closed'
FROM accounts b, parties p
WHERE g.kind = 'saving' AND g.state = 'active' AND b.id = g.account_id AND p.id = g.party_id
  AND b.balance_minor = 0 AND (b.version > 0 OR g.since < %s)
RETURNING g.name, p.msisdn, p.language
"""

_REFILLED = """
UPDATE agreements g SET state = 'active'
FROM accounts b
WHERE g.kind = 'saving' AND g.state = 'closed' AND b.id = g.account_id AND b.balance_minor > 0
"""


class Pot(NamedTuple):
    """A savings pot as its owner sees it; money in minor units. Taking out is free from `until`."""

    number: str
    name: str
    held_minor: int
    goal_minor: int
    until: date

    @property
    def percent(self) -> int:
        """How much of the goal is there, in whole percent, rounded down."""
        return self.held_minor * 100 // self.goal_minor


def pots_of(source: Engine, party: Party) -> list[Pot]:
    """The party's open pots, oldest first."""
    with source.connect() as connection:
        return [Pot(*row) for row in connection.exec_driver_sql(_POTS, (party.id,))]


def pots(desk: Desk, ask: Ask) -> Facts:
    """The caller's pots as rows with their progress."""
    party = parties.known(desk.reads, ask.msisdn)
    found = pots_of(desk.reads, party)
    return {
        "pots": [{"key": pot.number, "label": f"{pot.name} {pot.percent}%"} for pot in found],
    }


def look(desk: Desk, ask: Ask) -> Facts:
    """One pot of the caller's. Raises Refused(not_yours)."""
    pot = _pot(desk, ask)
    return {
        "goal": pot.name,
        "held": pot.held_minor,
        "target": pot.goal_minor,
        "until": pot.until.isoformat(),
    }


def _pot(desk: Desk, ask: Ask) -> Pot:
    party = parties.known(desk.reads, ask.msisdn)
    for pot in pots_of(desk.reads, party):
        if pot.number == ask.text("pot"):
            return pot
    raise Refused(RefusalCode.NOT_YOURS)


def check_terms(desk: Desk, ask: Ask) -> Facts:
    """Whether a pot of these terms could be opened, before the PIN is asked for."""
    party = parties.known(desk.reads, ask.msisdn)
    _check(desk, party, ask, len(pots_of(desk.reads, party)))
    return {"percent": early_percent(desk)}


def open_pot(desk: Desk, ask: Ask) -> Facts:
    """Open a pot; the PIN is the consent to its being locked. Nothing moves yet."""

    def then(connection: Connection, party: Party) -> Facts:
        (there,) = connection.exec_driver_sql(
            "SELECT count(*) FROM agreements"
            " WHERE party_id = %s AND kind = 'saving' AND state = 'active'",
            (party.id,),
        ).one()
        _check(desk, party, ask, there)
        name, goal, until = ask.text("goal"), int(ask.text("target")), ask.text("until")
        percent = early_percent(desk)
        terms = {"goal": goal, "until": until, "percent": percent}
        agreements.establish(desk, connection, KIND, party, name=name, terms=terms)
        parties.say(
            *(desk, connection, party.msisdn, party.language, "pot_opened"),
            name=name,
            goal=goal,
            until=until,
            percent=percent,
        )
        return {}

    return pins.with_pin(desk, "open_pot", ask, then)


def _check(desk: Desk, party: Party, ask: Ask, there: int) -> None:
    """Raises Refused(amount_too_large | date_out_of_range | too_many)."""
    rules = desk.catalogue.rules["savings"]
    most = desk.catalogue.tiers[party.tier].balance_minor
    if int(ask.text("target")) > most:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=most)
    today = business_day(desk.clock.now())
    last = today + timedelta(days=YEAR_DAYS * rules["years"])
    must_be_within(date.fromisoformat(ask.text("until")), today + timedelta(days=1), last)
    if there >= rules["pots"]:
        raise Refused(RefusalCode.TOO_MANY, most=rules["pots"])


def early_percent(desk: Desk) -> str:
    """What taking out early costs, in percent, as people write it: `1` or `0.5`."""
    rule = desk.catalogue.types[UNSAVE_EARLY].prices[CHARGE]
    assert isinstance(rule, ShareOf)
    return f"{(rule.share * 100).normalize():f}"


def price_saving(desk: Desk, ask: Ask) -> Facts:
    """Price putting into a pot of the caller's."""
    return _quote(desk, ask, SAVE)


def price_taking(desk: Desk, ask: Ask) -> Facts:
    """Price taking out of a pot of the caller's: free from its day on, early before it."""
    early = business_day(desk.clock.now()) < _pot(desk, ask).until
    name = UNSAVE_EARLY if early else UNSAVE
    facts = _quote(desk, ask, name)
    kind, day = desk.catalogue.types[name], business_day(desk.clock.now())
    parts = pricing.price(desk.catalogue, kind, int(ask.text("amount")), day)
    return facts | {"when": "early" if early else "free", "cost": parts.get(CHARGE, 0)}


def _quote(desk: Desk, ask: Ask, name: str) -> Facts:
    args = {"type": name, "number": ask.text("pot"), "amount": ask.args["amount"]}
    return {"quote_id": pricing.quote(desk, Ask(ask.msisdn, ask.key, args))["quote_id"]}


def tidy(desk: Desk) -> int:
    """Close pots that were emptied or long unused, and tell their owners. Returns how many.

    A pot that money reached in the very moment of its closing is opened again.
    """
    unused_days = desk.catalogue.rules["savings"]["unused_days"]
    with desk.engine.begin() as connection:
        old = desk.clock.now() - timedelta(days=unused_days)
        closed = connection.exec_driver_sql(_EMPTIED, (old,)).all()
        for name, msisdn, language in closed:
            parties.say(desk, connection, msisdn, language, "pot_closed", name=name)
        again = connection.exec_driver_sql(_REFILLED).rowcount
    return len(closed) + again
