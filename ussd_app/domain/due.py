"""The round of standing orders: each due day is paid once, given up once, or missed once.

An order's next day only moves on, and the key of a payment is its order and its day: whatever dies
in between, and however clocks jump, that key finds the payment that was made. What the ledger
refuses is tried again at the later hours of the same day, then given up until the next due day.
"""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from ussd_app.domain import parties, roles, transact
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.days import at_hour, due_after
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET
from ussd_app.domain.standing import COLUMNS, TYPE, Order
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

BATCH = 200
MOST_DAYS = 400
"""So many due days of one order are dealt with in a turn, at most."""

HOPELESS = frozenset({RefusalCode.ACCOUNT_FROZEN, RefusalCode.PAYEE_FROZEN})
"""Refusals that a few hours do not mend."""

_DUE = """
SELECT id FROM standing_orders WHERE state = 'active' AND try_at <= %s ORDER BY try_at, id LIMIT %s
"""
_TAKE = f"""
SELECT {", ".join(COLUMNS)} FROM standing_orders
WHERE id = %s AND state = 'active' AND try_at <= %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - our own columns


class _Turn(NamedTuple):
    """One order in the hands of one worker, in one transaction."""

    desk: Desk
    connection: Connection
    now: datetime
    order: Order
    payer: Party
    payee: Party

    @property
    def rules(self) -> dict[str, int]:
        return dict(self.desk.catalogue.rules["standing"])

    def say(self, template: str, **facts: object) -> None:
        """An SMS to whoever agreed to the order."""
        parties.say(
            self.desk,
            self.connection,
            self.payer.msisdn,
            self.payer.language,
            template,
            amount=self.order.amount_minor,
            name=self.payee.name,
            **facts,
        )

    def wrote(self, day: date, outcome: str, receipt: str | None = None) -> None:
        """Note what became of a day."""
        self.connection.exec_driver_sql(
            "INSERT INTO standing_days (order_id, day, outcome, receipt, ended_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (self.order.id, day, outcome, receipt, self.now),
        )


def pay_due(desk: Desk) -> int:
    """Pay what is due by now. Returns how many payments were made.

    An order that fails leaves the others to their turn and is tried again at the next; the first
    failure is raised at the end.
    """
    with desk.reads.connect() as connection:
        due = connection.exec_driver_sql(_DUE, (desk.clock.now(), BATCH)).scalars().all()
    paid = 0
    failure: Exception | None = None
    for order_id in due:
        try:
            paid += _pay_all(desk, order_id)
        except Exception as wrong:
            failure = failure or wrong
    if failure is not None:
        raise failure
    return paid


def _pay_all(desk: Desk, order_id: int) -> int:
    """Every due day of one order, oldest first. Returns how many were paid."""
    paid = 0
    for _ in range(MOST_DAYS):
        went = _one(desk, order_id)
        if went is None:
            break
        paid += went == "paid"
    return paid


def _one(desk: Desk, order_id: int) -> str | None:
    """Deal with one due day of an order; None when there is none, or it must wait."""
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        row = connection.exec_driver_sql(_TAKE, (order_id, now)).fetchone()
        if row is None:
            return None
        order = Order(*row)
        payer, payee = (parties.by_id(desk.reads, id_) for id_ in (order.party_id, order.payee_id))
        turn = _Turn(desk, connection, now, order, payer, payee)
        late = (business_day(now) - order.next_day).days
        return _missed(turn) if late > turn.rules["late_days"] else _pay(turn)


def _missed(turn: _Turn) -> str:
    """Days that nobody could pay in time are passed over, with one word of regret for all."""
    order = turn.order
    newest = business_day(turn.now) - timedelta(days=turn.rules["late_days"] + 1)
    day, count = order.next_day, 0
    while day <= min(newest, order.until_day):
        turn.wrote(day, "missed")
        last, count = day, count + 1
        day = due_after(order.every, order.first_day, day)
    turn.say("standing_missed", count=count, day=last.isoformat())
    _move_on(turn, last)
    return "missed"


def _pay(turn: _Turn) -> str | None:
    """Try the payment of a day."""
    desk, order = turn.desk, turn.order
    sides = {PAYER: _wallet(desk, turn.payer), PAYEE: _wallet(desk, turn.payee)}
    key = f"standing:{order.id}:{order.next_day.isoformat()}"
    try:
        receipt = transact.apply(desk, TYPE, sides, order.amount_minor, key)
    except Refused as refused:
        if refused.code is RefusalCode.MAINTENANCE:
            return None
        return _refused(turn, refused.code)
    turn.wrote(order.next_day, "paid", receipt)
    if not _move_on(turn, order.next_day):
        turn.say("standing_ended")
    return "paid"


def _wallet(desk: Desk, party: Party) -> roles.Side:
    return roles.own(desk, WALLET, party)


def _refused(turn: _Turn, code: RefusalCode) -> str | None:
    """Try again later today, or give the day up."""
    order, again = turn.order, _later_today(turn)
    if again is None or code in HOPELESS:
        turn.wrote(order.next_day, "unpaid")
        facts: dict[str, object] = {"day": order.next_day.isoformat()}
        following = _move_on(turn, order.next_day)
        if following is None:
            turn.say("standing_unpaid_last", **facts)
        else:
            turn.say("standing_unpaid", **facts, next=following.isoformat())
        return "unpaid"
    turn.connection.exec_driver_sql(
        "UPDATE standing_orders SET tries = tries + 1, try_at = %s WHERE id = %s",
        (again, order.id),
    )
    if code is RefusalCode.INSUFFICIENT_FUNDS and not order.tries:
        turn.say("standing_short", at=again)
    return None


def _later_today(turn: _Turn) -> datetime | None:
    """The next hour of this day at which is tried again; None when these are used up."""
    rules, today = turn.rules, business_day(turn.now)
    if turn.order.tries + 1 >= rules["tries"]:
        return None
    hours = (rules["first_hour"] + n * rules["hours_apart"] for n in range(rules["tries"]))
    later = (at_hour(today, hour) for hour in hours)
    return next((moment for moment in later if moment > turn.now), None)


def _move_on(turn: _Turn, day: date) -> date | None:
    """Let an order wait for the due day after this one; None when that was its last."""
    order = turn.order
    following = due_after(order.every, order.first_day, day)
    if following > order.until_day:
        turn.connection.exec_driver_sql(
            "UPDATE standing_orders SET state = 'ended' WHERE id = %s", (order.id,)
        )
        return None
    turn.connection.exec_driver_sql(
        "UPDATE standing_orders SET next_day = %s, tries = 0, try_at = %s WHERE id = %s",
        (following, at_hour(following, turn.rules["first_hour"]), order.id),
    )
    return following
