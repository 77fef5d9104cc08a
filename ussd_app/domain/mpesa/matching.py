"""Money from M-PESA that nobody could place: two of the staff say whose it is, and it goes there.

Each says so by the account number that should have been typed; who names another one begins anew.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ussd_app.domain import parties, pins, staff
from ussd_app.domain.arrivals import enter
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.drafting import entered
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.mpesa import accounts
from ussd_app.domain.mpesa.accounts import FROZEN, UNKNOWN_THERE, Target
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET
from ussd_app.domain.texts import two_names
from ussd_app.domain.two_of_staff import SaidAlready, want
from ussd_app.kernel.daraja import account_number
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import local

KINDS = {
    WALLET: "mpesa_placed",
    accounts.TILL: "mpesa_placed_till",
    accounts.PAYBILL: "mpesa_placed_bill",
}
"""The type by which money that was kept aside goes to each kind of account."""
MOST = 500
MOST_LISTED = 20
ROW_WIDTH = 28

_WAITING = """
SELECT reference, amount_minor, facts, because, wanted, wanted_by, came_at FROM unplaced
WHERE source IN ('mpesa', 'found') AND state = 'waiting'
"""
_ALL = _WAITING + " ORDER BY came_at, reference LIMIT %s"
_ONE = _WAITING + " AND reference = %s"
_ENDED = "UPDATE unplaced SET state = 'released', ended_at = %s WHERE reference = %s"


@dataclass(frozen=True)
class Aside:
    """A payment that waits, and what one of the staff has said of it already."""

    mpesa: str
    amount_minor: int
    facts: dict[str, Any]
    because: str
    wanted: str | None
    wanted_by: str | None
    came_at: datetime


def waiting(desk: Desk) -> list[Aside]:
    """What staff have to decide, oldest first."""
    with desk.reads.connect() as connection:
        return [Aside(*row) for row in connection.exec_driver_sql(_ALL, (MOST,))]


def give(desk: Desk, connection: Connection, mpesa: str, account: str, by: str) -> str | None:
    """One of the staff says whose a payment is; it goes there when a second says the same.

    Returns the receipt number; None while somebody else must say it. Raises
    Refused(already_decided | said_already | unknown_number | unknown_bill_account | payee_frozen |
    payee_balance_limit).
    """
    aside = _one(connection, mpesa)
    key = f"unplaced:mpesa:{mpesa}"
    before = entered(desk, key)
    if before is None:
        target = _target(desk, account)
        try:
            saying = want(connection, mpesa, _words(target), by)
        except SaidAlready:
            raise Refused(RefusalCode.SAID_ALREADY) from None
        if not saying.is_enough:
            return None
        receipt = _enter(desk, aside, target, key, str(saying))
    connection.exec_driver_sql(_ENDED, (desk.clock.now(), mpesa))
    return before.receipt if before else receipt


def _enter(desk: Desk, aside: Aside, target: Target, key: str, by: str) -> str:
    assert target.meaning is not None
    reference = target.meaning.reference
    told = {name: aside.facts[name] for name in ("mpesa", "sender", "account")}
    told |= {"staff": by, **({"reference": reference} if reference else {})}
    kind = accounts.kind_of(desk, target, KINDS).name
    digest = fingerprint("unplaced", aside.mpesa)
    return enter(desk, kind, aside.amount_minor, key, digest, payee=target.side, said=told)


def _one(connection: Connection, mpesa: str) -> Aside:
    row = connection.exec_driver_sql(_ONE + " FOR UPDATE", (mpesa,)).fetchone()
    if row is None:
        raise Refused(RefusalCode.ALREADY_DECIDED)
    return Aside(*row)


def _target(desk: Desk, account: str) -> Target:
    target = accounts.targets(desk, [account])[account]
    if target.because == FROZEN:
        raise Refused(RefusalCode.PAYEE_FROZEN)
    if target.because == UNKNOWN_THERE:
        raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)
    if target.because is not None:
        raise Refused(RefusalCode.UNKNOWN_NUMBER)
    return target


def _words(target: Target) -> str:
    """A target as the staff are shown it, the same however it was typed."""
    assert target.meaning is not None
    if target.meaning.kind == WALLET:
        return local(target.meaning.number)
    return f"{target.meaning.number} {target.meaning.reference}".rstrip()


# from the staff menu


def listed(desk: Desk, ask: Ask) -> Facts:
    """Payments that wait, oldest first, as rows. Raises Refused(not_yours)."""
    _must_be_staff(desk, ask)
    rows = [
        {
            "key": aside.mpesa,
            "label": f"{aside.mpesa} {format_minor(aside.amount_minor)}"[:ROW_WIDTH],
        }
        for aside in waiting(desk)[:MOST_LISTED]
    ]
    return {"payments": rows}


def look(desk: Desk, ask: Ask) -> Facts:
    """One payment that waits: how much, from whom, and for what account."""
    _must_be_staff(desk, ask)
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(_ONE, (ask.text("payment"),)).fetchone()
    if row is None:
        raise Refused(RefusalCode.ALREADY_DECIDED)
    aside = Aside(*row)
    return {
        "amount": aside.amount_minor,
        "sender": str(aside.facts["sender"])[:14],
        "typed": account_number(str(aside.facts["account"]))[:16] or "-",
        "wanted": (aside.wanted or "-")[:20],
    }


def whose(desk: Desk, ask: Ask) -> Facts:
    """Who goes by an account number that staff typed. Raises what `give` raises of it."""
    _must_be_staff(desk, ask)
    side = _target(desk, ask.text("account")).side
    assert side is not None
    return {"payee_name": two_names(side.name) if side.agreement is None else side.name.upper()}


def place(desk: Desk, ask: Ask) -> Facts:
    """Say with the PIN whose a payment is. Gives whether it went there by that."""

    def then(connection: Connection, party: Party) -> Facts:
        name = staff.name_of(connection, party.id)
        if name is None:
            raise Refused(RefusalCode.NOT_YOURS)
        given = give(desk, connection, ask.text("payment"), ask.text("account"), name)
        return {"outcome": "noted" if given is None else "placed"}

    return pins.with_pin(desk, "place_payment", ask, then)


def _must_be_staff(desk: Desk, ask: Ask) -> None:
    party = parties.known(desk.reads, ask.msisdn)
    if staff.name_of(desk.reads, party.id) is None:
        raise Refused(RefusalCode.NOT_YOURS)
