"""Who may ask for a payment back, which payments, and how late.

Moves nothing itself: `disputes` holds what is still there, once the request is committed. What the
receiver and staff say to it is `verdicts`' business.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from ussd_app.domain import disputes, parties, pins
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import CUSTOMER
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import readings
from ussd_app.kernel.money import format_minor

ROWS = 5
ROW_WIDTH = 28
LEGS_LOOKED_AT = 60
"""Among so many of a wallet's latest legs the last payments are looked for."""
DAY_S = 86_400


class Payment(NamedTuple):
    """An entry that somebody made, as far as giving it back goes."""

    id: int
    receipt: str
    type: str
    happened_at: datetime
    facts: dict[str, Any]

    @property
    def amount_minor(self) -> int:
        """What was paid, without fees."""
        return int(self.facts["price"][AMOUNT])

    def receiver_name(self, desk: Desk) -> str:
        """Whoever got it, as the sender may see them."""
        kind = desk.catalogue.types[self.type]
        name = str(self.facts["said"][PAYEE]["name"])
        if desk.catalogue.accounts[kind.parties[PAYEE]].owner == CUSTOMER:
            return two_names(name)
        return name.upper()


def find_payment(source: Engine | Connection, party: Party, typed: str) -> Payment:
    """The party's own payment of a receipt number, or what they were told of under it: value that
    is only held for somebody outside. Raises Refused(unknown_receipt).

    Somebody else's is as unknown as none.
    """
    if isinstance(source, Engine):
        with source.connect() as connection:
            return find_payment(connection, party, typed)
    rows = source.exec_driver_sql(
        "SELECT id, receipt, type, happened_at, facts FROM entries"
        " WHERE receipt = ANY (%s) AND reverses IS NULL",
        (readings(typed),),
    )
    for payment in (Payment(*row) for row in rows):
        if payment.facts.get("parties", {}).get(PAYER) == party.id:
            return payment
    raise Refused(RefusalCode.UNKNOWN_RECEIPT)


def judge(desk: Desk, connection: Connection, party: Party, payment: Payment) -> None:
    """Whether this payment may be asked back now.

    Raises Refused(not_reversible | too_late | already_asked | too_many_requests | nothing_left).
    """
    within_s = desk.catalogue.rules["reversal_within_s"].get(payment.type)
    if within_s is None:
        raise Refused(RefusalCode.NOT_REVERSIBLE)
    now = desk.clock.now()
    if now > payment.happened_at + timedelta(seconds=within_s):
        raise Refused(RefusalCode.TOO_LATE)
    if _is_settled(connection, payment):
        raise Refused(RefusalCode.ALREADY_ASKED)
    asked = connection.exec_driver_sql(
        "SELECT count(*) FROM disputes WHERE sender_id = %s AND asked_at > %s",
        (party.id, now - timedelta(seconds=DAY_S)),
    ).scalar_one()
    if asked >= desk.catalogue.rules["reversal"]["requests_a_day"]:
        raise Refused(RefusalCode.TOO_MANY_REQUESTS)
    account = payment.facts["roles"][PAYEE]
    if desk.book.balances([account])[account].available <= 0:
        raise Refused(RefusalCode.NOTHING_LEFT)


def _is_settled(connection: Connection, payment: Payment) -> bool:
    """Whether somebody disputes it already, or it went back."""
    found = connection.exec_driver_sql(
        "SELECT EXISTS (SELECT FROM disputes WHERE original_id = %s AND state <> 'nothing')"
        " OR EXISTS (SELECT FROM reversals WHERE reversed_id = %s)",
        (payment.id, payment.id),
    )
    return bool(found.scalar_one())


def open_dispute(desk: Desk, connection: Connection, party: Party, payment: Payment) -> int:
    """Write down that a payment is wanted back, when it may be. Returns the dispute's id.

    What is still there is held by `disputes.advance`, once this is committed.
    """
    judge(desk, connection, party, payment)
    now, rules = desk.clock.now(), desk.catalogue.rules["reversal"]
    answer_by = now + timedelta(seconds=rules["answer_s"])
    row = connection.exec_driver_sql(
        "INSERT INTO disputes (original_id, receipt, type, sender_id, receiver_id, amount_minor,"
        " asked_at, answer_by, decide_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (
            *(payment.id, payment.receipt, payment.type, party.id),
            *(payment.facts["parties"][PAYEE], payment.amount_minor, now, answer_by),
            answer_by + timedelta(seconds=rules["decide_s"]),
        ),
    ).fetchone()
    if row is None:
        raise Refused(RefusalCode.ALREADY_ASKED)
    return int(row.id)


# the sender, by USSD


def recent(desk: Desk, ask: Ask) -> Facts:
    """With the PIN: the caller's last payments that may be asked back, and a proof for doing so."""

    def then(connection: Connection, party: Party) -> Facts:
        rows = [_row(desk, payment) for payment in _last(desk, party)]
        return {"payments": rows, "proof": pins.proof(desk, connection, party.msisdn)}

    return pins.with_pin(desk, "recent_payments", ask, then)


def _row(desk: Desk, payment: Payment) -> dict[str, str]:
    day = nairobi(payment.happened_at)
    amount = format_minor(payment.amount_minor)
    label = f"{day.day}/{day.month} {amount} {payment.receiver_name(desk)}"
    return {"key": payment.receipt, "label": label[:ROW_WIDTH].rstrip()}


def _last(desk: Desk, party: Party) -> list[Payment]:
    """Payments out of a wallet, newest first, of types that can be reversed and not too late."""
    within_s = desk.catalogue.rules["reversal_within_s"]
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT DISTINCT e.id, e.receipt, e.type, e.happened_at, e.facts FROM ("
            "   SELECT entry_id FROM legs WHERE from_id = %s AND from_shard = 0"
            "    ORDER BY from_version DESC LIMIT %s) l"
            " JOIN entries e ON e.id = l.entry_id AND e.type = ANY (%s)"
            " WHERE NOT EXISTS (SELECT FROM disputes d"
            "                    WHERE d.original_id = e.id AND d.state <> 'nothing')"
            "   AND NOT EXISTS (SELECT FROM reversals r WHERE r.reversed_id = e.id)"
            " ORDER BY e.id DESC",
            (party.wallet_id, LEGS_LOOKED_AT, list(within_s)),
        )
        found = [Payment(*row) for row in rows]
    now = desk.clock.now()
    in_time = (
        payment
        for payment in found
        if now <= payment.happened_at + timedelta(seconds=within_s[payment.type])
    )
    return list(in_time)[:ROWS]


def preview(desk: Desk, ask: Ask) -> Facts:
    """What asking a payment back would be: of whom, and how much. By a row, or as typed."""
    party = parties.known(desk.reads, ask.msisdn)
    payment = find_payment(desk.reads, party, str(ask.args.get("picked") or ask.args.get("typed")))
    with desk.reads.connect() as connection:
        judge(desk, connection, party, payment)
    return {
        "payment": payment.receipt,
        "receiver_name": payment.receiver_name(desk),
        "paid": payment.amount_minor,
    }


def request(desk: Desk, ask: Ask) -> Facts:
    """Ask a payment back: what is still there is held, and the receiver is asked."""

    def effect(connection: Connection) -> Facts:
        party = parties.known(connection, ask.msisdn)
        pins.spend_proof(desk, connection, ask.msisdn, ask.text("proof"))
        payment = find_payment(connection, party, ask.text("payment"))
        return {"dispute": str(open_dispute(desk, connection, party, payment))}

    facts = once(desk, "request_reversal", ask, effect)
    disputes.advance(desk, int(str(facts["dispute"])))
    return {}
