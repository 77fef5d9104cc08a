"""Money that has come from M-PESA: given to whom it names, or kept aside until staff decide.

It has come, whatever we say: nothing of it is refused. One entry an M-PESA receipt, whoever tells
us first: the callback of a push, the confirmation of a payment, or the list that Safaricom keeps.

Ten thousand confirmations come in a minute where a big biller has its pay day, 167 a second. What
is the same for many is asked once for all of them, and they go on several lines; what is left is a
round trip to the ledger each, and what a biller's own books ask. `bench/paybill.py` measures it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.arrivals import enter, entered_as
from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.mpesa import accounts
from ussd_app.domain.mpesa.accounts import Target
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET
from ussd_app.domain.texts import two_names
from ussd_app.kernel.daraja import account_number, is_hashed
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.msisdn import parse

PLACES: Mapping[str, str] = {
    WALLET: "mpesa_topup",
    accounts.TILL: "mpesa_till",
    accounts.PAYBILL: "mpesa_bill",
}
"""The type by which money goes to each kind of account."""
UNPLACED = "mpesa_unplaced"
FULL = "over the balance limit"
AGAIN = frozenset({RefusalCode.KEY_CONFLICT, RefusalCode.INSUFFICIENT_FUNDS})
"""Refusals that say nothing of whose the money is: a contradiction, and accounts of a biller's that
moved under it. Any other keeps it aside."""
NOBODY = "M-PESA"
"""Who has sent it, where Safaricom names nobody."""

_ENTERED_AS = """
SELECT key, type, receipt, request_hash FROM answers WHERE scope = %s AND key = ANY (%s)
"""
_ENTERED = """
INSERT INTO mpesa_receipts (entered_at, mpesa, amount_minor, account, payer, receipt, paid_at)
SELECT %s, * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[],
                         %s::timestamptz[])
ON CONFLICT (mpesa) DO NOTHING
"""
_KEPT = """
INSERT INTO unplaced (reference, source, receipt, amount_minor, facts, because, came_at)
VALUES (%s, 'mpesa', %s, %s, %s, %s, %s) ON CONFLICT (reference) DO NOTHING
"""
_BY_DIGEST = f"""
SELECT {", ".join(parties.COLUMNS)} FROM parties
WHERE encode(sha256(substr(msisdn, 2)::bytea), 'hex') = %s AND status <> 'closed'
"""  # noqa: S608 - our own columns


@dataclass(frozen=True)
class Payment:
    """What Safaricom says was paid into our pay bill.

    `account` is as it was typed; `payer` a number (E.164 or not), a masked one or a digest. `facts`
    go with the entry besides; a `doubt` is why it is not released yet, wherever it belongs.
    """

    mpesa: str
    amount_minor: int
    account: str
    payer: str
    name: str
    paid_at: datetime
    facts: Mapping[str, object] = field(default_factory=dict)
    doubt: str | None = None

    @property
    def key(self) -> str:
        """The ledger's key of it."""
        return f"mpesa:{self.mpesa}"

    @property
    def print(self) -> bytes:
        """What tells it from another payment under the same receipt."""
        return fingerprint("mpesa", self.mpesa, self.amount_minor)


@dataclass(frozen=True)
class Placed:
    """A payment that stands in the ledger, under our receipt: since now, or `repeated`, since
    before. `because` when it is kept aside."""

    payment: Payment
    receipt: str
    because: str | None = None
    repeated: bool = False


class _Before(NamedTuple):
    """The entry that was made of a payment before."""

    type: str
    receipt: str
    print: bytes


Outcome = Placed | Exception
Each = Callable[[Callable[[Payment], Outcome], Iterable[Payment]], Iterable[Outcome]]
"""How a function is applied to many payments: one after the other, or several at a time."""


def place(
    desk: Desk, connection: Connection, came: Sequence[Payment], each: Each = map
) -> list[Outcome]:
    """Enter payments, each once, and note in the connection's transaction what was entered.

    What happens to one does not hold up another: its exception is its outcome, as
    Refused(key_conflict) for another amount than was entered under the receipt before.
    """
    targets = accounts.targets(desk, {payment.account for payment in came})
    before = _before(desk, came)

    def one(payment: Payment) -> Outcome:
        try:
            target = targets[payment.account]
            return _placed(desk, payment, target, before.get(payment.key))
        except Exception as failure:
            return failure

    outcomes = list(each(one, came))
    _note(desk, connection, [it for it in outcomes if isinstance(it, Placed)])
    return outcomes


def only(outcomes: Sequence[Outcome]) -> Placed:
    """The outcome of the one payment that was placed. Raises what happened to it."""
    (outcome,) = outcomes
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def said(desk: Desk, payment: Payment, target: Target) -> dict[str, object]:
    """What the entry of a payment says, for its receipts and for people."""
    reference = target.meaning.reference if target.meaning else ""
    told = {"mpesa": payment.mpesa, "sender": _sender(desk, payment), "account": payment.account}
    return {**told, **({"reference": reference} if reference else {}), **payment.facts}


def _sender(desk: Desk, payment: Payment) -> str:
    """A payer as a receipt names them: as Safaricom does, or else as we do."""
    named = two_names("".join(it for it in payment.name if it.isascii() and it.isprintable()))
    payer = None if named else _known(desk, payment.payer)
    return two_names(payer.name) if payer else named or NOBODY


def _placed(desk: Desk, payment: Payment, target: Target, before: _Before | None) -> Placed:
    """Give the money to its target, otherwise keep it aside."""
    why = target.because or payment.doubt
    if before is not None:
        if before.print != payment.print:
            raise Refused(RefusalCode.KEY_CONFLICT)
        aside = before.type == UNPLACED
        return Placed(payment, before.receipt, (why or FULL) if aside else None, repeated=True)
    given = (payment.amount_minor, payment.key, payment.print)
    told = said(desk, payment, target)
    if why is None:
        kind = accounts.kind_of(desk, target, PLACES).name
        try:
            return Placed(payment, enter(desk, kind, *given, payee=target.side, said=told))
        except Refused as refused:
            if refused.code in AGAIN:
                raise
            full = refused.code is RefusalCode.PAYEE_BALANCE_LIMIT
            why = FULL if full else refused.code.value.replace("_", " ")
    receipt = enter(desk, UNPLACED, *given, said=told)
    twins = entered_as(desk, payment.key) != UNPLACED
    return Placed(payment, receipt, None if twins else why, repeated=twins)


def _before(desk: Desk, came: Sequence[Payment]) -> dict[str, _Before]:
    """The entries that were made of these before, by key."""
    keys = [payment.key for payment in came]
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(_ENTERED_AS, (SYSTEM, keys))
        return {row[0]: _Before(row[1], row[2], bytes(row[3])) for row in rows}


def _note(desk: Desk, connection: Connection, placed: Sequence[Placed]) -> None:
    now = desk.clock.now()
    columns = zip(*_rows(placed), strict=True)
    if placed:
        connection.exec_driver_sql(_ENTERED, (now, *(list(column) for column in columns)))
    for it in placed:
        if it.because is not None:
            _keep(desk, connection, it)


def _keep(desk: Desk, connection: Connection, it: Placed) -> None:
    """Let staff decide; a payer whom we know is told that the money is safe."""
    payment, payer = it.payment, _known(desk, it.payment.payer)
    facts = {"mpesa": payment.mpesa, "sender": _sender(desk, payment), "account": payment.account}
    facts |= {"payer": payer.msisdn} if payer else {}
    told = (it.receipt, payment.amount_minor, json.dumps(facts), it.because, desk.clock.now())
    new = connection.exec_driver_sql(_KEPT, (payment.mpesa, *told)).rowcount == 1
    if new and payer is not None:
        parties.say(
            *(desk, connection, payer.msisdn, payer.language, "mpesa_kept_aside"),
            amount=payment.amount_minor,
            mpesa=payment.mpesa,
        )


def _known(desk: Desk, payer: str) -> Party | None:
    """The customer of ours who paid, where Safaricom names them by number or by digest."""
    if is_hashed(payer):
        with desk.reads.connect() as connection:
            row = connection.exec_driver_sql(_BY_DIGEST, (payer,)).fetchone()
        return Party(*row) if row else None
    msisdn = parse(payer)
    return parties.find(desk.reads, msisdn) if msisdn else None


def _rows(placed: Sequence[Placed]) -> Iterator[tuple[object, ...]]:
    for it in placed:
        payment = it.payment
        account = account_number(payment.account)
        yield (payment.mpesa, payment.amount_minor, account, payment.payer, it.receipt,
               payment.paid_at)  # fmt: skip
