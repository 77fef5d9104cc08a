"""A payment that its sender wants back, once both know of it: held, asked about, decided, done.

A decision is a state that is committed first; the ledger follows it under a key of the dispute's
own, now or at the next round, so that whatever falls over in between is taken up again. Who may
decide, and what may be disputed at all, is `reversals`' business.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app.domain import parties, promises
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import Desk
from ussd_app.domain.roles import CUSTOMER, Side
from ussd_app.domain.texts import two_names
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.drafts import OutboxRow

TYPE = "reversal"
ANSWERABLE = ("asked", "staff")
BY_RECEIVER, BY_CLOCK, BY_REFUND = "receiver", "clock", "refund"
HOLD_TRIES = 5
MOST_ROWS = 200

_COLUMNS = (
    *("id", "original_id", "receipt", "type", "sender_id", "receiver_id", "amount_minor"),
    *("held_minor", "hold_id", "state", "wrong_codes", "approvals", "answer_by", "decide_by"),
)
SELECT = f"SELECT {', '.join(_COLUMNS)} FROM disputes"  # noqa: S608 - our own columns


class Dispute(NamedTuple):
    """One row. `held_minor` is what was still there, at most the amount."""

    id: int
    original_id: int
    receipt: str
    type: str
    sender_id: int
    receiver_id: int
    amount_minor: int
    held_minor: int
    hold_id: int | None
    state: str
    wrong_codes: int
    approvals: list[str]
    answer_by: datetime
    decide_by: datetime


def by_id(source: Engine | Connection, dispute_id: int) -> Dispute:
    """A dispute, which must be there; given a connection, its row is locked."""
    if isinstance(source, Engine):
        with source.connect() as connection:
            row = connection.exec_driver_sql(SELECT + " WHERE id = %s", (dispute_id,)).one()
    else:
        row = source.exec_driver_sql(SELECT + " WHERE id = %s FOR UPDATE", (dispute_id,)).one()
    return Dispute(*row)


def code(desk: Desk, dispute: Dispute) -> str:
    """The four digits with which the receiver agrees by SMS; never kept, always the same."""
    return _codes(desk, dispute)[0]


def code_matches(desk: Desk, dispute: Dispute, typed: str) -> bool:
    """Whether these digits are the dispute's, under any root we have had."""
    return typed in _codes(desk, dispute)


def _codes(desk: Desk, dispute: Dispute) -> list[str]:
    prints = desk.keyring.fingerprints("reversal code", f"{dispute.id}:{dispute.receipt}")
    return [f"{int.from_bytes(print_[:8]) % 10_000:04d}" for print_ in prints]


def sides(desk: Desk, dispute: Dispute) -> dict[str, Side]:
    """Both sides of giving back: the payer got the payment, the payee had made it.

    Each with the account that took part, and a name as the other may see it.
    """
    with desk.reads.connect() as connection:
        facts = connection.exec_driver_sql(
            "SELECT facts FROM entries WHERE id = %s", (dispute.original_id,)
        ).scalar_one()
    kind = desk.catalogue.types[dispute.type]
    sender = parties.by_id(desk.reads, dispute.sender_id)
    receiver = parties.by_id(desk.reads, dispute.receiver_id)
    got, said = kind.parties[PAYEE], facts["said"][PAYEE]
    owned = desk.catalogue.accounts[got].owner == CUSTOMER
    name = two_names(receiver.name) if owned else str(said["name"]).upper()
    return {
        PAYER: Side(receiver, facts["roles"][PAYEE], name, str(said["number"])),
        PAYEE: Side(sender, facts["roles"][PAYER], two_names(sender.name), sender.msisdn),
    }


# deciding: a state, committed before the ledger follows


def decide(
    connection: Connection, dispute: Dispute, state: str, by: str, *, wanted: tuple[str, ...]
) -> bool:
    """Decide a dispute whose row is locked. False when it is not in a state to be decided, or the
    payment went back in another way."""
    connection.exec_driver_sql("SELECT dispute_lock(%s)", (dispute.original_id,))
    decided = connection.exec_driver_sql(
        "UPDATE disputes SET state = %s, ended_by = %s WHERE id = %s AND state = ANY (%s)"
        " AND (%s <> 'returning'"
        "      OR NOT EXISTS (SELECT FROM reversals WHERE reversed_id = original_id))",
        (state, by, dispute.id, list(wanted), state),
    )
    return decided.rowcount == 1


def to_staff(
    desk: Desk, connection: Connection, dispute: Dispute, by: str, *, tell_receiver: bool
) -> bool:
    """The receiver said no, or the clock for them: staff decide, where they may; else the money is
    kept. The dispute's row is locked. Returns whether staff decide."""
    if not desk.catalogue.rules["reversal_by_staff"][dispute.type]:
        decide(connection, dispute, "keeping", by, wanted=("asked",))
        return False
    connection.exec_driver_sql("UPDATE disputes SET state = 'staff' WHERE id = %s", (dispute.id,))
    both = sides(desk, dispute)
    sender, receiver = both[PAYEE].party, both[PAYER].party
    facts = {"receipt": dispute.receipt, "name": both[PAYER].name}
    parties.say(desk, connection, sender.msisdn, sender.language, "reversal_with_staff", **facts)
    if tell_receiver:
        to = (receiver.msisdn, receiver.language)
        parties.say(desk, connection, *to, "reversal_is_with_staff", receipt=dispute.receipt)
    return True


# what follows a decision


def advance(desk: Desk, dispute_id: int) -> None:
    """Do what a dispute's state asks of the ledger; safe to repeat, by anybody, at once."""
    dispute = by_id(desk.reads, dispute_id)
    match dispute.state:
        case "opening":
            _hold(desk, dispute)
        case "returning":
            assert dispute.hold_id is not None
            promises.settle(desk, dispute.hold_id, f"{TYPE}:return:{dispute.id}")
            _end(desk, dispute, "returned")
        case "keeping":
            assert dispute.hold_id is not None
            promises.void(desk, dispute.hold_id, f"{TYPE}:keep:{dispute.id}")
            _end(desk, dispute, "kept")


def _hold(desk: Desk, dispute: Dispute) -> None:
    """Hold what is still there and ask the receiver, in one commit; then say so in the row."""
    both = sides(desk, dispute)
    account = both[PAYER].account_id
    for _ in range(HOLD_TRIES):
        there = desk.book.balances([account])[account].available
        held = min(there, dispute.amount_minor)
        if held <= 0 and not _held_before(desk, dispute):
            _end(desk, dispute, "nothing")
            return
        try:
            hold_id = promises.secure(
                *(desk, TYPE, both, max(held, 1), f"{TYPE}:hold:{dispute.id}"),
                {"original": dispute.receipt},
                _questions(desk, dispute, both, held),
            )
        except Refused as spent:
            if spent.code is not RefusalCode.INSUFFICIENT_FUNDS:
                raise
            continue
        _asked(desk, dispute, hold_id)
        return


def _held_before(desk: Desk, dispute: Dispute) -> bool:
    """Whether the hold was made already, by somebody who could not say so in the row."""
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT EXISTS (SELECT FROM idempotency WHERE scope = 'system' AND key = %s)",
            (f"{TYPE}:hold:{dispute.id}",),
        )
        return bool(found.scalar_one())


def _questions(
    desk: Desk, dispute: Dispute, both: dict[str, Side], held_minor: int
) -> list[OutboxRow]:
    """The SMS that asks the receiver, and the one that tells the sender of it."""
    sender, receiver = both[PAYEE], both[PAYER]
    facts = {"receipt": dispute.receipt, "held": held_minor}
    return [
        OutboxRow(
            *("sms", receiver.party.msisdn, "reversal_ask", receiver.party.language),
            facts | {"name": sender.name, "code": code(desk, dispute)},
        ),
        OutboxRow(
            *("sms", sender.party.msisdn, "reversal_asked", sender.party.language),
            facts | {"name": receiver.name, "amount": dispute.amount_minor},
        ),
    ]


def _asked(desk: Desk, dispute: Dispute, hold_id: int) -> None:
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE disputes SET state = 'asked', hold_id = h.id, held_minor = h.amount_minor"
            " FROM holds h"
            " WHERE disputes.id = %s AND disputes.state = 'opening' AND h.id = %s",
            (dispute.id, hold_id),
        )


def _end(desk: Desk, dispute: Dispute, state: str) -> None:
    """Close a dispute, and tell the sender where the ledger's own receipts do not. Once."""
    with desk.engine.begin() as connection:
        ended = connection.exec_driver_sql(
            "UPDATE disputes SET state = %s, ended_at = %s WHERE id = %s AND state = %s"
            " RETURNING ended_by",
            (state, desk.clock.now(), dispute.id, dispute.state),
        ).fetchone()
        if ended is None or state == "returned" or ended.ended_by == BY_REFUND:
            return
        both = sides(desk, dispute)
        sender = both[PAYEE].party
        facts = {"receipt": dispute.receipt}
        template = "reversal_nothing"
        if state == "kept":
            template, facts = "reversal_refused", facts | {"name": both[PAYER].name}
        parties.say(desk, connection, sender.msisdn, sender.language, template, **facts)


# by the clock

_DUE = f"""{SELECT}
WHERE state IN ('asked', 'staff')
  AND (answer_by <= %s AND state = 'asked' OR decide_by <= %s
       OR EXISTS (SELECT FROM reversals WHERE reversed_id = original_id))
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"""


def take_up(desk: Desk) -> int:
    """What time has decided, and all that was decided and not done yet. Returns how many.

    One that fails leaves the others to their turn; the first failure is raised at the end.
    """
    count = _time_passes(desk)
    with desk.reads.connect() as connection:
        waiting = connection.exec_driver_sql(
            "SELECT id FROM disputes WHERE state IN ('opening', 'returning', 'keeping')"
            " ORDER BY id LIMIT %s",
            (MOST_ROWS,),
        ).scalars()
        ids = list(waiting)
    failure: Exception | None = None
    for dispute_id in ids:
        try:
            advance(desk, dispute_id)
        except Exception as wrong:
            failure = failure or wrong
    if failure is not None:
        raise failure
    return count + len(ids)


def _time_passes(desk: Desk) -> int:
    """Silence goes to staff, staff's silence to the receiver, and a refund settles it."""
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        rows = connection.exec_driver_sql(_DUE, (now, now, MOST_ROWS))
        late = [Dispute(*row) for row in rows]
        for dispute in late:
            if _went_back(connection, dispute):
                decide(connection, dispute, "keeping", BY_REFUND, wanted=ANSWERABLE)
            elif dispute.decide_by <= now:
                decide(connection, dispute, "keeping", BY_CLOCK, wanted=ANSWERABLE)
            else:
                to_staff(desk, connection, dispute, BY_CLOCK, tell_receiver=True)
    return len(late)


def _went_back(connection: Connection, dispute: Dispute) -> bool:
    found = connection.exec_driver_sql(
        "SELECT 1 FROM reversals WHERE reversed_id = %s", (dispute.original_id,)
    )
    return found.fetchone() is not None
