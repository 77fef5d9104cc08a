"""Who acts in an agreement: its owner, and operators whom the owner has named, each with their own
PIN; and in which of theirs a caller means to act.

Knows no kind of agreement. What an operator may do there is said by who asks: a `right`.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine

from ussd_app.domain import agreements, parties
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.errors import RefusalCode, Refused

OWNER, OPERATOR = "owner", "operator"
MOST = 20
"""So many operators an agreement has at most: a list of them is a menu."""

_OPERATORS = """
SELECT p.id, p.name FROM operators o JOIN parties p ON p.id = o.party_id
WHERE o.agreement_id = %s ORDER BY o.since, p.id
"""


def choice(
    source: Engine, party: Party, kinds: Sequence[str], right: str, most: int
) -> list[Agreement]:
    """The agreements of some kinds in which a party may act with a right, their own first.

    At least one. Raises Refused(not_yours | owner_only).
    """
    found = agreements.acting(source, party.id, kinds, most)
    if not found:
        raise Refused(RefusalCode.NOT_YOURS)
    if right == OWNER:
        found = [each for each in found if each.party_id == party.id]
    if not found:
        raise Refused(RefusalCode.OWNER_ONLY)
    return found


def acting(
    source: Engine, party: Party, kinds: Sequence[str], chosen: str, right: str
) -> Agreement:
    """The agreement in which a party means to act with a right: the one that they chose, by its id,
    or the first when they were not asked. Raises Refused(not_yours | owner_only)."""
    found = agreements.of_party(source, party.id, kinds, chosen)
    if right == OWNER and found.party_id != party.id:
        raise Refused(RefusalCode.OWNER_ONLY)
    return found


def rows(source: Engine, agreement: Agreement) -> Sequence[Mapping[str, object]]:
    """The operators of an agreement, by name, as rows."""
    with source.connect() as connection:
        found = connection.exec_driver_sql(_OPERATORS, (agreement.id,))
        return [{"key": str(row.id), "label": two_names(row.name)} for row in found]


def add(
    desk: Desk, connection: Connection, agreement: Agreement, owner: Party, msisdn: str, said: str
) -> Party:
    """Let another customer act in an agreement; they are told so once, by the sentence `said`.

    Raises Refused(unknown_payee) for a stranger, Refused(payee_is_payer) for the owner,
    Refused(too_many).
    """
    other = parties.find(desk.reads, msisdn)
    if other is None or other.status != "active":
        raise Refused(RefusalCode.UNKNOWN_PAYEE)
    if other.id == owner.id:
        raise Refused(RefusalCode.PAYEE_IS_PAYER)
    added = connection.exec_driver_sql(
        "INSERT INTO operators (agreement_id, party_id, since) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (agreement.id, other.id, desk.clock.now()),
    )
    if not added.rowcount:
        return other
    if len(connection.exec_driver_sql(_OPERATORS, (agreement.id,)).all()) > MOST:
        raise Refused(RefusalCode.TOO_MANY, most=MOST)
    facts = {"name": agreement.name, "owner": owner.name}
    parties.say(desk, connection, other.msisdn, other.language, said, **facts)
    return other


def drop(
    desk: Desk, connection: Connection, agreement: Agreement, party_id: int, said: str
) -> Party:
    """Let somebody act in an agreement no more; prices that they were told for it are void."""
    other = parties.by_id(desk.reads, party_id)
    given = (agreement.id, other.id)
    gone = connection.exec_driver_sql(
        "DELETE FROM operators WHERE agreement_id = %s AND party_id = %s", given
    )
    if gone.rowcount:
        connection.exec_driver_sql(
            "DELETE FROM quotes WHERE %s = ANY (agreements) AND payer_id = %s", given
        )
        parties.say(desk, connection, other.msisdn, other.language, said, name=agreement.name)
    return other
