"""What agents have earned: how much today, how much is unpaid, and paying it out every night.

Commission is accrued by the entry that earns it, in the house's book. The payout moves e-value of
the house's own float into the agent's, against what is owed: it needs money that the house has
earned, and where that is short the agent waits and staff hear of it.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app import logs
from ussd_app.domain import agencies, agreements, arrivals, parties, pins, roles
from ussd_app.domain.agencies import AGENCY
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import AMOUNT
from ussd_app.domain.commands import Heard, NotYet, Said
from ussd_app.domain.days import at_hour
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.house import FLOAT
from ussd_app.domain.operators import OWNER
from ussd_app.domain.parties import Party
from ussd_app.kernel.clock import business_day
from ussd_app.ledger.refusals import BelowFloor, KeyConflict

PAYOUT = "commission_payout"
CHUNK = 500
SKEW_S = 300
"""Entries of one account are in the order of their moments but for so many seconds."""

_EARNERS = """
SELECT a.id FROM accounts c JOIN agreements a ON c.owner = a.kind || '-' || a.id
JOIN parties p ON p.id = a.party_id
WHERE c.kind = 'commission' AND c.balance_minor > 0
  AND a.kind = 'agency' AND a.state = 'active' AND p.status = 'active'
ORDER BY a.id
"""
_EARNED = """
SELECT l.to_version, l.amount_minor, e.happened_at
FROM legs l JOIN entries e ON e.id = l.entry_id
WHERE l.to_id = %s AND l.to_shard = 0 AND l.to_version < %s
ORDER BY l.to_version DESC LIMIT %s
"""
_LAST = """
SELECT l.amount_minor, e.happened_at FROM legs l JOIN entries e ON e.id = l.entry_id
WHERE l.from_id = %s AND l.from_shard = 0 AND e.type = %s
ORDER BY l.from_version DESC LIMIT 1
"""
_LAST_VERSION = 2**62

log = logs.get(__name__)


class Statement(NamedTuple):
    """Commission in minor units: earned today, unpaid from before today, the last payout."""

    today: int
    unpaid: int
    last: int
    last_at: datetime | None


def statement(desk: Desk, agency: Agreement) -> Statement:
    """How an agent's commission stands at this moment."""
    account = agreements.account(desk, agency, "commission")
    balance = desk.book.balances([account])[account].total
    with desk.reads.connect() as connection:
        today = _since(connection, account, at_hour(business_day(desk.clock.now()), 0))
        last = connection.exec_driver_sql(_LAST, (account, PAYOUT)).fetchone()
    unpaid = max(0, balance - today)
    return Statement(today, unpaid, *(last or (0, None)))


def ask_statement(desk: Desk, ask: Ask) -> Facts:
    """The commission of an outlet of the caller's, for whoever knows the PIN.

    Raises Refused(not_yours | owner_only).
    """

    def then(connection: Connection, party: Party) -> Facts:
        found = statement(desk, agencies.acting(desk, party, ask.text("outlet"), OWNER))
        on = business_day(found.last_at or desk.clock.now())
        return {
            "today": found.today,
            "unpaid": found.unpaid,
            "last": found.last,
            "last_on": on.isoformat(),
            "paid": "yes" if found.last_at else "no",
        }

    return pins.with_pin(desk, "commission_statement", ask, then)


def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """The same by SMS; whoever has several outlets names one by its number."""
    acting = agreements.acting(connection, heard.party.id, (AGENCY,), agencies.MOST_OUTLETS)
    owned = [agency for agency in acting if agency.party_id == heard.party.id]
    if not owned:
        return Said("agents_only", {})
    named = [agency for agency in owned if len(owned) == 1 or agency.number == heard.rest.strip()]
    if not named:
        return Said("commission_which", {"number": owned[0].number})
    agency = named[0]
    found = statement(desk, agency)
    facts = {"number": agency.number, "today": found.today, "unpaid": found.unpaid}
    if found.last_at is None:
        return Said("commission_unpaid", facts)
    return Said("commission_stands", {**facts, "last": found.last, "at": found.last_at.isoformat()})


def pay_out(desk: Desk) -> int:
    """Pay every agent what they had earned until midnight, once an agency and day.

    Safe to repeat and to run twice at once. Returns how many were paid. An agent who cannot be paid
    leaves the others to their turn, and the first failure is raised at the end. Raises NotYet when
    the house's float was too short for some: they wait for the next turn.
    """
    day = business_day(desk.clock.now())
    paid = short = short_minor = 0
    failure: Exception | None = None
    for agency_id in list(_earners(desk.reads)):
        try:
            amount, done = _pay_one(desk, agency_id, day)
        except Exception as wrong:
            log.exception("an agent's commission could not be paid", agency=agency_id)
            failure = failure or wrong
            continue
        paid += done
        short += not done and amount > 0
        short_minor += 0 if done else amount
    if short:
        log.error("the house's float is too short for commission", agents=short, minor=short_minor)
    if failure is not None:
        raise failure
    if short:
        raise NotYet
    return paid


def _pay_one(desk: Desk, agency_id: int, day: date) -> tuple[int, bool]:
    """What an agent had earned until midnight, in minor units, and whether it is paid."""
    agency = agreements.by_id(desk.reads, agency_id)
    assert agency is not None
    amount = statement(desk, agency).unpaid
    return amount, amount > 0 and _pay(desk, agency, amount, f"commission:{agency.id}:{day}")


def _pay(desk: Desk, agency: Agreement, amount_minor: int, key: str) -> bool:
    """Pay one agent. False when the house has too little, which is looked at first so that waiting
    costs no try; the ledger has the last word."""
    house = desk.house[FLOAT]
    if desk.book.balances([house])[house].available < amount_minor:
        return False
    party = parties.by_id(desk.reads, agency.party_id)
    account = desk.catalogue.agreements[agency.kind].account
    try:
        payee = roles.of(desk, account, agency, party)
        arrivals.write(desk, PAYOUT, {AMOUNT: amount_minor}, key, payee=payee)
    except BelowFloor:
        return False
    except KeyConflict:
        log.info("commission was paid by another round meanwhile", agency=agency.number)
    return True


def _earners(source: Engine) -> Iterator[int]:
    with source.connect() as connection:
        yield from connection.exec_driver_sql(_EARNERS).scalars()


def _since(connection: Connection, account: int, moment: datetime) -> int:
    """What was credited to an account since a moment of the world, newest first until it is
    reached: what a night needs to know of it, however long its history."""
    earlier = moment - timedelta(seconds=SKEW_S)
    version, total = _LAST_VERSION, 0
    while True:
        rows = connection.exec_driver_sql(_EARNED, (account, version, CHUNK)).all()
        total += sum(int(row.amount_minor) for row in rows if row.happened_at >= moment)
        if len(rows) < CHUNK or rows[-1].happened_at < earlier:
            return total
        version = rows[-1].to_version
