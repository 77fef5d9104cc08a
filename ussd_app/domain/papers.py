"""Statements on paper: asked for, kept encrypted until they are fetched once, forgotten after.

The file is encrypted under a code of its own, sent by an SMS of its own: a link that is forwarded,
remembered by a shared browser or seen over a shoulder opens nothing. The national ID would be no
secret (it stands in every agent's book and every guard's), and a PIN has no place in a document.
Knows neither PDF nor the web.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import mail, parties, pins, spending
from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.days import at_hour, month_later
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.spending import Line
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import Broken, RefusalCode, Refused

LONGEST_TOKEN = 64
WAIT_HOURS = 24
"""Who asked is answered within this time, or not at all."""
_MONTHS = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
_SAID = {
    RefusalCode.TOO_MANY: "statement_too_long",
    RefusalCode.TOO_MANY_REQUESTS: "statement_too_often",
}

_WAITING = """
SELECT min(id) FROM statements WHERE state = 'asked' AND expires_at > %s AND id > %s
"""

_ASKED = """
SELECT party_id, language, first_day, last_day FROM statements WHERE id = %s AND state = 'asked'
"""

_KEPT = """
UPDATE statements SET state = 'ready', token_digest = %s, paper = %s, expires_at = %s
WHERE id = %s AND state = 'asked'
"""

_TAKE = """
WITH found AS (
    SELECT id, paper FROM statements
    WHERE token_digest = %s AND state = 'ready' AND expires_at > %s FOR UPDATE)
UPDATE statements s SET state = 'taken', paper = NULL, taken_at = %s
FROM found f WHERE s.id = f.id RETURNING f.paper
"""


class Account(NamedTuple):
    """What a statement tells: whose, which days, its lines, and what there was before and after
    (minor units)."""

    party: Party
    language: str
    first: date
    last: date
    opening_minor: int
    closing_minor: int
    lines: list[Line]


Press = Callable[[Account, str], bytes]
"""Prints an account as a document that opens with a code."""


def terms(desk: Desk, ask: Ask) -> Facts:
    """The days that a statement of so many months has. Raises Refused(too_many)."""
    parties.known(desk.reads, ask.msisdn)
    first, last = _days(desk, int(ask.text("months")))
    return {"first": first.isoformat(), "last": last.isoformat()}


def _days(desk: Desk, months: int) -> tuple[date, date]:
    most = desk.catalogue.rules["statements"]["months"]
    if months > most:
        raise Refused(RefusalCode.TOO_MANY, most=most)
    last = business_day(desk.clock.now())
    return month_later(last, -months) + timedelta(days=1), last


def ask_for(desk: Desk, ask: Ask) -> Facts:
    """Order a statement; it comes by SMS. Raises Refused(too_many | too_many_requests)."""

    def then(connection: Connection, party: Party) -> Facts:
        _order(desk, connection, party, int(ask.text("months")))
        return {}

    return pins.with_pin(desk, "ask_statement", ask, then)


def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """STATEMENT or TAARIFA: the same by SMS, of the last month, or of as many as it says."""
    typed = heard.rest.split()[:1]
    months = int(typed[0]) if typed and _MONTHS.fullmatch(typed[0]) else 1
    try:
        first, last = _order(desk, connection, heard.party, months)
    except Refused as refused:
        return Said(_SAID[refused.code], refused.facts)
    return Said("statement_soon", {"first": first.isoformat(), "last": last.isoformat()})


def _order(desk: Desk, connection: Connection, party: Party, months: int) -> tuple[date, date]:
    """Write down that a statement is wanted, for a party whose row is locked. Returns its days."""
    first, last = _days(desk, months)
    now = desk.clock.now()
    asked = connection.exec_driver_sql(
        "SELECT count(*) FROM statements WHERE party_id = %s AND asked_at >= %s",
        (party.id, at_hour(last, 0)),
    ).scalar_one()
    if asked >= desk.catalogue.rules["statements"]["a_day"]:
        raise Refused(RefusalCode.TOO_MANY_REQUESTS)
    connection.exec_driver_sql(
        "INSERT INTO statements (party_id, language, first_day, last_day, asked_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (party.id, party.language, first, last, now, now + timedelta(hours=WAIT_HOURS)),
    )
    return first, last


def next_waiting(desk: Desk, after: int) -> int | None:
    """The id of the next statement that waits, after another; None when nobody waits."""
    with desk.reads.connect() as connection:
        found: int | None = connection.exec_driver_sql(
            _WAITING, (desk.clock.now(), after)
        ).scalar_one()
    return found


def make(desk: Desk, site: str, press: Press, statement_id: int) -> bool:
    """Make a statement that waits, and send its link (by e-mail too, when known) and its code.

    False when another worker has made it. It is printed before anything is locked: two who print
    the same one at once have printed once too often, and one of them sends it. Whatever it raises
    leaves the statement waiting.
    """
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(_ASKED, (statement_id,)).fetchone()
        if row is None:
            return False
        party = parties.by_id(desk.reads, row.party_id)
        account = account_of(connection, party, row.language, row.first_day, row.last_day)
    token, code = desk.ids.token(), desk.ids.paper_code()
    paper = press(account, code)
    with desk.engine.begin() as connection:
        until = desk.clock.now() + timedelta(hours=desk.catalogue.rules["statements"]["link_hours"])
        kept = (_digest(token), paper, until, statement_id)
        if connection.exec_driver_sql(_KEPT, kept).rowcount:
            _send(desk, connection, account, site, token, code, until)
            return True
    return False


def _send(
    desk: Desk,
    connection: Connection,
    account: Account,
    site: str,
    token: str,
    code: str,
    until: datetime,
) -> None:
    """Queue the link, and the code in a message of its own."""
    party, language = account.party, account.language
    days = {"first": account.first.isoformat(), "last": account.last.isoformat()}
    link = {"site": site, "code": token, "until": until.isoformat()}
    mail.write(desk, connection, party, language, "statement_mail", **days, **link)
    parties.say(desk, connection, party.msisdn, language, "statement_link", **days, **link)
    parties.say(desk, connection, party.msisdn, language, "statement_code", **days, code=code)


def account_of(
    connection: Connection, party: Party, language: str, first: date, last: date
) -> Account:
    """What moved a wallet on certain days. Raises Broken when it does not add up.

    The lines are those from the first of these days to the last of them as the book has them in
    order, so that the balance after each is the ledger's own.
    """
    later = spending.since(connection, party, at_hour(first, 0))
    until = at_hour(last, 24)
    end = next((n for n, line in enumerate(later) if line.happened_at >= until), len(later))
    mine = later[:end]
    if later:
        opening = later[0].balance_minor - later[0].minor
    else:
        newest = spending.newest(connection, party)
        opening = newest.balance_minor if newest else 0
    closing = mine[-1].balance_minor if mine else opening
    if opening + sum(line.minor for line in mine) != closing:
        raise Broken("a statement adds up")
    return Account(party, language, first, last, opening, closing, mine)


def take(desk: Desk, token: str) -> bytes | None:
    """The document behind a link, once; None when there is none, or no longer."""
    if len(token) > LONGEST_TOKEN:
        return None
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        row = connection.exec_driver_sql(_TAKE, (_digest(token), now, now)).fetchone()
    return bytes(row.paper) if row else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
