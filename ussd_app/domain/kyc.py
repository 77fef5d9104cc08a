"""How well we know somebody: what their tier allows them, asking for a higher one, and the two of
the staff who must agree. Documents are looked at elsewhere; here is who said yes.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import limits, parties, pins
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.domain.staff import must_be_another
from ussd_app.domain.two_of_staff import Decided, sign, signer
from ussd_app.kernel.errors import RefusalCode, Refused


def my_limits(desk: Desk, ask: Ask) -> Facts:
    """The caller's tier, what is left of it today and this month, and whether it can be raised."""
    party = parties.known(desk.reads, ask.msisdn)
    today, month = limits.left(desk, party)
    return {
        "tier": party.tier,
        "today": min(today.spendable_minor, month.spendable_minor),
        "month": month.spendable_minor,
        "most": desk.catalogue.tiers[party.tier].balance_minor,
        "raising": _raising(desk, party),
    }


def _raising(desk: Desk, party: Party) -> str:
    """`no`: there is no higher tier; `asked`: staff look at it already; else `yes`."""
    if _next(desk, party) is None:
        return "no"
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM tier_requests WHERE party_id = %s AND state = 'open'", (party.id,)
        )
        return "asked" if found.fetchone() else "yes"


def _next(desk: Desk, party: Party) -> int | None:
    return min((tier for tier in desk.catalogue.tiers if tier > party.tier), default=None)


def request_tier(desk: Desk, ask: Ask) -> Facts:
    """Ask for the next tier, with the PIN proved and the national ID typed once more.

    A wrong ID costs the proof: nobody can try numbers without the PIN.
    """

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        pins.spend_proof(desk, connection, ask.msisdn, ask.text("proof"))
        tier = _next(desk, party)
        if tier is None:
            raise Refused(RefusalCode.NOT_YOURS)
        if not pins.knows_id(desk, connection, party, ask.text("national_id")):
            return Refused(RefusalCode.ID_MISMATCH)
        new = connection.exec_driver_sql(
            "INSERT INTO tier_requests (party_id, tier, asked_at) VALUES (%s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            (party.id, tier, desk.clock.now()),
        )
        if not new.rowcount:
            raise Refused(RefusalCode.ALREADY_ASKED)
        return {}

    return once(desk, "request_tier", ask, effect)


# the staff


class TierRequest(NamedTuple):
    """A customer who wants a higher tier, and who of the staff has said yes."""

    id: int
    party_id: int
    name: str
    msisdn: str
    tier: int
    approvals: list[str]
    asked_at: datetime


_OPEN = """
SELECT r.id, r.party_id, p.name, p.msisdn, r.tier, r.approvals, r.asked_at
FROM tier_requests r JOIN parties p ON p.id = r.party_id
WHERE r.state = 'open'
"""


def waiting(desk: Desk) -> list[TierRequest]:
    """Requests that staff must decide, oldest first."""
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(f"{_OPEN} ORDER BY r.id")
        return [TierRequest(*row) for row in rows]


def approve(desk: Desk, request_id: int, by: str) -> bool:
    """One of the staff has seen the documents; with a second the tier is raised.

    False while somebody else must say so. Raises Undecided.
    """
    with desk.engine.begin() as connection:
        return say_yes(desk, connection, request_id, by)


def say_yes(desk: Desk, connection: Connection, request_id: int, by: str) -> bool:
    """The same, in a transaction of somebody else's."""
    wanted = _open(connection, request_id, by)
    saying = sign(connection, "tier_requests", request_id, wanted.approvals, by)
    if not saying.is_enough:
        return False
    party = parties.known(connection, wanted.msisdn)
    connection.exec_driver_sql(
        "UPDATE parties SET tier = greatest(tier, %s) WHERE id = %s", (wanted.tier, party.id)
    )
    _end(desk, connection, request_id, "approved", str(saying))
    month = desk.catalogue.tiers[wanted.tier].monthly_value_minor
    parties.say(desk, connection, party.msisdn, party.language, "limits_raised", month=month)
    return True


def refuse(desk: Desk, request_id: int, by: str) -> None:
    """One of the staff says no; the customer may ask again. Raises Undecided."""
    with desk.engine.begin() as connection:
        say_no(desk, connection, request_id, by)


def say_no(desk: Desk, connection: Connection, request_id: int, by: str) -> None:
    """The same, in a transaction of somebody else's."""
    wanted = _open(connection, request_id, by)
    _end(desk, connection, request_id, "refused", signer(connection, by))
    party = parties.find(connection, wanted.msisdn)
    if party is not None:
        parties.say(desk, connection, party.msisdn, party.language, "limits_stay")


def _open(connection: Connection, request_id: int, by: str) -> TierRequest:
    """The request, locked, for somebody of the staff whose own it is not."""
    row = connection.exec_driver_sql(
        f"{_OPEN} AND r.id = %s FOR UPDATE OF r", (request_id,)
    ).fetchone()
    if row is None:
        raise Decided(f"no request {request_id} waits")
    must_be_another(connection, by, row.party_id)
    return TierRequest(*row)


def _end(desk: Desk, connection: Connection, request_id: int, state: str, by: str) -> None:
    connection.exec_driver_sql(
        "UPDATE tier_requests SET state = %s, ended_at = %s, ended_by = %s WHERE id = %s",
        (state, desk.clock.now(), by, request_id),
    )
