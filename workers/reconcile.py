"""Safaricom is asked every hour what it holds for us and who has paid us; the domain compares.

The list is answered at once; the balance comes to a door and is understood like every result.
"""

from datetime import datetime

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain import reconciliation
from ussd_app.kernel.daraja import Accepted, NotUnderstood, Pulled, balances_of, read_result
from workers import inbox
from workers.gateways.daraja import Daraja
from workers.gateways.daraja_line import Failed
from workers.inbox import Heard
from workers.shop import Shop

MOST_PAGES = 200
MOST_WAITS = 5
"""So often an answer waits to be known as one of ours; people ask for balances, too."""

log = logs.get(__name__)


def turn(shop: Shop) -> bool:
    """Ask, if it is time. Returns whether it was."""
    if shop.daraja is None:
        return False
    desk = shop.app.bank.desk
    number = reconciliation.begin(desk)
    if number is None:
        return False
    pulled = _list(shop, shop.daraja)
    answer = shop.daraja.balance()
    if isinstance(answer, Accepted):
        reconciliation.asked(desk, number, answer.conversation_id, pulled)
    else:
        log.warning("Safaricom was not asked what it holds", why=answer.reason)
        reconciliation.unheard(desk, number, answer.reason, pulled)
    return True


def _list(shop: Shop, safaricom: Daraja) -> int | None:
    """How many payments Safaricom lists; None when it did not list them all."""
    now = shop.app.clock.now()
    rows: dict[str, Pulled] = {}
    for _ in range(MOST_PAGES):
        if shop.stopping.is_set():
            return None
        page: tuple[Pulled, ...] | Failed = safaricom.pull(
            now - reconciliation.PULLED_FOR, now, len(rows)
        )
        if not isinstance(page, tuple):
            log.warning("Safaricom did not list payments", why=page.reason)
            return None
        new = {row.receipt: row for row in page if row.receipt not in rows}
        if not new:
            break
        rows |= new
    else:
        log.error("Safaricom lists more payments than are read", count=len(rows))
        return None
    found = reconciliation.compare_list(shop.app.bank.desk, list(rows.values()))
    if found:
        log.error("payments differ from Safaricom's", count=found)
        shop.app.metrics.alarm("mpesa_list")
    return len(rows)


def balance(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """What Safaricom holds for us: the alarm when it is not what the book says."""
    try:
        result = read_result(heard.body["raw"])
        told = balances_of(result)
    except NotUnderstood as strange:
        log.error("a balance could not be read", id=heard.id, why=strange.why)
        inbox.done(connection, [heard.id], now, strange.why)
        return
    agrees = reconciliation.compare_balance(
        shop.app.bank.desk, connection, result.conversation_id, told
    )
    why = "its question is not known"
    if agrees is None and inbox.put_off(connection, heard, now, why, most=MOST_WAITS):
        return
    if agrees is False:
        log.error("Safaricom does not hold what the book says")
        shop.app.metrics.alarm("mpesa_balance")
    inbox.done(connection, [heard.id], now, None if agrees is not None else "asked by somebody")
