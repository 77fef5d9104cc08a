"""Errands in the world outside for value that is held: each asked for once, and the book follows.

An errand whose call had no answer is `unknown` and is never asked for again blindly: who was asked
is asked what became of it, where that is possible, or calls back, or a person decides. Calls run on
lines of their own, so that a silent bank holds up no SMS.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError

from ussd_app import logs
from ussd_app.bootstrap import App
from ussd_app.domain import mpesa_back, payouts, promises
from ussd_app.domain.desk import Desk
from ussd_app.ledger.refusals import HoldNotOpen
from workers import errand_rows, payout_rows
from workers.errand_rows import Row
from workers.gateways.errands import (
    Agreed,
    Carrier,
    Declined,
    Errand,
    Look,
    Open,
    Outcome,
    Postponed,
    Unheard,
)
from workers.lines import Lines

MOST_ROWS = 100
MOST_ATTEMPTS = 6
FIRST_PAUSE_S = 20.0
LONGEST_PAUSE_S = 300.0
STUCK_S = 300.0
INSIST_S = 45.0
INSIST_PAUSE_S = 0.25

ENDS = {"agreed": "done", "declined": "refused", "returning": "returned"}

Follow = Callable[[Desk, int, str, Mapping[str, object]], object]
HELD: Mapping[str, Follow] = {
    "agreed": promises.settle,
    "declined": promises.void,
    "returning": promises.undo,
}
"""What the book does when the world has spoken of value that is held, by the errand's state."""
FOLLOWS: Mapping[str, Mapping[str, Follow]] = {
    payouts.REVERSAL: {"agreed": mpesa_back.settle, "declined": mpesa_back.void}
}
"""The same of errands for which nothing is held."""

log = logs.get(__name__)


class Errands:
    """All errands of one worker. `lines` is how many calls may be out at once; 1 is none aside."""

    def __init__(self, app: App, carriers: Mapping[str, Carrier], name: str, lines: int) -> None:
        self._app = app
        self._carriers = carriers
        self._kinds = list(carriers)
        self._name = name
        self._lines = Lines(app, "errand", lines)

    def turn(self) -> int:
        """Take up what is due. Returns how many errands it set about; their ends come by
        themselves. Raises SQLAlchemyError."""
        now = self._app.clock.now()
        with self._app.engine.begin() as connection:
            errand_rows.adopt(connection, self._kinds, now, MOST_ROWS)
        return self._finish_all() + self._launch()

    def sweep(self) -> None:
        """Find errands whose worker was lost, and ask what became of those in doubt."""
        now = self._app.clock.now()
        with self._app.engine.begin() as connection:
            lost = errand_rows.abandon(connection, now)
            errand_rows.give_up(connection, now)
        if lost:
            log.warning("errands were out when their worker died", count=lost)
        self._lines.each(
            lambda connection: errand_rows.doubtful(connection, self._kinds, now), self._look
        )

    def close(self) -> None:
        """Begin nothing new, and wait for the calls that are out."""
        self._lines.close()

    # one at a time

    def _launch(self) -> int:
        now = self._app.clock.now()
        return self._lines.each(lambda it: errand_rows.claim(it, self._name, now), self._ask)

    def _ask(self, row: Row) -> None:
        try:
            outcome: Outcome = self._carriers[row.kind].ask(Errand(row.name, row.facts))
        except Exception as failure:
            log.exception("a carrier's client failed", id=row.id)
            outcome = Open(type(failure).__name__)
        self._record(row, ("sending", "unknown"), outcome)

    def _look(self, row: Row) -> None:
        try:
            seen = self._carriers[row.kind].look(Errand(row.name, row.facts))
        except Exception as failure:
            log.exception("a carrier's client failed", id=row.id)
            seen = Open(type(failure).__name__)
        if isinstance(seen, Open) and seen.provider_id is not None:
            with self._app.engine.begin() as connection:
                now = self._app.clock.now()
                errand_rows.asked_about(connection, row, seen.provider_id, now)
        elif seen is not None:
            self._record(row, ("unknown",), seen)

    def _record(self, row: Row, was: tuple[str, ...], outcome: Outcome | Look) -> None:
        """Write down what was said; worth insisting on, for only this process knows."""
        now = self._app.clock.now()
        state, due_at, error, provider_id = _verdict(row, outcome, now)
        deadline = time.monotonic() + INSIST_S
        while True:
            try:
                with self._app.engine.begin() as connection:
                    told = (connection, row.id, was, state, due_at)
                    heard = errand_rows.said(
                        *told, error=error, provider_id=provider_id, request=row
                    )
                break
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(INSIST_PAUSE_S)
        if error:
            log.warning("an errand is not done", id=row.id, kind=row.kind, state=state, why=error)
        if isinstance(outcome, Postponed) and outcome.ours:
            with self._app.engine.begin() as connection:
                payout_rows.rest(connection, row.kind, outcome.reason, now)
        if heard and state == "unknown" and not isinstance(outcome, Open):
            self._app.metrics.alarm("errand_in_doubt")
        if heard and state in ENDS:
            self._finish(replace(row, state=state))

    # the book follows

    def _finish_all(self) -> int:
        now = self._app.clock.now()
        with self._app.engine.connect() as connection:
            rows = errand_rows.unfinished(connection, now, MOST_ROWS)
        for row in rows:
            self._finish(row)
        return len(rows)

    def _finish(self, row: Row) -> None:
        """Let the book follow what the world has said. Repeating it changes nothing."""
        desk, now = self._app.bank.desk, self._app.clock.now()
        follow = FOLLOWS.get(row.kind, HELD)[row.state]
        try:
            follow(desk, row.entry_id, f"errand:{row.reference}:{row.state}", row.learnt)
        except HoldNotOpen:
            log.error("an errand was done whose value is free again", id=row.id, state=row.state)
            self._app.metrics.alarm("errand_disputed")
            with self._app.engine.begin() as connection:
                errand_rows.finish(connection, row, "disputed", now)
                if row.kind in payouts.KINDS:
                    known = str(row.learnt.get(payouts.MPESA_RECEIPT) or row.reference)
                    payout_rows.differ(connection, row, known, now)
            return
        except Exception as failure:
            log.exception("the book could not follow an errand", id=row.id, state=row.state)
            again = now + timedelta(seconds=STUCK_S)
            with self._app.engine.begin() as connection:
                errand_rows.later(connection, row.id, again, type(failure).__name__)
            return
        with self._app.engine.begin() as connection:
            errand_rows.finish(connection, row, ENDS[row.state], now)


def _verdict(
    row: Row, outcome: Outcome | Look, now: datetime
) -> tuple[str, datetime, str | None, str | None]:
    """The errand's new state, when it is due, what went wrong, and the provider's name for it.

    Where an earlier request was in doubt, a later one that is refused says nothing of the first:
    only who is asked what became of it can call it off, or a person.
    """
    asked_in_doubt = row.state == "sending" and row.looks > 0
    match outcome:
        case Agreed(provider_id):
            return "agreed", now, None, provider_id
        case Declined(reason) if asked_in_doubt:
            return "unknown", now + errand_rows.look_pause(row.looks), reason, None
        case Declined(reason):
            return "declined", now, reason, None
        case Open(reason, provider_id):
            return "unknown", now + errand_rows.look_pause(row.looks), reason, provider_id
        case Unheard():
            return "queued", now, "never heard of", None
        case Postponed(reason, pause_s):
            if row.attempts >= MOST_ATTEMPTS and asked_in_doubt:
                return "unknown", now + errand_rows.look_pause(0), reason, None
            if row.attempts >= MOST_ATTEMPTS:
                return "declined", now, reason, None
            pause = pause_s or min(FIRST_PAUSE_S * 2.0 ** (row.attempts - 1), LONGEST_PAUSE_S)
            return "queued", now + timedelta(seconds=pause), reason, None
