"""Somebody is asked on their phone to pay into our pay bill (STK push): for what, and how it ended.

A row is committed before Safaricom is called, and what comes of it is written there. The money
itself is entered by `arrival` under its M-PESA receipt, and goes where the account number says that
the payer was shown. Knows no Safaricom: asking and hearing are the work of workers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.msisdn import local

TOP_UP = "topup"
SHILLING = 100
LONGEST_ACCOUNT = 12

COLUMNS = (
    *("id", "purpose", "account", "facts", "msisdn", "language", "amount_minor", "state"),
    *("checkout_id", "mpesa", "result_code", "attempts", "looks", "created_at", "guessed"),
)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 3))"
_OPEN = """
SELECT EXISTS (SELECT FROM pushes WHERE msisdn = %s AND ended_at IS NULL AND created_at > %s)
"""
_MAKE = """
INSERT INTO pushes (purpose, account, facts, msisdn, language, amount_minor, due_at, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""

SORRY: Mapping[str, str] = {
    **dict.fromkeys(["1"], "push_no_money"),
    **dict.fromkeys(["2", "3", "4", "8"], "push_limited"),
    **dict.fromkeys(["17", "26", "1001"], "push_busy"),
    **dict.fromkeys(["1019", "1025", "1036", "1037", "9999"], "push_unreachable"),
    **dict.fromkeys(["1031", "1032"], "push_cancelled"),
    **dict.fromkeys(["2001"], "push_wrong_pin"),
    **dict.fromkeys(["8006"], "push_pin_locked"),
    **dict.fromkeys(["2028", "SFC_IC0003"], "push_refused"),
}
"""What the customer is told, by Safaricom's code of how it ended; its words vary and say nothing.
`push_refused` for every other code."""
BUSY, NOT_TAKEN = "1001", "not taken"


@dataclass(frozen=True)
class Push:
    """One question on somebody's phone, as it stands."""

    id: int
    purpose: str
    account: str
    facts: Mapping[str, Any]
    msisdn: str
    language: str
    amount_minor: int
    state: str
    checkout_id: str | None
    mpesa: str | None
    result_code: str | None
    attempts: int
    looks: int
    created_at: datetime
    guessed: bool


def ask_for(
    desk: Desk,
    connection: Connection,
    msisdn: str,
    amount_minor: int,
    account: str,
    purpose: str,
    facts: Mapping[str, object],
) -> int:
    """Ask a number to pay, in the connection's transaction; returns the push's id.

    `account` is shown on the phone and says where the money goes, as if it had been typed there.
    `facts` go with the entry; a `language` among them is for somebody who is no customer. Raises
    Refused(mpesa_silent | whole_shillings | amount_too_small | amount_too_large | too_fast).
    """
    must_be_payable(desk, amount_minor)
    rules, now = desk.catalogue.rules["mpesa_in"], desk.clock.now()
    connection.exec_driver_sql(_LOCK, (f"push {msisdn}",))
    since = now - timedelta(seconds=rules["one_at_a_time_s"])
    if connection.exec_driver_sql(_OPEN, (msisdn, since)).scalar_one():
        raise Refused(RefusalCode.TOO_FAST)
    party = parties.find(desk.reads, msisdn)
    language = party.language if party else str(facts.get("language", "en"))
    assert len(account) <= LONGEST_ACCOUNT
    given = (purpose, account, json.dumps(dict(facts)), msisdn, language, amount_minor, now, now)
    return int(connection.exec_driver_sql(_MAKE, given).scalar_one())


def must_be_payable(desk: Desk, amount_minor: int) -> None:
    """Whether M-PESA takes such an amount at all. Raises what `ask_for` does, but too_fast."""
    rules = desk.catalogue.rules["mpesa_in"]
    if desk.mpesa_shortcode is None:
        raise Refused(RefusalCode.MPESA_SILENT)
    if amount_minor % SHILLING:
        raise Refused(RefusalCode.WHOLE_SHILLINGS)
    if amount_minor < rules["least_minor"]:
        raise Refused(RefusalCode.AMOUNT_TOO_SMALL, least=rules["least_minor"])
    if amount_minor > rules["most_minor"]:
        raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=rules["most_minor"])


def top_up(desk: Desk, ask: Ask) -> Facts:
    """Ask the caller's own M-PESA for money for the wallet. It asks for the PIN there; none here.

    Raises what `ask_for` raises, and Refused(wallet_full).
    """

    def effect(connection: Connection) -> Facts:
        party = parties.known(connection, ask.msisdn)
        amount = int(ask.text("amount"))
        must_be_payable(desk, amount)
        _must_fit(desk, party, amount)
        ask_for(desk, connection, party.msisdn, amount, local(party.msisdn), TOP_UP, {})
        return {}

    return once(desk, "top_up", ask, effect)


def _must_fit(desk: Desk, party: Party, amount_minor: int) -> None:
    held = desk.book.balances([party.wallet_id])[party.wallet_id].total
    if held + amount_minor > desk.catalogue.tiers[party.tier].balance_minor:
        raise Refused(RefusalCode.WALLET_FULL)


def sorry(desk: Desk, connection: Connection, push: Push, code: str) -> None:
    """Tell whoever was asked that nothing was paid, and why."""
    parties.say(
        *(desk, connection, push.msisdn, push.language, SORRY.get(code, "push_refused")),
        amount=push.amount_minor,
    )
