"""What Safaricom says of money on its way out: results, answers to questions, notices of time-outs,
from the inbox to their meaning.

They come in any order, any number of times, before the answer to the call that asked, or against
what was said before. An errand is found by our own name for the request, or by Safaricom's for the
conversation; never by a receipt, which a failed payment shares with others. What was paid is never
called off, and nothing is asked for again before it is certain that it failed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ussd_app import logs
from ussd_app.domain import payouts
from ussd_app.kernel.daraja import NotUnderstood, Result, codes, conversation_of, read_result
from workers import errand_rows, inbox, payout_rows
from workers.daraja_codes import CODE, Means, Verdict, of_result, of_status
from workers.inbox import Heard
from workers.payout_rows import Found
from workers.shop import Shop

OPEN_STATES = ("queued", "sending", "unknown")
LATER_S = 300.0
LONGEST_LATER_S = 3600.0

log = logs.get(__name__)

Answer = Callable[[Shop, Connection, Heard, datetime], None]


def result_of(kind: str) -> Answer:
    """What hears results of one kind of errand."""

    def hear(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
        result = _read(shop, connection, heard, now)
        if result is None:
            return
        ids = (result.originator_id, result.conversation_id)
        found = payout_rows.find(connection, (kind,), *ids)
        if found is None:
            _missing(shop, connection, heard, now, result)
            return
        verdict = of_result(kind, found.row.facts, result)
        _Hearing(shop, connection, found, now).take(verdict)
        inbox.done(connection, [heard.id], now, verdict.why or None)

    return hear


def status(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """An answer to the question what became of an errand."""
    result = _read(shop, connection, heard, now)
    if result is None:
        return
    about = result.parameters.get("OriginatorConversationID", "")
    found = payout_rows.find(
        connection, payouts.KINDS, about, result.parameters.get("ConversationID", "")
    ) or payout_rows.asked(connection, result.conversation_id)
    if found is None:
        inbox.wait(connection, heard, now, "what it was asked about is not known")
        return
    verdict = of_status(found.row.kind, found.row.facts, result)
    _Hearing(shop, connection, found, now).take_status(verdict)
    inbox.done(connection, [heard.id], now, verdict.why or None)


def timed_out(kind: str) -> Answer:
    """What hears that a request waited too long: nothing is known by that, and it is asked what
    became of it at once. A result may still follow."""

    def hear(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
        try:
            ids = conversation_of(heard.body["raw"])
        except NotUnderstood:
            ids = ("", "")
        found = payout_rows.find(connection, (kind,), *ids)
        if found is not None:
            payout_rows.look_now(connection, found.row.id, now)
        inbox.done(connection, [heard.id], now, None if found else "about no errand of ours")

    return hear


def heed(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> None:
    """A question of ours waited too long: it will be asked again."""
    inbox.done(connection, [heard.id], now)


class _Hearing:
    """One thing said of one errand, whose row is locked."""

    def __init__(self, shop: Shop, connection: Connection, found: Found, now: datetime) -> None:
        self._shop, self._connection, self._now = shop, connection, now
        self._row, self._tries = found.row, found.tries

    @property
    def _current(self) -> bool:
        """Whether it is about the last request, and not one before that is known to have failed."""
        return bool(self._tries == self._row.tries)

    def take(self, verdict: Verdict) -> None:
        """A result."""
        match verdict.means:
            case Means.PAID:
                self._paid(verdict)
            case Means.FAILED:
                self._failed(verdict)
            case Means.LATER | Means.OPERATOR:
                self._put_off(verdict)
            case Means.WRONG:
                self._wrong(verdict)
            case _:
                payout_rows.look_now(self._connection, self._row.id, self._now)

    def take_status(self, verdict: Verdict) -> None:
        """An answer to a question."""
        failed_before = CODE in self._row.learnt and self._current
        match verdict.means:
            case Means.PAID:
                self._paid(verdict)
            case Means.FAILED if failed_before:
                self._again()
            case Means.FAILED:
                self._failed(verdict)
            case Means.UNKNOWN_THERE if failed_before:
                self._again()
            case Means.UNKNOWN_THERE:
                self._unknown_there()
            case Means.OPERATOR:
                self._rest(verdict.why)
            case Means.WRONG:
                self._wrong(verdict)

    def _paid(self, verdict: Verdict) -> None:
        """It was paid: that overrides whatever was thought before."""
        row = self._row
        known = row.learnt.get(payouts.MPESA_RECEIPT)
        mine = verdict.learnt.get(payouts.MPESA_RECEIPT)
        payout_rows.wake(self._connection, row.kind)
        if row.state in (*OPEN_STATES, "declined"):
            self._write("agreed", verdict.learnt)
        elif row.state in ("refused", "returning", "returned"):
            log.error("an errand was paid after it was called off", id=row.id)
            self._shop.app.metrics.alarm("errand_disputed")
            self._write("disputed", verdict.learnt)
            payout_rows.differ(self._connection, row, str(mine or verdict.why), self._now)
        elif known and mine and known != mine:
            log.error("an errand was paid twice", id=row.id)
            self._shop.app.metrics.alarm("errand_paid_twice")
            payout_rows.differ(self._connection, row, str(mine), self._now)

    def _failed(self, verdict: Verdict) -> None:
        """It will not be paid. Of what was paid that is not believed."""
        payout_rows.wake(self._connection, self._row.kind)
        if self._row.state in ("agreed", "done"):
            self._contradicted(verdict)
        elif self._row.state in OPEN_STATES and self._current:
            self._write("declined", verdict.learnt, verdict.why)

    def _put_off(self, verdict: Verdict) -> None:
        """It was not paid for a reason that will go away: ask once more whether that is so, for it
        goes out again under another name."""
        if verdict.means is Means.OPERATOR:
            self._rest(verdict.why)
        elif verdict.why in codes.TOO_LOW:
            log.error("our account at Safaricom is too low", id=self._row.id)
            self._shop.app.metrics.alarm("mpesa_account_low")
        if self._row.state in ("agreed", "done"):
            self._contradicted(verdict)
        elif self._row.state in OPEN_STATES and self._current:
            self._write("unknown", verdict.learnt, f"code {verdict.why}")

    def _again(self) -> None:
        """Two have said that it failed: it goes out again under another name, or is given up when
        its hold would end before."""
        row = self._row
        if row.state != "unknown":
            return
        pause = timedelta(seconds=min(LATER_S * 2.0 ** (row.tries - 1), LONGEST_LATER_S))
        if self._now + pause >= payout_rows.hold_ends(self._connection, row.entry_id):
            self._write("declined", {}, f"code {row.learnt[CODE]} until its time was over")
        else:
            payout_rows.next_try(self._connection, row.id, self._now + pause)

    def _unknown_there(self) -> None:
        """Safaricom never heard of it. That is no failure; but a payment to a number may be asked
        for again under the same name if nobody took the first, and a payment is reversed once
        however often that is asked for."""
        row = self._row
        lost = row.kind == payouts.B2C and row.provider_id is None
        if row.state == "unknown" and self._current and (lost or row.kind == payouts.REVERSAL):
            self._write("queued", {}, "never heard of")

    def _wrong(self, verdict: Verdict) -> None:
        log.error("Safaricom paid something else", id=self._row.id, why=verdict.why)
        self._shop.app.metrics.alarm("mpesa_paid_otherwise")

    def _contradicted(self, verdict: Verdict) -> None:
        log.error("what was paid is said to have failed", id=self._row.id, why=verdict.why)
        self._shop.app.metrics.alarm("errand_contradicted")

    def _rest(self, code: str) -> None:
        """Nobody of this kind goes out until people have mended what is wrong."""
        log.error("Safaricom does not take our operator", kind=self._row.kind, code=code)
        self._shop.app.metrics.alarm("mpesa_operator")
        payout_rows.rest(self._connection, self._row.kind, f"code {code}", self._now)

    def _write(self, state: str, learnt: Mapping[str, object], error: str | None = None) -> None:
        errand_rows.said(
            *(self._connection, self._row.id, [self._row.state], state, self._now),
            error=error,
            learnt=learnt,
        )


def _read(shop: Shop, connection: Connection, heard: Heard, now: datetime) -> Result | None:
    """What came, or None: then it is kept for people."""
    try:
        return read_result(heard.body["raw"])
    except NotUnderstood as strange:
        log.error("a result could not be read", id=heard.id, why=strange.why)
        shop.app.metrics.alarm("mpesa_not_understood")
        inbox.dead(connection, heard.id, now, strange.why)
        return None


def _missing(
    shop: Shop, connection: Connection, heard: Heard, now: datetime, result: Result
) -> None:
    """Its errand may be made known by the answer to the call, which is on its way."""
    if not inbox.wait(connection, heard, now, "its errand is not known") and result.done:
        shop.app.metrics.alarm("mpesa_paid_unasked")


def _rows(kinds: Mapping[str, str], make: Callable[[str], Answer], end: str) -> dict[str, Any]:
    return {f"mpesa_{door}_{end}": make(kind) for door, kind in kinds.items()}


DOORS = {"b2c": payouts.B2C, "b2b": payouts.B2B, "reversal": payouts.REVERSAL}

ANSWERS: Mapping[str, Answer] = {
    **_rows(DOORS, result_of, "result"),
    **_rows(DOORS, timed_out, "timeout"),
    "mpesa_status_result": status,
    "mpesa_status_timeout": heed,
    "mpesa_balance_timeout": heed,
}
