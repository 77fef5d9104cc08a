"""Money that comes from a bank: given to the customer it names, or kept aside for staff to decide.

It has come, whatever we say: nothing of it is refused. Each reference of the switch is entered
once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from ussd_app.domain import parties, roles, two_of_staff
from ussd_app.domain.arrivals import enter, entered_as, must_be_the_same
from ussd_app.domain.desk import Desk
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET
from ussd_app.domain.two_of_staff import SIGNED, Decided, Undecided
from ussd_app.kernel.errors import RefusalCode, Refused

DEPOSIT, UNPLACED = "bank_deposit", "bank_unplaced"
RELEASED, SENT_BACK = "bank_released", "bank_sent_back"

UNKNOWN, FROZEN, FULL = "unknown customer", "account on hold", "over the balance limit"

_KEPT = """
INSERT INTO unplaced (reference, receipt, amount_minor, facts, because, came_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (reference) DO NOTHING
"""
_WAITING = """
SELECT reference, receipt, amount_minor, facts, because, wanted, wanted_by, came_at FROM unplaced
WHERE state = 'waiting' AND source = 'bank' ORDER BY came_at, reference LIMIT %s
"""
_ONE = """
SELECT reference, receipt, amount_minor, facts, because, wanted, wanted_by, came_at FROM unplaced
WHERE reference = %s AND state = 'waiting' AND source = 'bank' FOR UPDATE
"""
_ENDED = "UPDATE unplaced SET state = %s, ended_at = %s WHERE reference = %s"

BACK = "back"
"""Where money is wanted that goes back to its bank; a customer's number says the customer."""
MOST = 500


@dataclass(frozen=True)
class Deposit:
    """What the switch says has come: its reference, for whom (E.164), how much, from whom."""

    reference: str
    msisdn: str
    amount_minor: int
    bank: str
    sender: str


@dataclass(frozen=True)
class Unplaced:
    """Money in suspense. `facts` are what its receipt will say; `wanted_by` are those of the staff
    who want it to go where it is `wanted`."""

    reference: str
    receipt: str
    amount_minor: int
    facts: Mapping[str, Any]
    because: str
    wanted: str | None
    wanted_by: str | None
    came_at: datetime


def read(body: Mapping[str, str]) -> Deposit:
    """A notice of the switch, its fields judged by the door already."""
    amount = int(body["amount_minor"])
    return Deposit(body["reference"], body["msisdn"], amount, body["bank"], body["sender"])


def receive(desk: Desk, connection: Connection, came: Deposit) -> str | None:
    """Give the money to the customer; otherwise keep it aside and say why.

    One key for both, so that no reference is entered twice whatever has changed since. Raises
    Refused(key_conflict) when another amount was entered under the reference.
    """
    key = f"bank_credit:{came.reference}"
    before = entered_as(desk, key)
    if before == DEPOSIT:
        must_be_the_same(desk, key, _print(came))
        return None
    party = parties.find(desk.reads, came.msisdn)
    why = _obstacle(party)
    if party is not None and why is None and before is None:
        try:
            side = roles.own(desk, WALLET, party)
            enter(
                *(desk, DEPOSIT, came.amount_minor, key, _print(came)),
                payee=side,
                said=_said(desk, came),
            )
            return None
        except Refused as refused:
            if refused.code is not RefusalCode.PAYEE_BALANCE_LIMIT:
                raise
    why = why or FULL
    receipt = enter(desk, UNPLACED, came.amount_minor, key, _print(came), said=_said(desk, came))
    facts = json.dumps({**_said(desk, came), "msisdn": came.msisdn})
    connection.exec_driver_sql(
        _KEPT, (came.reference, receipt, came.amount_minor, facts, why, desk.clock.now())
    )
    return why


def waiting(engine: Engine) -> list[Unplaced]:
    """What staff have to decide, oldest first."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(_WAITING, (MOST,))
        return [Unplaced(**row) for row in rows.mappings()]


def release(desk: Desk, reference: str, msisdn: str, by: str) -> str | None:
    """One of the staff says whose money that waits is; it goes there when a second says the same.

    Returns the receipt number; None while somebody else must say it. Raises Undecided.
    """
    party = parties.find(desk.reads, msisdn)
    obstacle = _obstacle(party)
    if party is None or obstacle is not None:
        raise Undecided(f"It cannot go to {msisdn}: {obstacle}.")
    return _decide(desk, reference, msisdn, by, RELEASED, roles.own(desk, WALLET, party))


def send_back(desk: Desk, reference: str, by: str) -> str | None:
    """One of the staff wants money that waits owed to the switch again; the same."""
    return _decide(desk, reference, BACK, by, SENT_BACK, None)


def _decide(
    desk: Desk, reference: str, where: str, by: str, kind: str, payee: roles.Side | None
) -> str | None:
    """One decision a reference: the key is the same, whatever is decided."""
    key, digest = f"unplaced:{reference}", fingerprint("unplaced", reference)
    with desk.engine.begin() as connection:
        row = connection.exec_driver_sql(_ONE, (reference,)).mappings().first()
        if row is None:
            raise Decided(f"Nothing waits under {reference}.")
        kept = Unplaced(**row)
        before, receipt = entered_as(desk, key), None
        if before is None:
            saying = two_of_staff.want(connection, reference, where, by)
            if not saying.is_enough:
                return None
            said = {**kept.facts, SIGNED: str(saying)}
            try:
                receipt = enter(
                    *(desk, kind, kept.amount_minor, key, digest), payee=payee, said=said
                )
            except Refused as refused:
                raise Undecided(f"It cannot go there: {refused.code.value}.") from None
        state = "sent_back" if (before or kind) == SENT_BACK else "released"
        connection.exec_driver_sql(_ENDED, (state, desk.clock.now(), reference))
    if receipt is None:
        raise Decided(f"What waited under {reference} was {state} already.")
    return receipt


def _obstacle(party: Party | None) -> str | None:
    if party is None:
        return UNKNOWN
    return None if party.status == "active" else FROZEN


def _print(came: Deposit) -> bytes:
    return fingerprint("bank_credit", came.reference, came.amount_minor)


def _said(desk: Desk, came: Deposit) -> dict[str, object]:
    bank = desk.catalogue.banks.get(came.bank)
    name = bank.name if bank else f"bank {came.bank}"
    return {"reference": came.reference, "bank_name": name, "sender": came.sender}
