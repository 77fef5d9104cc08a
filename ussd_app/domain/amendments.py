"""What is agreed anew when an agreement is in force: who bears the fee, under whom an agent stands.

One of the staff proposes terms, another approves; they hold from that moment on, and prices that
were told before keep theirs for their minutes. What stood there before is kept.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import agreements, parties
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.applications import UNDER, above
from ussd_app.domain.desk import Desk
from ussd_app.domain.staff import must_be_another
from ussd_app.domain.terms import must_fit
from ussd_app.domain.two_of_staff import SaidAlready, Undecided, person, sign

TOLD = "terms_changed"

_COLUMNS = "id, terms, was, approvals, state, proposed_at, ended_at"
_ALL = f"SELECT {_COLUMNS} FROM amendments WHERE agreement_id = %s ORDER BY id"  # noqa: S608
_OPEN = f"SELECT {_COLUMNS} FROM amendments WHERE agreement_id = %s AND state = 'proposed'"  # noqa: S608
_PROPOSE = f"""
INSERT INTO amendments (agreement_id, terms, proposed_at) VALUES (%s, %s, %s) RETURNING {_COLUMNS}
"""  # noqa: S608 - our own columns
_CHANGE = """
UPDATE agreements SET terms = jsonb_strip_nulls(terms || %s::jsonb), parent_id = %s WHERE id = %s
"""


class Amendment(NamedTuple):
    """Terms that were proposed for an agreement, by whom, and what became of it."""

    id: int
    terms: Mapping[str, str]
    was: Mapping[str, Any] | None
    approvals: list[str]
    state: str
    proposed_at: datetime
    ended_at: datetime | None


def of(desk: Desk, kind: str, number: str) -> tuple[Agreement, str | None, list[Amendment]]:
    """An agreement, the number that it is under, and all its amendments, the oldest first.

    Raises Undecided.
    """
    with desk.reads.connect() as connection:
        found = _found(connection, kind, number)
        rows = connection.exec_driver_sql(_ALL, (found.id,))
        return found, _under(connection, found), [Amendment(*row) for row in rows]


def amend(desk: Desk, kind: str, number: str, by: str, terms: Mapping[str, str]) -> bool:
    """One of the staff wants these terms, or what somebody has proposed when none are given.

    They hold when a second wants the same; who wants others begins anew. False while another must
    still say so. Raises Undecided.
    """
    with desk.engine.begin() as connection:
        found = _locked(connection, kind, number)
        must_be_another(connection, by, found.party_id)
        row = connection.exec_driver_sql(_OPEN, (found.id,)).fetchone()
        proposed = Amendment(*row) if row else None
        wanted = dict(terms) or (dict(proposed.terms) if proposed else {})
        if not wanted:
            raise Undecided(f"Nothing is proposed for {kind} {number}.")
        _must_be_possible(desk, connection, found, wanted)
        if proposed is None or proposed.terms != wanted:
            proposed = _propose(desk, connection, found, wanted, instead_of=proposed)
        if person(by) in proposed.approvals:
            raise SaidAlready(by)
        if not sign(connection, "amendments", proposed.id, proposed.approvals, by).is_enough:
            return False
        _agree(desk, connection, found, proposed)
    return True


def _found(connection: Connection, kind: str, number: str) -> Agreement:
    found = agreements.by_number(connection, kind, number)
    if found is None:
        raise Undecided(f"There is no {kind} {number}.")
    return found


def _locked(connection: Connection, kind: str, number: str) -> Agreement:
    """The agreement as it is now, locked; closed ones have no terms left to change."""
    found = _found(connection, kind, number)
    connection.exec_driver_sql("SELECT FROM agreements WHERE id = %s FOR UPDATE", (found.id,))
    found = _found(connection, kind, number)
    if found.state == "closed":
        raise Undecided(f"{kind} {number} is closed.")
    return found


def _must_be_possible(
    desk: Desk, connection: Connection, agreement: Agreement, terms: Mapping[str, str]
) -> None:
    now = {**agreement.terms, UNDER: _under(connection, agreement)}
    if all((now.get(name) or "") == value for name, value in terms.items()):
        raise Undecided("That is agreed already.")
    kind = desk.catalogue.agreements[agreement.kind]
    must_fit(desk.catalogue, kind, terms, agreement.terms)
    higher, passed = above(connection, agreement.kind, terms.get(UNDER, "")), set[int]()
    while higher is not None and higher not in passed:
        if higher == agreement.id:
            raise Undecided(f"{agreement.kind} {agreement.number} would stand under itself.")
        passed.add(higher)
        upper = agreements.by_id(connection, higher)
        higher = upper.parent_id if upper else None


def _propose(
    desk: Desk,
    connection: Connection,
    agreement: Agreement,
    terms: Mapping[str, str],
    *,
    instead_of: Amendment | None,
) -> Amendment:
    now = desk.clock.now()
    if instead_of is not None:
        connection.exec_driver_sql(
            "UPDATE amendments SET state = 'dropped', ended_at = %s WHERE id = %s",
            (now, instead_of.id),
        )
    row = connection.exec_driver_sql(
        _PROPOSE,
        (agreement.id, json.dumps(dict(terms)), now),
    ).one()
    return Amendment(*row)


def _agree(desk: Desk, connection: Connection, agreement: Agreement, amendment: Amendment) -> None:
    terms = amendment.terms
    now = {**agreement.terms, UNDER: _under(connection, agreement)}
    before = {name: now.get(name) or "" for name in terms}
    parent_id = agreement.parent_id
    if UNDER in terms:
        parent_id = above(connection, agreement.kind, terms[UNDER])
    change = {name: value or None for name, value in terms.items() if name != UNDER}
    connection.exec_driver_sql(_CHANGE, (json.dumps(change), parent_id, agreement.id))
    connection.exec_driver_sql(
        "UPDATE amendments SET state = 'agreed', was = %s, ended_at = %s WHERE id = %s",
        (json.dumps(before), desk.clock.now(), amendment.id),
    )
    owner = parties.by_id(desk.reads, agreement.party_id)
    facts = {"name": agreement.name, "number": agreement.number}
    parties.say(desk, connection, owner.msisdn, owner.language, TOLD, **facts)


def _under(connection: Connection, agreement: Agreement) -> str | None:
    """The number of the agreement above one."""
    upper = agreements.by_id(connection, agreement.parent_id or 0)
    return upper.number if upper else None
