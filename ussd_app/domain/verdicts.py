"""What the receiver of a disputed payment and the staff say to it: give it back, or keep it.

Each is a decision in the dispute's row, committed first; `disputes` does what follows from it.
"""

from sqlalchemy import Connection

from ussd_app.domain import disputes, parties, pins
from ussd_app.domain.catalogue import PAYEE
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.disputes import ANSWERABLE, BY_RECEIVER, Dispute
from ussd_app.domain.parties import Party
from ussd_app.domain.staff import must_be_another
from ussd_app.domain.two_of_staff import Decided, sign, signer
from ussd_app.kernel.errors import RefusalCode, Refused

WRONG_CODES_MOST = 3

# the receiver


def asked_of(desk: Desk, ask: Ask) -> Facts:
    """The oldest question that the caller has not answered. Raises Refused(nothing_to_answer)."""
    party = parties.known(desk.reads, ask.msisdn)
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(
            disputes.SELECT + " WHERE receiver_id = %s AND state = ANY (%s)"
            " ORDER BY state <> 'asked', id LIMIT 1",
            (party.id, list(ANSWERABLE)),
        ).fetchone()
    if row is None:
        raise Refused(RefusalCode.NOTHING_TO_ANSWER)
    dispute = Dispute(*row)
    return {
        "dispute": str(dispute.id),
        "sender_name": disputes.sides(desk, dispute)[PAYEE].name,
        "held": dispute.held_minor,
        "payment": dispute.receipt,
    }


def give_back(desk: Desk, ask: Ask) -> Facts:
    """The receiver agrees, with their PIN: what is held goes back."""

    def then(connection: Connection, party: Party) -> Facts:
        _agree(connection, _own(connection, party, ask))
        return {}

    facts = pins.with_pin(desk, "give_back", ask, then)
    disputes.advance(desk, int(ask.text("dispute")))
    return facts


def keep(desk: Desk, ask: Ask) -> Facts:
    """The receiver does not agree: staff decide, or nobody where it is the receiver's alone."""

    def effect(connection: Connection) -> Facts:
        dispute = _own(connection, parties.known(connection, ask.msisdn), ask)
        if dispute.state == "asked":
            disputes.to_staff(desk, connection, dispute, BY_RECEIVER, tell_receiver=True)
        return {}

    facts = once(desk, "keep_payment", ask, effect)
    disputes.advance(desk, int(ask.text("dispute")))
    return facts


def _own(connection: Connection, party: Party, ask: Ask) -> Dispute:
    dispute = disputes.by_id(connection, int(ask.text("dispute")))
    if dispute.receiver_id != party.id or dispute.state not in ANSWERABLE:
        raise Refused(RefusalCode.NOTHING_TO_ANSWER)
    return dispute


def _agree(connection: Connection, dispute: Dispute) -> None:
    if not disputes.decide(connection, dispute, "returning", BY_RECEIVER, wanted=ANSWERABLE):
        raise Refused(RefusalCode.NOTHING_TO_ANSWER)


def agree_by_code(
    desk: Desk, connection: Connection, party: Party, typed: str
) -> Dispute | RefusalCode:
    """The receiver's YES with the code of the question: the dispute that it settles.

    Else nothing_to_answer or wrong_code; a wrong code is counted on every question, and after
    `WRONG_CODES_MOST` only USSD and its PIN can agree.
    """
    open_ones = _open_ones(connection, party)
    if not open_ones:
        return RefusalCode.NOTHING_TO_ANSWER
    for dispute in open_ones:
        if dispute.wrong_codes < WRONG_CODES_MOST and disputes.code_matches(desk, dispute, typed):
            agreed = disputes.decide(
                connection, dispute, "returning", BY_RECEIVER, wanted=ANSWERABLE
            )
            return dispute if agreed else RefusalCode.NOTHING_TO_ANSWER
    connection.exec_driver_sql(
        "UPDATE disputes SET wrong_codes = wrong_codes + 1 WHERE id = ANY (%s)",
        ([dispute.id for dispute in open_ones],),
    )
    return RefusalCode.WRONG_CODE


def disagree(desk: Desk, connection: Connection, party: Party) -> tuple[Dispute, bool] | None:
    """The receiver's NO to the latest question that is still theirs, and whether staff decide now.

    None when there is none.
    """
    asked = [one for one in _open_ones(connection, party) if one.state == "asked"]
    if not asked:
        return None
    by_staff = disputes.to_staff(desk, connection, asked[-1], BY_RECEIVER, tell_receiver=False)
    return asked[-1], by_staff


def _open_ones(connection: Connection, party: Party) -> list[Dispute]:
    rows = connection.exec_driver_sql(
        disputes.SELECT + " WHERE receiver_id = %s AND state = ANY (%s) ORDER BY id FOR UPDATE",
        (party.id, list(ANSWERABLE)),
    )
    return [Dispute(*row) for row in rows]


# the staff


def with_staff(desk: Desk) -> list[Dispute]:
    """What staff must decide, oldest first."""
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(disputes.SELECT + " WHERE state = 'staff' ORDER BY id")
        return [Dispute(*row) for row in rows]


def grant(desk: Desk, dispute_id: int, by: str) -> bool:
    """One of the staff says that the money goes back; it does when a second says so too.

    False while somebody else must say it. Raises Undecided.
    """
    with desk.engine.begin() as connection:
        granted = say_grant(connection, dispute_id, by)
    if granted:
        disputes.advance(desk, dispute_id)
    return granted


def say_grant(connection: Connection, dispute_id: int, by: str) -> bool:
    """The same, as far as it is decided; `disputes.advance` does it."""
    dispute = _with_staff(connection, dispute_id, by)
    saying = sign(connection, "disputes", dispute_id, dispute.approvals, by)
    if not saying.is_enough:
        return False
    if not disputes.decide(connection, dispute, "returning", str(saying), wanted=("staff",)):
        raise Decided("the payment went back in another way")
    return True


def refuse(desk: Desk, dispute_id: int, by: str) -> None:
    """One of the staff says that the receiver keeps the money. Raises Undecided."""
    with desk.engine.begin() as connection:
        say_keep(connection, dispute_id, by)
    disputes.advance(desk, dispute_id)


def say_keep(connection: Connection, dispute_id: int, by: str) -> None:
    """The same, as far as it is decided; `disputes.advance` does it."""
    dispute = _with_staff(connection, dispute_id, by)
    disputes.decide(connection, dispute, "keeping", signer(connection, by), wanted=("staff",))


def _with_staff(connection: Connection, dispute_id: int, by: str) -> Dispute:
    """The dispute, locked, for somebody of the staff whose money it is not."""
    rows = connection.exec_driver_sql(
        disputes.SELECT + " WHERE id = %s FOR UPDATE", (dispute_id,)
    ).fetchall()
    if not rows or rows[0].state != "staff":
        raise Decided(f"no dispute {dispute_id} waits for staff")
    dispute = Dispute(*rows[0])
    for party_id in (dispute.sender_id, dispute.receiver_id):
        must_be_another(connection, by, party_id)
    return dispute
