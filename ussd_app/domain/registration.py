"""Registration: a new customer, their wallet, PIN and sealed national ID, in one commit."""

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ussd_app.domain import guards, parties, pins
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.house import open_account
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.errors import RefusalCode, Refused

FIRST_TIER = 1


def register(desk: Desk, ask: Ask) -> Facts:
    """Open a wallet for a new customer, with the PIN they chose and their national ID sealed."""

    def effect(connection: Connection) -> Facts:
        if parties.find(connection, ask.msisdn) is not None:
            raise Refused(RefusalCode.ALREADY_REGISTERED)
        prints = desk.keyring.fingerprints("national id", ask.text("national_id"))
        if id_is_taken(connection, prints):
            raise Refused(RefusalCode.ID_TAKEN)
        if guards.is_blocked(connection, prints):
            raise Refused(RefusalCode.ID_BLOCKED)
        verifier = pins.spend_confirmed(desk, connection, ask.msisdn, ask.text("chosen"))
        enrol(
            desk,
            connection,
            msisdn=ask.msisdn,
            name=ask.text("name"),
            language=ask.text("language"),
            national_id=ask.text("national_id"),
            verifier=verifier,
        )
        parties.say(
            desk, connection, ask.msisdn, ask.text("language"), "welcome", name=ask.text("name")
        )
        return {"name": two_names(ask.text("name"))}

    return once(desk, "register", ask, effect)


def id_is_taken(connection: Connection, prints: list[bytes]) -> bool:
    """Whether a national ID, under any root we have had, belongs to somebody already."""
    found = connection.exec_driver_sql(
        "SELECT 1 FROM parties WHERE national_id_print = ANY (%s) LIMIT 1", (prints,)
    )
    return found.fetchone() is not None


def enrol(
    desk: Desk,
    connection: Connection,
    *,
    msisdn: str,
    name: str,
    language: str,
    national_id: str,
    verifier: str,
) -> Party:
    """Write a new party and its wallet. Raises Refused when a twin was faster."""
    (number,) = connection.exec_driver_sql("SELECT nextval('parties_id_seq')").one()
    wallet_id = open_account(desk.catalogue, desk.book, f"wallet/{number}", connection)
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(
                "INSERT INTO parties (id, msisdn, name, language, tier, wallet_id,"
                " national_id_sealed, national_id_print, pin_verifier, registered_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    number,
                    msisdn,
                    name,
                    language,
                    FIRST_TIER,
                    wallet_id,
                    desk.keyring.seal(national_id),
                    desk.keyring.fingerprints("national id", national_id)[0],
                    verifier,
                    desk.clock.now(),
                ),
            )
    except IntegrityError as twin:
        raise Refused(_taken(twin)) from None
    party = parties.find(connection, msisdn)
    assert party is not None
    return party


def _taken(twin: IntegrityError) -> RefusalCode:
    constraint = getattr(getattr(twin.orig, "diag", None), "constraint_name", "")
    if constraint == "parties_national_id_print_key":
        return RefusalCode.ID_TAKEN
    return RefusalCode.ALREADY_REGISTERED
