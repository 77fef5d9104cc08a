"""From "I want to be an agent" to an agreement: applied for by the customer, decided by staff.

The same for every kind of agreement. What lets money flow needs two of the staff (approve,
resume); what stops it needs one and a reason (refuse, suspend). Nobody decides about their own. On
what terms is proposed by the first who approves, beside what the applicant asked for; what is
agreed later is `amendments`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from ussd_app.domain import agreements, parties, pins
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.staff import must_be_another
from ussd_app.domain.terms import must_fit
from ussd_app.domain.two_of_staff import Decided, SaidAlready, Saying, Undecided, person, say
from ussd_app.kernel.errors import RefusalCode, Refused

APPROVE, REFUSE, SUSPEND, RESUME = "approve", "refuse", "suspend", "resume"
UNDER = "under"
"""The term that is kept as the agreement above: the number of a super agent."""
NO_TERMS = frozenset({"kind", "name", "pin", UNDER})
APPROVED = "application_approved"

_OPEN = """
SELECT a.id, a.kind, a.name, a.terms, a.applied_at, p.name AS applicant, p.msisdn,
       above.number AS under, array_remove(array_agg(d.staff ORDER BY d.id), NULL) AS approved_by
FROM applications a JOIN parties p ON p.id = a.party_id
LEFT JOIN agreements above ON above.id = a.parent_id
LEFT JOIN decisions d ON d.application_id = a.id AND d.what = 'approve'
WHERE a.state = 'applied'
GROUP BY a.id, p.id, above.id ORDER BY a.id
"""
_ROW = """
SELECT id, kind, party_id, name, terms, parent_id, state FROM applications WHERE id = %s FOR UPDATE
"""


class OpenApplication(NamedTuple):
    """An application that waits, as staff see it."""

    id: int
    kind: str
    name: str
    terms: Mapping[str, Any]
    applied_at: datetime
    applicant: str
    msisdn: str
    under: str | None
    approved_by: Sequence[str]


def apply(desk: Desk, ask: Ask) -> Facts:
    """Ask for an agreement of a `kind` under a `name`, with the PIN as signature.

    Every other argument becomes one of its terms. Raises Refused(already_applied |
    unknown_number), the latter when nobody active stands there `under` whom it is to be.
    """
    kind = desk.catalogue.agreements[ask.text("kind")].kind
    terms = {name: value for name, value in ask.args.items() if name not in NO_TERMS}

    def then(connection: Connection, party: Party) -> Facts:
        try:
            parent_id = above(connection, kind, str(ask.args.get(UNDER, "")))
        except Undecided:
            raise Refused(RefusalCode.UNKNOWN_NUMBER) from None
        given = (kind, party.id, ask.text("name"), json.dumps(terms), parent_id, desk.clock.now())
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(
                    "INSERT INTO applications (kind, party_id, name, terms, parent_id, applied_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    given,
                )
        except IntegrityError:
            raise Refused(RefusalCode.ALREADY_APPLIED) from None
        name = ask.text("name")
        parties.say(desk, connection, party.msisdn, party.language, "application_taken", name=name)
        return {}

    return pins.with_pin(desk, "apply", ask, then)


def above(connection: Connection, kind: str, number: str) -> int | None:
    """The id of the active agreement of a number, under which another may stand; None of no number.

    Raises Undecided.
    """
    found = agreements.by_number(connection, kind, number) if number else None
    if number and (found is None or found.state != "active"):
        raise Undecided(f"There is no active {kind} {number}.")
    return found.id if found else None


def waiting(source: Engine) -> list[OpenApplication]:
    """Every application that nobody has decided yet, oldest first."""
    with source.connect() as connection:
        return [OpenApplication(*row) for row in connection.exec_driver_sql(_OPEN)]


def approve(
    desk: Desk,
    application_id: int,
    staff: str,
    *,
    terms: Mapping[str, str] | None = None,
    connection: Connection | None = None,
) -> Agreement | None:
    """Say yes to an application; the last yes that is needed makes the agreement.

    In the connection's transaction, or in its own.

    The first to say yes may propose on what further terms, also `under` which agreement, by its
    number. Returns None while another must still say yes. Raises Undecided.
    """
    with _within(desk, connection) as connection:
        row = _open(connection, application_id)
        whose = row.party_id
        saying = _decide(desk, connection, APPROVE, staff, whose, application_id=application_id)
        if len(saying.by) == 1:
            _propose(desk, connection, row, terms or {})
        elif terms:
            raise Undecided("Only the first to approve says on what terms.")
        if not saying.is_enough:
            return None
        return _make(desk, connection, row)


def refuse(
    desk: Desk,
    application_id: int,
    staff: str,
    because: str,
    connection: Connection | None = None,
) -> None:
    """Say no to an application; the applicant is told so, and may apply again. Raises Undecided."""
    with _within(desk, connection) as connection:
        row = _open(connection, application_id)
        whose = row.party_id
        _decide(desk, connection, REFUSE, staff, whose, because, application_id=application_id)
        _end(desk, connection, application_id, "refused", None)
        _tell(desk, connection, row.party_id, "application_refused", {"name": row.name})


def suspend(desk: Desk, kind: str, number: str, staff: str, because: str) -> Agreement:
    """Stop an agreement at once: nothing comes into it or goes out of it. Raises Undecided."""
    with desk.engine.begin() as connection:
        found = _agreement(connection, kind, number, "active")
        whose = found.party_id
        _decide(desk, connection, SUSPEND, staff, whose, because, agreement_id=found.id)
        return _become(connection, found, "suspended")


def resume(desk: Desk, kind: str, number: str, staff: str) -> Agreement | None:
    """Let a suspended agreement act again, once enough of the staff have said so.

    Returns None while another must still say so. Raises Undecided.
    """
    with desk.engine.begin() as connection:
        found = _agreement(connection, kind, number, "suspended")
        saying = _decide(desk, connection, RESUME, staff, found.party_id, agreement_id=found.id)
        if not saying.is_enough:
            return None
        return _become(connection, found, "active")


@contextmanager
def _within(desk: Desk, connection: Connection | None) -> Iterator[Connection]:
    """The caller's transaction, or one of our own."""
    if connection is not None:
        yield connection
    else:
        with desk.engine.begin() as own:
            yield own


def _open(connection: Connection, application_id: int) -> Any:
    """The application, locked. Raises Undecided."""
    row = connection.exec_driver_sql(_ROW, (application_id,)).fetchone()
    if row is None:
        raise Undecided(f"There is no application {application_id}.")
    if row.state != "applied":
        raise Decided(f"Application {application_id} is {row.state} already.")
    return row


def _propose(desk: Desk, connection: Connection, row: Any, terms: Mapping[str, str]) -> None:
    """Write down what the first to approve has in mind. Raises Undecided."""
    must_fit(desk.catalogue, desk.catalogue.agreements[row.kind], terms, row.terms)
    parent_id = above(connection, row.kind, terms[UNDER]) if UNDER in terms else row.parent_id
    agreed = {name: value for name, value in terms.items() if name != UNDER and value}
    connection.exec_driver_sql(
        "UPDATE applications SET parent_id = %s, terms = terms || %s::jsonb WHERE id = %s",
        (parent_id, json.dumps(agreed), row.id),
    )


def _make(desk: Desk, connection: Connection, row: Any) -> Agreement:
    party = _party(desk, row.party_id)
    if party.status != "active":
        raise Undecided(f"The account of {party.name} is {party.status}.")
    made = agreements.establish(
        *(desk, connection, row.kind, party),
        name=row.name,
        parent_id=row.parent_id,
        terms=row.terms,
    )
    _end(desk, connection, row.id, "approved", made.id)
    welcome = desk.catalogue.agreements[row.kind].welcome or APPROVED
    facts = {**made.terms, "name": made.name, "number": made.number}
    _tell(desk, connection, row.party_id, welcome, facts)
    return made


def _decide(
    desk: Desk,
    connection: Connection,
    what: str,
    by: str,
    whose: int,
    because: str | None = None,
    *,
    application_id: int | None = None,
    agreement_id: int | None = None,
) -> Saying:
    """Write a decision down about what is a party's (`whose`). Returns who has said the same.

    Of an agreement only what was said since the last word to the contrary counts. Raises
    Undecided.
    """
    must_be_another(connection, by, whose)
    said = connection.exec_driver_sql(
        "SELECT staff FROM decisions d WHERE what = %(what)s"
        " AND (application_id = %(application)s OR agreement_id = %(agreement)s AND id > coalesce("
        "   (SELECT max(id) FROM decisions WHERE agreement_id = %(agreement)s"
        "    AND what <> %(what)s), 0))",
        {"what": what, "application": application_id, "agreement": agreement_id},
    )
    earlier = {row.staff for row in said}
    saying = say(connection, earlier, by)
    if person(by) in earlier:
        raise SaidAlready(by)
    connection.exec_driver_sql(
        "INSERT INTO decisions (application_id, agreement_id, what, staff, because, decided_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (application_id, agreement_id, what, person(by), because, desk.clock.now()),
    )
    return saying


def _end(
    desk: Desk, connection: Connection, application_id: int, state: str, agreement: int | None
) -> None:
    connection.exec_driver_sql(
        "UPDATE applications SET state = %s, agreement_id = %s, decided_at = %s WHERE id = %s",
        (state, agreement, desk.clock.now(), application_id),
    )


def _agreement(connection: Connection, kind: str, number: str, state: str) -> Agreement:
    """The agreement, locked, in the state in which it must be. Raises Undecided."""
    found = agreements.by_number(connection, kind, number)
    if found is None:
        raise Undecided(f"There is no {kind} {number}.")
    now = connection.exec_driver_sql(
        "SELECT state FROM agreements WHERE id = %s FOR UPDATE", (found.id,)
    ).scalar_one()
    if now != state:
        raise Undecided(f"{kind} {number} is {now}.")
    return found


def _become(connection: Connection, agreement: Agreement, state: str) -> Agreement:
    connection.exec_driver_sql(
        "UPDATE agreements SET state = %s WHERE id = %s", (state, agreement.id)
    )
    after = agreements.by_id(connection, agreement.id)
    assert after is not None
    return after


def _party(desk: Desk, party_id: int) -> Party:
    return parties.by_id(desk.reads, party_id)


def _tell(
    desk: Desk, connection: Connection, party_id: int, template: str, facts: Mapping[str, object]
) -> None:
    party = _party(desk, party_id)
    parties.say(desk, connection, party.msisdn, party.language, template, **facts)
