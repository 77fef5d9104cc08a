"""What we have agreed with whom: a till, an agency, a pochi; found by number or by party.

Knows states and terms as data. What an agreement is for is its kind's business, in the catalogue.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from ussd_app.domain.desk import Desk
from ussd_app.domain.house import open_account
from ussd_app.domain.parties import Party
from ussd_app.kernel.errors import RefusalCode, Refused

COLUMNS = (
    *("id", "kind", "number", "name", "party_id", "parent_id", "account_id"),
    *("state", "terms"),
)
_SELECT = f"SELECT {', '.join(f'a.{column}' for column in COLUMNS)} FROM agreements a"  # noqa: S608
_BY_NUMBER = f"{_SELECT} WHERE a.kind = %s AND a.number = %s"
_BY_ID = f"{_SELECT} WHERE a.id = %s"
_OWNED = f"{_SELECT} WHERE a.party_id = %s AND a.kind = %s ORDER BY a.id"
_NEXT_NUMBER = """
SELECT greatest(%s, max(a.number::bigint) + 1) FROM agreements a
WHERE a.kind = %s AND a.number::bigint + 1 < %s AND NOT EXISTS (
    SELECT FROM agreements b WHERE b.kind = a.kind AND b.number = (a.number::bigint + 1)::text)
"""
_ACTING = f"""{_SELECT}
WHERE a.kind = ANY (%s) AND a.state = 'active'
  AND (a.party_id = %s OR EXISTS (
       SELECT FROM operators o WHERE o.agreement_id = a.id AND o.party_id = %s))
ORDER BY a.party_id <> %s, a.id LIMIT %s"""


@dataclass(frozen=True)
class Agreement:
    """Parties, terms and a state. `account_id` is that of its kind's main account."""

    id: int
    kind: str
    number: str
    name: str
    party_id: int
    parent_id: int | None
    account_id: int
    state: str
    terms: Mapping[str, Any]

    @property
    def owner(self) -> str:
        """How the ledger names this agreement as the owner of accounts."""
        return owner_name(self.kind, self.id)


def owner_name(kind: str, number: int) -> str:
    """The ledger's name for an agreement: `till-17`."""
    return f"{kind}-{number}"


def by_number(source: Engine | Connection, kind: str, number: str) -> Agreement | None:
    """The agreement of a kind that goes by a number, whatever its state."""
    return _one(source, _BY_NUMBER, (kind, number))


def by_id(source: Engine | Connection, agreement_id: int) -> Agreement | None:
    """The agreement with that id, whatever its state."""
    return _one(source, _BY_ID, (agreement_id,))


def acting(
    source: Engine | Connection, party_id: int, kinds: Sequence[str], most: int
) -> list[Agreement]:
    """The active agreements of some kinds in which a party acts: their own, then those in which
    they are an operator, the oldest first."""
    if isinstance(source, Engine):
        with source.connect() as connection:
            return acting(connection, party_id, kinds, most)
    given = (list(kinds), party_id, party_id, party_id, most)
    return [Agreement(*row) for row in source.exec_driver_sql(_ACTING, given)]


def of_party(source: Engine, party_id: int, kinds: Sequence[str], chosen: str) -> Agreement:
    """The active agreement of some kinds in which a party acts, as its owner or as an operator: the
    one that they chose, by its id, or the first when they were not asked.

    Raises Refused(not_yours).
    """
    if not chosen:
        found = next(iter(acting(source, party_id, kinds, 1)), None)
    else:
        found = by_id(source, int(chosen))
        if found and (found.kind not in kinds or found.state != "active"):
            found = None
    if found is None or not acts_for(source, found, party_id):
        raise Refused(RefusalCode.NOT_YOURS)
    return found


def owned(source: Engine | Connection, party_id: int, kind: str) -> Agreement | None:
    """The first agreement of a kind that a party owns, whatever its state."""
    return _one(source, _OWNED, (party_id, kind))


def acts_for(source: Engine, agreement: Agreement, party_id: int) -> bool:
    """Whether a party owns an agreement or is one of its operators."""
    if agreement.party_id == party_id:
        return True
    with source.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT EXISTS (SELECT FROM operators WHERE agreement_id = %s AND party_id = %s)",
            (agreement.id, party_id),
        )
        return bool(found.scalar_one())


def account(desk: Desk, agreement: Agreement, kind: str) -> int:
    """The agreement's account of a kind; one beside its main account is opened when first asked."""
    if kind == desk.catalogue.agreements[agreement.kind].account:
        return agreement.account_id
    return open_account(desk.catalogue, desk.book, f"{kind}/{agreement.owner}")


def establish(
    desk: Desk,
    connection: Connection,
    kind: str,
    party: Party,
    *,
    name: str,
    number: str | None = None,
    parent_id: int | None = None,
    terms: Mapping[str, object] | None = None,
) -> Agreement:
    """Write an active agreement with its main account, on its kind's terms but for those given.

    Without a number it gets one. Raises Refused(number_taken).
    """
    row = desk.catalogue.agreements[kind]
    agreed = {**row.terms, **(terms or {})}
    (agreement_id,) = connection.exec_driver_sql("SELECT nextval('agreements_id_seq')").one()
    owner = owner_name(kind, agreement_id)
    account_id = open_account(desk.catalogue, desk.book, f"{row.account}/{owner}", connection)
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(
                "INSERT INTO agreements (id, kind, number, name, party_id, parent_id, account_id,"
                " state, terms, since) VALUES (%s, %s, %s, %s, %s, %s, %s, 'active', %s, %s)",
                (
                    *(agreement_id, kind, number or _number(desk, connection, kind, party)),
                    *(name, party.id, parent_id, account_id, json.dumps(agreed)),
                    desk.clock.now(),
                ),
            )
    except IntegrityError:
        raise Refused(RefusalCode.NUMBER_TAKEN) from None
    made = by_id(connection, agreement_id)
    assert made is not None
    return made


def _number(desk: Desk, connection: Connection, kind: str, party: Party) -> str:
    """The next free number of a kind, or the party's own; two who ask at once take turns."""
    digits = desk.catalogue.agreements[kind].digits
    if digits is None:
        return party.msisdn
    connection.exec_driver_sql(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"number of {kind}",)
    )
    lowest = 10 ** (digits - 1)
    (number,) = connection.exec_driver_sql(_NEXT_NUMBER, (lowest + 1, kind, 10 * lowest)).one()
    return str(number)


def _one(source: Engine | Connection, statement: str, given: Any) -> Agreement | None:
    if isinstance(source, Engine):
        with source.connect() as connection:
            return _one(connection, statement, given)
    row = source.exec_driver_sql(statement, given).fetchone()
    return Agreement(*row) if row else None
