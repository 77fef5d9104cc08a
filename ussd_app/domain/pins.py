"""PINs: proved, counted, locked, chosen and unlocked. A PIN lives here for one call only.

A wrong PIN is counted in the same commit as its remembered refusal, so a repeated hop counts once.
Choosing a PIN takes two hops and no place to keep it: the first leaves a verifier, the second must
match that.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

DRAFT_LIFE_S = 300
CODE_LIFE_S = 900
CODE_TRIES = 3
UNLOCK_REQUESTS_A_DAY = 3
PIN_DIGITS = 4


def is_weak(msisdn: str, pin: str) -> bool:
    """Whether a thief would try it first: one digit, a run, or the number's own last digits."""
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
    return steps in ({0}, {1}, {9}) or msisdn.endswith(pin)


def check(desk: Desk, connection: Connection, party: Party, pin: str) -> Refused | None:
    """Judge a PIN against a party whose row is locked; count what is wrong, forget it when right.

    Returns the refusal, to be committed with the count. Raises Refused(pin_locked) without
    looking at the PIN when it is locked already.
    """
    if party.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    if not desk.keyring.pin_matches(party.msisdn, pin, party.pin_verifier):
        return _count_wrong(desk, connection, party)
    forgive(desk, connection, party, pin)
    return None


def forgive(desk: Desk, connection: Connection, party: Party, pin: str) -> None:
    """After a right PIN: forget wrong tries, and renew a verifier that was made the old way."""
    if desk.keyring.pin_is_dated(party.pin_verifier):
        connection.exec_driver_sql(
            "UPDATE parties SET pin_verifier = %s WHERE id = %s",
            (desk.keyring.pin_verifier(party.msisdn, pin), party.id),
        )
    if party.pin_fails:
        connection.exec_driver_sql("UPDATE parties SET pin_fails = 0 WHERE id = %s", (party.id,))


def _count_wrong(desk: Desk, connection: Connection, party: Party) -> Refused:
    fails = party.pin_fails + 1
    locked = fails >= desk.pin_tries
    connection.exec_driver_sql(
        "UPDATE parties SET pin_fails = %s, pin_locked_at = %s WHERE id = %s",
        (fails, desk.clock.now() if locked else None, party.id),
    )
    if not locked:
        return Refused(RefusalCode.WRONG_PIN, left=desk.pin_tries - fails)
    parties.say(desk, connection, party.msisdn, party.language, "pin_locked")
    return Refused(RefusalCode.PIN_LOCKED)


def count_wrong(desk: Desk, name: str, ask: Ask) -> None:
    """Count a PIN that was found wrong outside a transaction. Always raises Refused.

    The row is locked and the PIN judged once more, so that tries that race are counted one by one.
    """

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        return check(desk, connection, party, ask.text("pin")) or Refused(RefusalCode.QUOTE_EXPIRED)

    once(desk, name, ask, effect)


def with_pin(desk: Desk, name: str, ask: Ask, then: Callable[[Connection, Party], Facts]) -> Facts:
    """Run a command that needs the caller's PIN, once, with the caller's row locked meanwhile."""

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        return check(desk, connection, party, ask.text("pin")) or then(connection, party)

    return once(desk, name, ask, effect)


def prove(desk: Desk, ask: Ask) -> Facts:
    """Prove the old PIN before choosing a new one; gives a proof that expires."""

    def then(connection: Connection, party: Party) -> Facts:
        return {"proof": proof(desk, connection, party.msisdn)}

    return with_pin(desk, "prove_pin", ask, then)


def proof(desk: Desk, connection: Connection, msisdn: str, stage: str = "proof") -> str:
    """What shows a later step of the same session that the PIN was right; it expires.

    Another stage shows that something else was.
    """
    return _draft(desk, connection, msisdn, stage, None, unchanged=False)


def spend_proof(
    desk: Desk, connection: Connection, msisdn: str, token: str, stage: str = "proof"
) -> None:
    """Use up a proof. Raises Refused(proof_expired)."""
    _spend(desk, connection, msisdn, token, stage)


def choose(desk: Desk, ask: Ask) -> Facts:
    """Take the first entry of a new PIN.

    Whether it equals the present one is noted but not said here: to somebody who has proved
    nothing, the answer would be a free guess.
    """
    pin = ask.text("pin")

    def effect(connection: Connection) -> Facts:
        if is_weak(ask.msisdn, pin):
            raise Refused(RefusalCode.WEAK_PIN)
        party = parties.find(connection, ask.msisdn)
        unchanged = party is not None and desk.keyring.pin_matches(
            ask.msisdn, pin, party.pin_verifier
        )
        verifier = desk.keyring.pin_verifier(ask.msisdn, pin)
        return {"draft": _draft(desk, connection, ask.msisdn, "chosen", verifier, unchanged)}

    return once(desk, "choose_pin", ask, effect)


def confirm(desk: Desk, ask: Ask) -> Facts:
    """Take the second entry of a new PIN, which must be the first again."""

    def effect(connection: Connection) -> Facts:
        row = connection.exec_driver_sql(
            "SELECT verifier FROM pin_drafts WHERE id = %s AND msisdn = %s AND stage = 'chosen'"
            " AND expires_at > %s FOR UPDATE",
            (ask.text("draft"), ask.msisdn, desk.clock.now()),
        ).fetchone()
        if row is None:
            raise Refused(RefusalCode.PROOF_EXPIRED)
        if not desk.keyring.pin_matches(ask.msisdn, ask.text("pin"), row.verifier):
            raise Refused(RefusalCode.PINS_DIFFER)
        connection.exec_driver_sql(
            "UPDATE pin_drafts SET stage = 'confirmed' WHERE id = %s", (ask.text("draft"),)
        )
        return {"chosen": ask.text("draft")}

    return once(desk, "confirm_pin", ask, effect)


def change(desk: Desk, ask: Ask) -> Facts:
    """Replace the PIN by the one that was chosen, given the proof of the old one."""

    def effect(connection: Connection) -> Facts:
        party = parties.known(connection, ask.msisdn)
        spend_proof(desk, connection, ask.msisdn, ask.text("proof"))
        verifier = spend_confirmed(
            desk, connection, ask.msisdn, ask.text("chosen"), must_differ=True
        )
        replace(desk, connection, party, verifier)
        return {}

    return once(desk, "change_pin", ask, effect)


def request_unlock(desk: Desk, ask: Ask) -> Facts:
    """Send a one-time code by SMS to somebody whose PIN is locked and who knows their own ID."""

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        if party.pin_locked_at is None:
            raise Refused(RefusalCode.PIN_NOT_LOCKED)
        count_request(desk, connection, party)
        if not knows_id(desk, connection, party, ask.text("national_id")):
            return Refused(RefusalCode.ID_MISMATCH)
        code = desk.ids.one_time_code()
        connection.exec_driver_sql(
            "UPDATE unlock_codes SET verifier = %s, fails = 0, expires_at = %s WHERE msisdn = %s",
            (
                desk.keyring.pin_verifier(ask.msisdn, code),
                desk.clock.now() + timedelta(seconds=CODE_LIFE_S),
                ask.msisdn,
            ),
        )
        minutes = CODE_LIFE_S // 60
        parties.say(
            desk,
            connection,
            party.msisdn,
            party.language,
            "unlock_code",
            code=code,
            minutes=minutes,
        )
        return {}

    return once(desk, "request_unlock", ask, effect)


def knows_id(desk: Desk, connection: Connection, party: Party, national_id: str) -> bool:
    """Whether a national ID, under any root we have had, is the party's own."""
    prints = desk.keyring.fingerprints("national id", national_id)
    mine = connection.exec_driver_sql(
        "SELECT 1 FROM parties WHERE id = %s AND national_id_print = ANY (%s)",
        (party.id, prints),
    )
    return mine.fetchone() is not None


def count_request(desk: Desk, connection: Connection, party: Party) -> None:
    """Count a request of today, right ID or wrong. Raises Refused(too_many_requests)."""
    now = desk.clock.now()
    row = connection.exec_driver_sql(
        "INSERT INTO unlock_codes (msisdn, day, requests, expires_at) VALUES (%s, %s, 1, %s)"
        " ON CONFLICT (msisdn) DO UPDATE SET day = excluded.day, requests ="
        " CASE WHEN unlock_codes.day = excluded.day THEN unlock_codes.requests + 1 ELSE 1 END"
        " RETURNING requests",
        (party.msisdn, business_day(now), now),
    ).one()
    if row.requests > UNLOCK_REQUESTS_A_DAY:
        raise Refused(RefusalCode.TOO_MANY_REQUESTS)


def unlock(desk: Desk, ask: Ask) -> Facts:
    """Open a locked PIN with the code from the SMS and set the new PIN that was chosen."""

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        row = connection.exec_driver_sql(
            "SELECT verifier, fails FROM unlock_codes WHERE msisdn = %s AND verifier IS NOT NULL"
            " AND expires_at > %s FOR UPDATE",
            (ask.msisdn, desk.clock.now()),
        ).fetchone()
        if row is None or row.fails >= CODE_TRIES:
            raise Refused(RefusalCode.CODE_EXPIRED)
        if not desk.keyring.pin_matches(ask.msisdn, ask.text("code"), row.verifier):
            connection.exec_driver_sql(
                "UPDATE unlock_codes SET fails = fails + 1 WHERE msisdn = %s", (ask.msisdn,)
            )
            left = CODE_TRIES - row.fails - 1
            if not left:
                return Refused(RefusalCode.CODE_EXPIRED)
            return Refused(RefusalCode.WRONG_CODE, left=left)
        verifier = spend_confirmed(desk, connection, ask.msisdn, ask.text("chosen"))
        connection.exec_driver_sql(
            "UPDATE unlock_codes SET verifier = NULL WHERE msisdn = %s", (ask.msisdn,)
        )
        replace(desk, connection, party, verifier)
        return {}

    return once(desk, "unlock", ask, effect)


def replace(desk: Desk, connection: Connection, party: Party, verifier: str) -> None:
    """Set another PIN by its verifier, which unlocks, and tell its owner."""
    connection.exec_driver_sql(
        "UPDATE parties SET pin_verifier = %s, pin_fails = 0, pin_locked_at = NULL WHERE id = %s",
        (verifier, party.id),
    )
    parties.say(desk, connection, party.msisdn, party.language, "pin_changed", at=desk.clock.now())


def _draft(
    desk: Desk,
    connection: Connection,
    msisdn: str,
    stage: str,
    verifier: str | None,
    unchanged: bool,
) -> str:
    token = desk.ids.token()
    connection.exec_driver_sql(
        "INSERT INTO pin_drafts (id, msisdn, stage, verifier, unchanged, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (
            token,
            msisdn,
            stage,
            verifier,
            unchanged,
            desk.clock.now() + timedelta(seconds=DRAFT_LIFE_S),
        ),
    )
    return token


def spend_confirmed(
    desk: Desk, connection: Connection, msisdn: str, chosen: str, *, must_differ: bool = False
) -> str:
    """Use up a PIN that was entered twice. Returns its verifier.

    Raises Refused(proof_expired), and with `must_differ` Refused(pin_unchanged).
    """
    verifier, unchanged = _spend(desk, connection, msisdn, chosen, "confirmed")
    if must_differ and unchanged:
        raise Refused(RefusalCode.PIN_UNCHANGED)
    assert verifier is not None
    return verifier


def _spend(
    desk: Desk, connection: Connection, msisdn: str, token: str, stage: str
) -> tuple[str | None, bool]:
    row = connection.exec_driver_sql(
        "DELETE FROM pin_drafts WHERE id = %s AND msisdn = %s AND stage = %s AND expires_at > %s"
        " RETURNING verifier, unchanged",
        (token, msisdn, stage, desk.clock.now()),
    ).fetchone()
    if row is None:
        raise Refused(RefusalCode.PROOF_EXPIRED)
    return row.verifier, row.unchanged
