"""Who somebody is: found by number, spoken to in their language.

Knows PINs only as verifiers (`pins`), and money not at all.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.drafts import OutboxRow
from ussd_app.ledger.prepared import Prepared

COLUMNS = (
    *("id", "msisdn", "name", "language", "tier", "status", "wallet_id"),
    *("pin_verifier", "pin_fails", "pin_locked_at"),
)
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM parties"  # noqa: S608 - our columns
_FIND = f"{_SELECT} WHERE msisdn = %s AND status <> 'closed'"
_BY_ID = Prepared("kabambe_party", f"{_SELECT} WHERE id = $1", 1)
_FIND_QUICKLY = Prepared("kabambe_find", _FIND.replace("%s", "$1"), 1)


@dataclass(frozen=True)
class Party:
    """A registered person. `pin_verifier` is no secret by itself and still never printed."""

    id: int
    msisdn: str
    name: str
    language: str
    tier: int
    status: str
    wallet_id: int
    pin_verifier: str
    pin_fails: int
    pin_locked_at: datetime | None

    def __repr__(self) -> str:
        return f"Party(id={self.id})"

    @property
    def owner(self) -> str:
        """How the ledger names this party as the owner of accounts and counters."""
        return str(self.id)

    def must_be_active(self, code: RefusalCode = RefusalCode.ACCOUNT_FROZEN) -> None:
        """Raise Refused(code) when the party may not act or be acted upon."""
        if self.status != "active":
            raise Refused(code)


def find(source: Engine | Connection, msisdn: str) -> Party | None:
    """The party with that number, or None; one that is closed is unknown. One statement."""
    if isinstance(source, Engine):
        row = _FIND_QUICKLY.read(source, (msisdn,))
    else:
        row = source.exec_driver_sql(_FIND + " FOR UPDATE", (msisdn,)).fetchone()
    return Party(*row) if row else None


def by_id(source: Engine, party_id: int) -> Party:
    """The party with that id, who must be there, also when closed since."""
    row = _BY_ID.read(source, (party_id,))
    assert row is not None
    return Party(*row)


def known(source: Engine | Connection, msisdn: str) -> Party:
    """The active party with that number. Raises Refused(not_registered | account_frozen).

    Given a connection, the row is locked until its transaction ends.
    """
    party = find(source, msisdn)
    if party is None:
        raise Refused(RefusalCode.NOT_REGISTERED)
    party.must_be_active()
    return party


def set_language(desk: Desk, ask: Ask) -> Facts:
    """Speak another language with the caller from now on."""

    def effect(connection: Connection) -> Facts:
        party = known(connection, ask.msisdn)
        connection.exec_driver_sql(
            "UPDATE parties SET language = %s WHERE id = %s", (ask.text("language"), party.id)
        )
        return {}

    return once(desk, "set_language", ask, effect)


def say(
    desk: Desk,
    connection: Connection,
    msisdn: str,
    language: str,
    template: str,
    **facts: object,
) -> None:
    """Queue an SMS in the same transaction as what it tells of."""
    at = facts.get("at")
    if isinstance(at, datetime):
        facts["at"] = at.isoformat()
    row = OutboxRow(
        kind="sms",
        address=msisdn,
        template=template,
        language=language,
        facts={"service": desk.service_code} | facts,
    )
    desk.book.say(connection, row, due_at=desk.clock.now())
