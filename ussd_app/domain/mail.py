"""Customers' e-mail addresses: told by SMS, kept sealed, opened for the moment of sending.

What is sent there is queued like an SMS, under the customer's number: the address itself stands in
no queue, no log and no reply. Knows nothing of how mail travels.
"""

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection

from ussd_app.domain.commands import Heard, Said
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.ledger.drafts import OutboxRow

KIND = "email"
"""The kind of outbox row that is mail; its address is the msisdn."""
NOT_OFFERED = "not_understood"

_KEEP = """
INSERT INTO mail_addresses (party_id, sealed, told_at) VALUES (%s, %s, %s)
ON CONFLICT (party_id) DO UPDATE SET sealed = excluded.sealed, told_at = excluded.told_at
"""


def reply(desk: Desk, connection: Connection, heard: Heard) -> Said:
    """`EMAIL asha@example.com` keeps an address, `EMAIL NONE` forgets it, `EMAIL` says which."""
    if not desk.mails:
        return Said(NOT_OFFERED, {})
    if heard.meaning == "none":
        _forget(connection, heard.party)
        return Said("mail_gone", {})
    if heard.rest:
        return _keep(desk, connection, heard.party, heard.rest)
    known = address_of(desk, connection, heard.party)
    return Said("mail_known", {"address": masked(known)}) if known else Said("mail_how", {})


def _keep(desk: Desk, connection: Connection, party: Party, typed: str) -> Said:
    address = read(typed)
    if address is None:
        return Said("mail_unread", {})
    told = (party.id, desk.keyring.seal(address), desk.clock.now())
    connection.exec_driver_sql(_KEEP, told)
    return Said("mail_known", {"address": masked(address)})


def _forget(connection: Connection, party: Party) -> None:
    connection.exec_driver_sql("DELETE FROM mail_addresses WHERE party_id = %s", (party.id,))


def read(typed: str) -> str | None:
    """An address in its one spelling; None when it cannot be one. Nobody is asked over the net."""
    try:
        return validate_email(typed, check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError:
        return None


def masked(address: str) -> str:
    """What an SMS may say of an address: `a***@example.com`."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}"


def address_of(desk: Desk, connection: Connection, party: Party) -> str | None:
    """The address that a customer told us."""
    sealed = connection.exec_driver_sql(
        "SELECT sealed FROM mail_addresses WHERE party_id = %s", (party.id,)
    ).scalar_one_or_none()
    return None if sealed is None else desk.keyring.open(sealed)


def write(
    desk: Desk, connection: Connection, party: Party, language: str, template: str, **facts: object
) -> None:
    """Queue a mail in the same transaction as what it tells of, for whoever told us an address."""
    if not desk.mails or address_of(desk, connection, party) is None:
        return
    row = OutboxRow(KIND, party.msisdn, template, language, facts)
    desk.book.say(connection, row, due_at=desk.clock.now())
