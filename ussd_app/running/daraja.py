"""For staff at a terminal: say to Safaricom where payments are told, and ask it about one or all.

Prints what Safaricom answered and nothing better. What it says later comes to the server's doors,
and is waited for here; it is found in the inbox, where it is kept as it came.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis
from sqlalchemy import Engine

from ussd_app.bootstrap import connect
from ussd_app.kernel.clock import nairobi
from ussd_app.kernel.daraja import (
    Accepted,
    NotUnderstood,
    Result,
    balances_of,
    read_result,
    status_of,
)
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import parse
from ussd_app.running.inspection import reachable
from ussd_app.settings import Settings

if TYPE_CHECKING:
    from workers.gateways.daraja import Daraja
    from workers.gateways.daraja_line import Failed

WAIT_S = 30.0
STEP_S = 0.25
ALREADY = ("already registered", "duplicate notification")

_SAID = """
SELECT body->>'raw' FROM inbox
WHERE kind = %(kind)s AND natural_key LIKE '%%|' || %(conversation)s || ':%%'
ORDER BY id DESC LIMIT 1
"""


class Unsaid(Exception):
    """There is nothing good to print; the words say why."""


@dataclass(frozen=True)
class Desk:
    """Who asks: Safaricom's client, and where its answers lie."""

    safaricom: "Daraja"
    engine: Engine
    shortcode: str
    site: str


def add_words(parser: argparse.ArgumentParser) -> None:
    """What can be said after `daraja`."""
    what = parser.add_subparsers(dest="what", required=True, metavar="what")
    words = what.add_parser("register", help="say where payments to the pay bill are told; once")
    words.add_argument("--version", type=int, choices=(1, 2), default=2, help="of their API")
    words.add_argument(
        "--unanswered",
        choices=("Completed", "Cancelled"),
        default="Completed",
        help="what becomes of a payment when nobody answers whether it may be made",
    )
    words = what.add_parser("register-pull", help="ask for leave to list payments of two days")
    words.add_argument("phone", help="who is told of it")
    what.add_parser("balance", help="what is in the pay bill's accounts")
    words = what.add_parser("status", help="what became of a payment")
    words.add_argument("receipt", help="M-PESA's")


def manage(settings: Settings, options: argparse.Namespace) -> int:
    """Ask what staff ask. Returns 1 when it has no good answer."""
    from workers.answering import daraja

    with reachable(settings) as known:
        client = redis.Redis.from_url(str(known.redis_url), socket_timeout=5)
        engine = connect(str(known.database_url))
        try:
            safaricom = daraja(known, client)
            if safaricom is None:
                raise Unsaid("There is no DARAJA_URL: nobody to ask.")
            desk = Desk(safaricom, engine, known.daraja_shortcode, known.public_url)
            print(SAYINGS[options.what](desk, options))
        except Unsaid as why:
            print(why)
            return 1
        finally:
            engine.dispose()
            client.close()
    return 0


def _register(desk: Desk, options: argparse.Namespace) -> str:
    answer = desk.safaricom.register(options.version, options.unanswered)
    if not isinstance(answer, Accepted):
        raise Unsaid(_not_registered(answer))
    return (
        f"Safaricom says: {answer.said}. Payments to {desk.shortcode} are told to {desk.site};"
        f" one that nobody answers for is {options.unanswered.lower()}."
    )


def _not_registered(failed: "Failed") -> str:
    if any(words in failed.reason.lower() for words in ALREADY):
        return (
            f"Nothing has changed. Safaricom says: {failed.reason}. It registers once; what stands"
            " there now is changed in its portal, under URL management, or by e-mail."
        )
    return _failure(failed)


def _register_pull(desk: Desk, options: argparse.Namespace) -> str:
    msisdn = parse(options.phone)
    if msisdn is None:
        raise Unsaid(f"{options.phone} is no Kenyan mobile number.")
    answer = desk.safaricom.register_pull(msisdn)
    if not isinstance(answer, bool):
        raise Unsaid(_failure(answer))
    if not answer:
        raise Unsaid("Safaricom says no.")
    return f"Payments to {desk.shortcode} may be listed from now on."


def _balance(desk: Desk, _options: argparse.Namespace) -> str:
    result = _told(desk, "balance", desk.safaricom.balance())
    try:
        accounts = balances_of(result)
    except NotUnderstood:
        raise Unsaid(_refusal(result)) from None
    width = max((len(account.name) for account in accounts), default=0)
    return "\n".join(
        f"{account.name:<{width}}  available {account.currency}"
        f" {format_minor(account.available_minor):>16}"
        f"  reserved {format_minor(account.reserved_minor):>16}"
        for account in accounts
    )


def _status(desk: Desk, options: argparse.Namespace) -> str:
    result = _told(desk, "status", desk.safaricom.status(receipt=options.receipt.upper()))
    try:
        status = status_of(result)
    except NotUnderstood:
        raise Unsaid(_refusal(result)) from None
    amount = "?" if status.amount_minor is None else format_minor(status.amount_minor)
    at = f"{nairobi(status.at):%Y-%m-%d %H:%M:%S}" if status.at else "no time said"
    lines = [
        f"{status.receipt or options.receipt}: {status.word}, KES {amount}, {at}",
        f"  from {status.debit.number} {status.debit.name}".rstrip(),
        f"  to   {status.credit.number} {status.credit.name}".rstrip(),
        f"  {status.reason}; charges KES {format_minor(status.charges_minor)}",
    ]
    return "\n".join(lines)


def _told(desk: Desk, door: str, answer: "Accepted | Failed") -> Result:
    """What Safaricom says later of a question that it took. Raises Unsaid."""
    if not isinstance(answer, Accepted):
        raise Unsaid(_failure(answer))
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        for kind in ("result", "timeout"):
            said = _heard(desk.engine, f"mpesa_{door}_{kind}", answer.conversation_id)
            if said is not None and kind == "timeout":
                raise Unsaid("Safaricom says that it found no time for the question. Ask again.")
            if said is not None:
                return read_result(said)
        time.sleep(STEP_S)
    raise Unsaid(
        f"Safaricom took the question, {answer.conversation_id}, and has not answered it in"
        f" {WAIT_S:.0f} seconds. Is the server reachable for it?"
    )


def _heard(engine: Engine, kind: str, conversation: str) -> str | None:
    with engine.connect() as connection:
        found = connection.exec_driver_sql(_SAID, {"kind": kind, "conversation": conversation})
        said = found.scalar()
    return None if said is None else str(said)


def _refusal(result: Result) -> str:
    more = result.parameters.get("ErrorMsg", "").strip()
    return f"Safaricom says no: {result.code} {result.said} {more}".rstrip()


def _failure(failed: "Failed") -> str:
    """An answer at once that is no acceptance, in its own words."""
    from workers.gateways.errands import Declined, Postponed

    if isinstance(failed, Declined):
        return f"Safaricom refuses: {failed.reason}"
    if isinstance(failed, Postponed):
        return f"Not taken now: {failed.reason}"
    return f"Nobody knows whether it was taken: {failed.reason}"


SAYINGS: dict[str, Callable[[Desk, argparse.Namespace], str]] = {
    "register": _register,
    "register-pull": _register_pull,
    "balance": _balance,
    "status": _status,
}
