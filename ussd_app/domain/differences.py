"""What staff do with differences between our book and Safaricom's: see them, post, leave.

Two of the staff post what is suggested; one alone may leave a difference as it is, for nothing
moves by that. What is posted was worked out when the difference was last seen.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import two_of_staff
from ussd_app.domain.arrivals import enter
from ussd_app.domain.desk import Desk
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.mpesa import arrival
from ussd_app.domain.reconciliation import AMOUNT, BALANCE, EVERY_S, UNHEARD
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
SELECT state, ours_minor, theirs_minor, pulled, coalesce(error, '') AS error, asked_at
FROM reconciliations ORDER BY asked_at DESC, id DESC LIMIT 1
"""

_DUE = """
UPDATE reconciliations SET asked_at = least(asked_at, %(earlier)s) WHERE asked_at > %(earlier)s
"""


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
        if self.kind == BALANCE:
            return int(self.facts["amount"])
        if self.kind == AMOUNT:
            return abs((self.theirs_minor or 0) - (self.ours_minor or 0))
        return self.theirs_minor or 0


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
            raise Undecided("No entry would mend that; find out, then leave it.")
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
    digest = fingerprint("difference", one.id)
    said = {"reference": one.reference, "staff": by}
    try:
        return enter(
            *(desk, str(one.suggestion), one.amount_minor, f"difference:{one.id}", digest),
            said=said,
        )
    except Refused as refused:
        raise Undecided(f"It cannot be entered: {refused.code.value}.") from None


def ask_again(desk: Desk) -> None:
    """Let the next comparison be due at once."""
    with desk.engine.begin() as connection:
        earlier = desk.clock.now() - timedelta(seconds=EVERY_S)
        connection.exec_driver_sql(_DUE, {"earlier": earlier})


def report(desk: Desk) -> list[str]:
    """How the books stand to each other, as lines that people read."""
    with desk.reads.connect() as connection:
        last = connection.exec_driver_sql(_LAST).fetchone()
    return [*_standing(last), *(line for one in waiting(desk) for line in _lines(one))]


def _standing(last: Any) -> Iterator[str]:
    if last is None:
        yield "Safaricom was not asked yet."
        return
    at = f"{nairobi(last.asked_at):%Y-%m-%d %H:%M}"
    if last.theirs_minor is None:
        yield f"{at} Safaricom has not said what it holds. {last.error}".rstrip()
    else:
        ours, theirs = format_minor(last.ours_minor), format_minor(last.theirs_minor)
        but = " but for what is on its way, or below" if ours != theirs else ""
        state = f"balanced{but}" if last.state == "balanced" else "they differ"
        yield f"{at} Safaricom holds KES {theirs}, the book says KES {ours}: {state}."
    listed = "no list" if last.pulled is None else f"{last.pulled} payments"
    yield f"Listed of the last two days: {listed}."


def _lines(one: Open) -> Iterator[str]:
    ours = "-" if one.ours_minor is None else format_minor(one.ours_minor)
    theirs = "-" if one.theirs_minor is None else format_minor(one.theirs_minor)
    yield f"{one.id}. {one.kind} {one.reference}: ours {ours}, Safaricom's {theirs}"
    if one.suggestion is None:
        yield "   no entry is suggested"
    else:
        yes = f", agreed by {', '.join(one.approvals)}" if one.approvals else ""
        yield f"   suggested: {one.suggestion} of KES {format_minor(one.amount_minor)}{yes}"
