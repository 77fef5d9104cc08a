"""Security questions: two answered while the PIN is known, asked for when it is not any more.

Answers are kept like PINs and never shown. They stand in for the code from the SMS, not for the
national ID: who unlocks must know all three. A wrong answer ends that try, and tries are counted.
"""

from sqlalchemy import Connection

from ussd_app.domain import parties, pins
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.kernel.errors import RefusalCode, Refused

NEEDED = 2
KNOWN, ANSWERED = "known", "answered"


def offered(desk: Desk, ask: Ask) -> Facts:
    """The questions that can be chosen, in the caller's language."""
    return {"questions": _rows(desk, parties.known(desk.reads, ask.msisdn), set())}


def _rows(desk: Desk, party: Party, taken: set[str]) -> list[dict[str, str]]:
    return [
        {"key": name, "label": said[party.language]}
        for name, said in desk.catalogue.questions.items()
        if name not in taken
    ]


def set_first(desk: Desk, ask: Ask) -> Facts:
    """Answer a first question; whatever was answered before is forgotten.

    Gives the questions that are left, and a new proof for the second.
    """

    def effect(connection: Connection) -> Facts:
        party = _keep(desk, connection, ask, forget=True)
        taken = {ask.text("question")}
        return {
            "proof": pins.proof(desk, connection, party.msisdn),
            "questions": _rows(desk, party, taken),
        }

    return once(desk, "set_first_answer", ask, effect)


def set_second(desk: Desk, ask: Ask) -> Facts:
    """Answer the second question."""

    def effect(connection: Connection) -> Facts:
        party = _keep(desk, connection, ask, forget=False)
        parties.say(desk, connection, party.msisdn, party.language, "questions_set")
        return {}

    return once(desk, "set_second_answer", ask, effect)


def _keep(desk: Desk, connection: Connection, ask: Ask, *, forget: bool) -> Party:
    party = parties.known(connection, ask.msisdn)
    pins.spend_proof(desk, connection, ask.msisdn, ask.text("proof"))
    question = ask.text("question")
    if forget:
        connection.exec_driver_sql("DELETE FROM security_answers WHERE party_id = %s", (party.id,))
    connection.exec_driver_sql(
        "INSERT INTO security_answers (party_id, question, verifier, set_at)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (party_id, question)"
        " DO UPDATE SET verifier = excluded.verifier, set_at = excluded.set_at",
        (party.id, question, _verifier(desk, party, question, ask), desk.clock.now()),
    )
    return party


def _bound_to(party: Party, question: str) -> str:
    return f"{party.msisdn}:{question}"


def _plain(ask: Ask) -> str:
    return " ".join(ask.text("answer").casefold().split())


def _verifier(desk: Desk, party: Party, question: str, ask: Ask) -> str:
    return desk.keyring.pin_verifier(_bound_to(party, question), _plain(ask))


# the second way to unlock


def ask_first(desk: Desk, ask: Ask) -> Facts:
    """With the national ID of somebody whose PIN is locked: the first of their questions."""

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        if party.pin_locked_at is None:
            raise Refused(RefusalCode.PIN_NOT_LOCKED)
        if len(_answers(connection, party)) < NEEDED:
            raise Refused(RefusalCode.NO_QUESTIONS)
        pins.count_request(desk, connection, party)
        if not pins.knows_id(desk, connection, party, ask.text("national_id")):
            return Refused(RefusalCode.ID_MISMATCH)
        return {
            "question": _asked(desk, connection, party, 0),
            "proof": pins.proof(desk, connection, party.msisdn, KNOWN),
        }

    return once(desk, "ask_question", ask, effect)


def ask_second(desk: Desk, ask: Ask) -> Facts:
    """The first answer: gives the second question."""

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        pins.spend_proof(desk, connection, ask.msisdn, ask.text("proof"), KNOWN)
        if not _is_right(desk, connection, party, 0, ask):
            return Refused(RefusalCode.WRONG_ANSWER)
        return {
            "question": _asked(desk, connection, party, 1),
            "proof": pins.proof(desk, connection, party.msisdn, ANSWERED),
        }

    return once(desk, "answer_question", ask, effect)


def unlock(desk: Desk, ask: Ask) -> Facts:
    """The second answer: the PIN that was chosen replaces the locked one."""

    def effect(connection: Connection) -> Facts | Refused:
        party = parties.known(connection, ask.msisdn)
        pins.spend_proof(desk, connection, ask.msisdn, ask.text("proof"), ANSWERED)
        if not _is_right(desk, connection, party, 1, ask):
            return Refused(RefusalCode.WRONG_ANSWER)
        verifier = pins.spend_confirmed(desk, connection, ask.msisdn, ask.text("chosen"))
        pins.replace(desk, connection, party, verifier)
        return {}

    return once(desk, "unlock_by_answers", ask, effect)


def _answers(connection: Connection, party: Party) -> list[tuple[str, str]]:
    """Questions with the verifiers of their answers, in a fixed order."""
    rows = connection.exec_driver_sql(
        "SELECT question, verifier FROM security_answers WHERE party_id = %s ORDER BY question",
        (party.id,),
    )
    return [(row.question, row.verifier) for row in rows]


def _asked(desk: Desk, connection: Connection, party: Party, place: int) -> str:
    question, _ = _answers(connection, party)[place]
    return desk.catalogue.questions[question][party.language]


def _is_right(desk: Desk, connection: Connection, party: Party, place: int, ask: Ask) -> bool:
    question, verifier = _answers(connection, party)[place]
    return desk.keyring.pin_matches(_bound_to(party, question), _plain(ask), verifier)
