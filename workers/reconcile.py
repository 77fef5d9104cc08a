"""Safaricom is asked every hour what it holds for us and who has paid us; the domain compares.

The list is answered at once, and what nobody has told us of goes to the inbox as if somebody had;
the balance comes to a door and is understood like every result.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain import holdings, reconciliation
from ussd_app.domain.holdings import Outcome
from ussd_app.domain.reconciliation import Comparison
from ussd_app.kernel.daraja import (
    Accepted,
    NotUnderstood,
    Pulled,
    Result,
    balances_of,
    codes,
    read_result,
)
from workers import inbox, pulled
from workers.daraja import NOT_UNDERSTOOD, waiting
from workers.gateways.daraja import Daraja
from workers.inbox import Heard
from workers.pulled import NotListed
from workers.queueing import nudge
from workers.shop import Shop

MOST_WAITS = 5
"""So often an answer waits to be known as one of ours; people ask for balances, too."""

log = logs.get(__name__)


def turn(shop: Shop) -> bool:
    """Ask, if it is time. Returns whether it was."""
    if shop.daraja is None:
        return False
    comparison = reconciliation.begin(shop.app.bank.desk)
    if comparison is None:
        return False
    for what in reconciliation.silent(shop.app.bank.desk):
        log.error("the books were not compared for hours", what=what)
        shop.app.metrics.alarm("mpesa_not_compared")
    _list(shop, shop.daraja, comparison)
    if not shop.stopping.is_set():
        _ask(shop, shop.daraja, comparison)
    return True


def _list(shop: Shop, safaricom: Daraja, comparison: Comparison) -> None:
    """Hold the list against what was entered, window by window: what was read before it fails, or
    the worker has to stop, counts, and the next comparison goes on from there."""
    desk = shop.app.bank.desk
    try:
        for until, rows in pulled.windows(safaricom, comparison.since, comparison.begun_at):
            untold = _hear(shop, reconciliation.compare_list(desk, comparison, rows))
            reconciliation.was_read(desk, comparison, until, rows, untold)
            if shop.stopping.is_set():
                return
    except NotListed as why:
        log.warning("Safaricom did not list payments", why=str(why))
        return
    finally:
        nudge(shop.app.redis)
    found = reconciliation.list_ends(desk, comparison)
    if found:
        log.error("payments differ from Safaricom's", count=found)
        shop.app.metrics.alarm("mpesa_list")


def _hear(shop: Shop, rows: Sequence[Pulled]) -> int:
    """Let payments be entered as if they had been told, unless they are told in a moment. Returns
    how many should have been."""
    now = shop.app.clock.now()
    for row in rows:
        pulled.hear(shop.app.inbox, row, max(now, row.at + reconciliation.TOLD_WITHIN))
    return sum(row.at + reconciliation.TOLD_WITHIN <= now for row in rows)


def _ask(shop: Shop, safaricom: Daraja, comparison: Comparison) -> None:
    desk = shop.app.bank.desk
    minor, at = holdings.ours(desk)
    answer = safaricom.balance()
    if isinstance(answer, Accepted):
        holdings.asked(desk, comparison.number, answer.conversation_id, minor, at)
        return
    log.warning("Safaricom was not asked what it holds", why=answer.reason)
    with shop.app.engine.begin() as connection:
        now = shop.app.clock.now()
        reconciliation.unheard(connection, comparison.number, answer.reason, now)


def balance(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """What Safaricom holds for us: the alarm when it is twice not what the book says."""
    try:
        result = read_result(heard.body["raw"])
    except NotUnderstood as strange:
        _for_people(shop, connection, heard, now, strange.why)
        return
    asked = holdings.question(connection, result.conversation_id)
    if asked is None:
        if not inbox.put_off(connection, heard, now, "its question is not known", most=MOST_WAITS):
            inbox.done(connection, [heard.id], now, "asked by somebody")
        return
    try:
        said = balances_of(result)
    except NotUnderstood as strange:
        why = strange.why if result.done else f"code {result.code}"
        reconciliation.unheard(connection, asked.number, why, now)
        _for_people(shop, connection, heard, now, why, _alarm(result))
        return
    waits = waiting(shop, connection)
    outcome = holdings.compare(shop.app.bank.desk, connection, asked, said, waits)
    if outcome is Outcome.ONCE:
        log.warning("Safaricom does not hold what the book says; the next comparison decides")
    if outcome is Outcome.DIFFERS:
        log.error("Safaricom does not hold what the book says")
        shop.app.metrics.alarm("mpesa_balance")
    inbox.done(connection, [heard.id], now)


def _alarm(result: Result) -> str:
    return "mpesa_operator" if result.code in codes.OPERATOR else NOT_UNDERSTOOD


def _for_people(
    shop: Shop,
    connection: Connection,
    heard: Heard,
    now: datetime,
    why: str,
    alarm: str = NOT_UNDERSTOOD,
) -> None:
    log.error("what Safaricom holds could not be read", id=heard.id, why=why)
    shop.app.metrics.alarm(alarm)
    inbox.dead(connection, heard.id, now, why)
