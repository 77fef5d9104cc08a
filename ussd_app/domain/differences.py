"""What staff do with differences between our book and Safaricom's: see them, post, leave.

Two of the staff post what is suggested; one alone may leave a difference as it is, for nothing
moves by that. What is posted was worked out when the difference was last seen. Money that lies at
Safaricom unexplained waits in suspense like money that nobody could place, and is given out in the
same way (`mpesa.matching`); what turns out to have been counted twice leaves it again.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import two_of_staff
from ussd_app.domain.arrivals import enter
from ussd_app.domain.desk import Desk
from ussd_app.domain.holdings import FOUND, UNDERSTOOD
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.reconciliation import AMOUNT, BALANCE, MORE_THERE, REVERSED, UNHEARD
from ussd_app.domain.two_of_staff import SaidAlready, Undecided, person
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import Refused
from ussd_app.kernel.money import format_minor

MOST = 500

_COLUMNS = "id, kind, reference, ours_minor, theirs_minor, facts, suggestion, approvals, found_at"
_OPEN = f"""
SELECT {_COLUMNS} FROM differences WHERE state = 'open' ORDER BY id LIMIT %s
"""  # noqa: S608 - our own columns
_ONE = f"""
SELECT {_COLUMNS} FROM differences WHERE id = %s AND state = 'open' FOR UPDATE
"""  # noqa: S608 - our own columns
_END = "UPDATE differences SET state = %s, receipt = %s, ended_at = %s WHERE id = %s"
_LAST = """
SELECT state, ours_minor, theirs_minor, coalesce(error, '') AS error, begun_at, listed_from,
       listed_until, listed, untold
FROM reconciliations ORDER BY id DESC LIMIT 1
"""
_DUE = "UPDATE reconciliations SET next_at = %(now)s WHERE next_at > %(now)s"

_ASIDE = """
INSERT INTO unplaced (reference, source, receipt, amount_minor, facts, because, came_at)
VALUES (%(receipt)s, %(source)s, %(receipt)s, %(minor)s, %(facts)s, %(because)s, %(now)s)
ON CONFLICT (reference) DO NOTHING
"""
_WAITS = """
SELECT amount_minor FROM unplaced
WHERE reference = %s AND source = %s AND state = 'waiting' FOR UPDATE
"""
_LESS = "UPDATE unplaced SET amount_minor = amount_minor - %s WHERE reference = %s"
_NONE_LEFT = "UPDATE unplaced SET state = 'released', ended_at = %s WHERE reference = %s"
LIES_THERE = "more lies at Safaricom than was told"


class Open(NamedTuple):
    """A difference that nobody has decided yet."""

    id: int
    kind: str
    reference: str
    ours_minor: int | None
    theirs_minor: int | None
    facts: Mapping[str, Any]
    suggestion: str | None
    approvals: list[str]
    found_at: datetime

    @property
    def amount_minor(self) -> int:
        """What the suggested entry moves."""
        return int(self.facts.get("amount", self.theirs_minor or 0))


def waiting(desk: Desk) -> list[Open]:
    """What staff have to decide, oldest first."""
    with desk.reads.connect() as connection:
        return [Open(*row) for row in connection.exec_driver_sql(_OPEN, (MOST,))]


def approve(desk: Desk, number: int, by: str) -> str | None:
    """One of the staff agrees to what is suggested; it is posted when a second does.

    Returns the receipt number; None while somebody else must agree. Raises Undecided.
    """
    with desk.engine.begin() as connection:
        one = _one(connection, number)
        if one.suggestion is None:
            raise Undecided("No entry is suggested; find out, then leave it.")
        if person(by) in one.approvals:
            raise SaidAlready(by)
        saying = two_of_staff.sign(connection, "differences", number, one.approvals, by)
        if not saying.is_enough:
            return None
        receipt = _post(desk, connection, one, str(saying))
        connection.exec_driver_sql(_END, ("posted", receipt, desk.clock.now(), number))
        return receipt


def leave(desk: Desk, number: int, by: str) -> None:
    """One of the staff has found out, and nothing is to be entered. Raises Undecided."""
    with desk.engine.begin() as connection:
        one = _one(connection, number)
        two_of_staff.sign(connection, "differences", number, one.approvals, by)
        connection.exec_driver_sql(_END, ("left", None, desk.clock.now(), number))


def _one(connection: Connection, number: int) -> Open:
    row = connection.exec_driver_sql(_ONE, (number,)).fetchone()
    if row is None:
        raise Undecided(f"There is no open difference {number}.")
    return Open(*row)


def _post(desk: Desk, connection: Connection, one: Open, by: str) -> str:
    """Write the suggested entry, once a difference."""
    if one.kind == UNHEARD:
        at = datetime.fromisoformat(str(one.facts["at"]))
        paid = arrival.Payment(
            mpesa=one.reference,
            amount_minor=one.amount_minor,
            account=str(one.facts["account"]),
            payer=str(one.facts["payer"]),
            name="",
            paid_at=at,
            facts={"staff": by},
        )
        return arrival.only(arrival.place(desk, connection, [paid])).receipt
    if one.suggestion == UNDERSTOOD:
        _take_from(desk, connection, one)
    digest = fingerprint("difference", one.id)
    said = {"reference": one.reference, "staff": by}
    try:
        receipt = enter(
            *(desk, str(one.suggestion), one.amount_minor, f"difference:{one.id}", digest),
            said=said,
        )
    except Refused as refused:
        raise Undecided(f"It cannot be entered: {refused.code.value}.") from None
    if one.suggestion == MORE_THERE:
        _keep_aside(desk, connection, one, receipt)
    return receipt


def _keep_aside(desk: Desk, connection: Connection, one: Open, receipt: str) -> None:
    """Let staff say whose it is. What was listed of one payment is known by that payment."""
    listed = one.kind == AMOUNT
    facts = {"mpesa": one.reference if listed else receipt, "sender": arrival.NOBODY}
    facts |= {"account": str(one.facts["account"]) if listed else ""}
    told = {"receipt": receipt, "source": FOUND, "minor": one.amount_minor}
    told |= {"facts": json.dumps(facts), "because": LIES_THERE, "now": desk.clock.now()}
    connection.exec_driver_sql(_ASIDE, told)


def _take_from(desk: Desk, connection: Connection, one: Open) -> None:
    """What was kept aside is that much less. Raises Undecided when it was given out meanwhile."""
    reference = str(one.facts["aside"])
    left = connection.exec_driver_sql(_WAITS, (reference, FOUND)).scalar_one_or_none()
    if left is None or left < one.amount_minor:
        raise Undecided(f"{reference} was given out meanwhile; wait for the next comparison.")
    if left == one.amount_minor:
        connection.exec_driver_sql(_NONE_LEFT, (desk.clock.now(), reference))
    else:
        connection.exec_driver_sql(_LESS, (one.amount_minor, reference))


def ask_again(desk: Desk) -> None:
    """Let the next comparison be due at once."""
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_DUE, {"now": desk.clock.now()})


def report(desk: Desk) -> list[str]:
    """How the books stand to each other, as lines that people read."""
    with desk.reads.connect() as connection:
        last = connection.exec_driver_sql(_LAST).fetchone()
    return [*_standing(last), *(line for one in waiting(desk) for line in _lines(one))]


def _standing(last: Any) -> Iterator[str]:
    if last is None:
        yield "Safaricom was not asked yet."
        return
    at = _minute(last.begun_at)
    if last.theirs_minor is None:
        yield f"{at} Safaricom has not said what it holds. {last.error}".rstrip()
    else:
        ours, theirs = format_minor(last.ours_minor), format_minor(last.theirs_minor)
        but = " but for what is on its way, or below" if ours != theirs else ""
        state = f"balanced{but}" if last.state == "balanced" else "they differ"
        yield f"{at} Safaricom holds KES {theirs}, the book says KES {ours}: {state}."
    until = (
        "" if last.listed_until >= last.begun_at else f" only until {_minute(last.listed_until)}"
    )
    yield f"Listed since {_minute(last.listed_from)}{until}: {_payments(last.listed)}."
    if last.untold:
        yield f"Entered by the list, for nobody had told us: {_payments(last.untold)}."


def _minute(at: datetime) -> str:
    return f"{nairobi(at):%Y-%m-%d %H:%M}"


def _payments(count: int) -> str:
    return f"{count} payment{'' if count == 1 else 's'}"


def _lines(one: Open) -> Iterator[str]:
    ours = "-" if one.ours_minor is None else format_minor(one.ours_minor)
    theirs = "-" if one.theirs_minor is None else format_minor(one.theirs_minor)
    yield f"{one.id}. {one.kind} {one.reference}: ours {ours}, Safaricom's {theirs}"
    if one.suggestion is None and one.kind == BALANCE:
        yield "   an entry is suggested when the next comparison says the same"
    elif one.kind == REVERSED:
        yield f"   find out of which payment; two say: outside reversed RECEIPT {one.reference}"
    elif one.suggestion is None:
        yield "   no entry is suggested"
    else:
        yes = f", agreed by {', '.join(one.approvals)}" if one.approvals else ""
        yield f"   suggested: {one.suggestion} of KES {format_minor(one.amount_minor)}{yes}"
