"""What the world says of errands by itself, and what it sends: from the inbox to its meaning.

An answer may come before that of the call which asked has been written down, for an errand whose
name at the provider we never learned, twice, or against an earlier one; each has one outcome here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain import deposits
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.msisdn import local
from workers import daraja_results, errand_rows, inbox, reconcile
from workers.errand_rows import BY_PROVIDER, BY_RECEIVER, BY_REFERENCE
from workers.gateways.africastalking import kes_minor
from workers.inbox import Heard
from workers.shop import Shop

AIRTIME_STATUS, BANK_RESULT, BANK_CREDIT = "airtime_status", "bank_result", "bank_credit"
BALANCE = "mpesa_balance_result"

FINAL = {"Success": True, "Failed": False, "accepted": True, "rejected": False}
"""What ends an errand, by the words of those who say it, and whether it was done."""

log = logs.get(__name__)


def airtime_status(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """The reseller says what became of a purchase, by its own name for it.

    When we never learned that name, the purchase is known by number and amount, if there is just
    one such in doubt; of several nobody can tell which is meant, and a person decides.
    """
    body = heard.body
    minor = kes_minor(body["value"])
    rows = errand_rows.named(connection, BY_PROVIDER, "airtime", body["id"])
    if not rows and minor is not None:
        receiver = local(body["phone"])
        rows = errand_rows.named(connection, BY_RECEIVER, "airtime", receiver, minor)
    if any(row.state == "sending" for row in rows) or not rows:
        inbox.wait(connection, heard, now, "its errand is not known")
    elif len(rows) > 1:
        inbox.wait(connection, heard, now, "it may be about several")
    elif minor is not None and minor != rows[0].facts["amount"]:
        log.error("another value than was asked for was reported", id=rows[0].id)
        inbox.done(connection, [heard.id], now, "another value than was asked for")
    else:
        _told(connection, heard, rows, now, body["id"])


def bank_result(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """The switch says what became of a transfer, by our name for it."""
    rows = errand_rows.named(connection, BY_REFERENCE, "bank", heard.body["reference"])
    if rows:
        _told(connection, heard, rows, now, None)
    else:
        inbox.wait(connection, heard, now, "its errand is not known")


def bank_credit(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """The switch says that money has come for somebody."""
    came = deposits.read(heard.body)
    try:
        why = deposits.receive(shop.app.bank.desk, connection, came)
    except Refused as refused:
        if refused.code is not RefusalCode.KEY_CONFLICT:
            raise
        log.error("money is told of with another amount", reference=came.reference)
        shop.app.metrics.alarm("bank_contradicted")
        inbox.dead(connection, heard.id, now, "another amount was entered under its reference")
        return
    if why is not None:
        log.warning("money that came is kept aside", reference=came.reference, why=why)
    inbox.done(connection, [heard.id], now, why)


def _told(
    connection: Connection,
    heard: Heard,
    rows: Sequence[Any],
    now: datetime,
    provider_id: str | None,
) -> None:
    """Write onto an errand what was said of it."""
    row, done = rows[0], FINAL.get(heard.body["status"])
    if done is None:
        inbox.done(connection, [heard.id], now, "says nothing final")
        return
    state = _after(row.state, done)
    if state is None:
        inbox.wait(connection, heard, now, "its errand is being ended")
        return
    if state != row.state:
        reason = None if done else (heard.body.get("reason") or "reported as failed")
        errand_rows.said(
            *(connection, row.id, [row.state], state, now), error=reason, provider_id=provider_id
        )
        if state == "disputed":
            log.error("an errand that came to nothing is said to be done", id=row.id)
    inbox.done(connection, [heard.id], now)


def _after(state: str, done: bool) -> str | None:
    """The state of an errand after the world has said this of it; None while it is being ended."""
    match state:
        case "queued" | "sending" | "unknown":
            return "agreed" if done else "declined"
        case "agreed" | "declined" | "returning":
            return state if done == (state == "agreed") else None
        case "done":
            return "done" if done else "returning"
        case "refused" | "returned":
            return "disputed" if done else state
    return state


ANSWERS: Mapping[str, Callable[[Shop, Connection, Heard, datetime], None]] = {
    AIRTIME_STATUS: airtime_status,
    BANK_RESULT: bank_result,
    BANK_CREDIT: bank_credit,
    **daraja_results.ANSWERS,
    BALANCE: reconcile.balance,
}
