"""From the outbox to the gateways, SMS and mail: many calls in flight, each message at most once on
a guess.

A slice of work takes what is due, marks it, sends it on as many lines as there are, and writes down
what became of it, in batches. One thread speaks to the database; the lines only speak HTTP.
"""

import queue
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import OperationalError

from ussd_app import logs
from ussd_app.bootstrap import App
from ussd_app.domain import mail
from ussd_app.kernel.gsm7 import segments
from workers import callbacks, outbox, papers
from workers.gateways.sms import Done, Outcome, Postponed, Refused, Unknown
from workers.outbox import Ending, Row
from workers.settle import settle
from workers.shop import Shop, open_shop

MOST_ATTEMPTS = 8
LIMITED_ATTEMPTS = 3
LIMITED = frozenset({"RejectedByGateway"})
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0

SLICE_S = 1.0
"""So long messages are sent before the inbox is looked into again, where payments wait."""
GATHER_S = 0.02
"""How long results are gathered before they are written in one statement."""
ASK_AGAIN_S = 0.05

INSIST_S = 45.0
INSIST_PAUSE_S = 0.25
"""A restarting database is waited for: an outcome that is lost makes its message unknown."""

OFFERS = "offer"
MESSAGES = ("sms", OFFERS)

log = logs.get(__name__)


@dataclass(frozen=True)
class _Letter:
    """A row with its finished text, ready to be sent."""

    row: Row
    to: str
    text: str
    parts: int


@dataclass(frozen=True)
class _Result:
    letter: _Letter
    outcome: Outcome
    seconds: float


class Relay:
    """One slice of work, on one shop's lines."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._app = shop.app
        self._results: queue.SimpleQueue[_Result] = queue.SimpleQueue()
        self._flying = 0
        self.cut_short = False
        """Whether the last run ended by time, with more to do."""
        self._kinds = MESSAGES if shop.mailer is None else (*MESSAGES, mail.KIND)
        self._secret = {
            sentence.template for sentence in shop.app.texts if "code" in sentence.facts.values()
        }

    def run(self, seconds: float = SLICE_S) -> int:
        """Send what is due for at most `seconds` (and then until the last call has ended).

        Returns how many messages were handed to the lines. Raises SQLAlchemyError, after what was
        in the air has landed.
        """
        try:
            return self._slice(seconds)
        finally:
            while self._flying:
                self._record(self._gather())

    def _slice(self, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        sent, asked, quiet = 0, 0.0, False
        while True:
            now = time.monotonic()
            room = self._shop.lines - self._flying
            open_ = now < deadline and not self._shop.stopping.is_set()
            if open_ and room and (not quiet or now - asked > ASK_AGAIN_S):
                launched = self._launch(room)
                sent += launched
                asked, quiet = now, launched < room
            if not self._flying:
                if quiet or not open_:
                    self.cut_short = not quiet
                    return sent
                continue
            self._record(self._gather())

    def _launch(self, most: int) -> int:
        """Take what is due, mark it as being sent, and give it to the lines."""
        now = self._app.clock.now()
        letters: list[_Letter] = []
        with self._app.engine.begin() as connection:
            rows = outbox.due(connection, now, self._kinds, most)
            endings = []
            for row in rows:
                made = self._write(row, now)
                if isinstance(made, Ending):
                    endings.append(made)
                else:
                    letters.append(made)
            outbox.end(connection, endings)
            outbox.mark_sending(
                connection,
                self._shop.name,
                now,
                [
                    (
                        each.row.id,
                        None if each.row.template in self._secret else each.text,
                        each.parts,
                    )
                    for each in letters
                ],
            )
        self._flying += len(letters)
        for letter in letters:
            self._shop.submit(lambda letter=letter: self._send(letter))  # type: ignore[misc]
        return len(rows)

    def _write(self, row: Row, now: datetime) -> _Letter | Ending:
        """The finished letter, or the end of a row that cannot or must not be sent."""
        if row.kind == OFFERS and not row.offers:
            return Ending(row.id, "refused", now, now, error="the customer asked for no offers")
        if row.kind == mail.KIND and row.mail is None:
            return Ending(row.id, "refused", now, now, error="the customer has no address any more")
        try:
            text = self._app.texts.render(row.template, row.language, row.facts)
        except (KeyError, ValueError, TypeError) as failure:
            log.error("a message cannot be written", id=row.id, template=row.template)
            self._tell(row, "dead")
            error = f"cannot be written: {type(failure).__name__}"
            return Ending(row.id, "dead", now, now, error=error)
        if row.mail is not None:
            return _Letter(row, self._app.bank.desk.keyring.open(row.mail), text, 0)
        return _Letter(row, row.address, text, segments(text))

    def _tell(self, row: Row, outcome: str) -> None:
        count = self._app.metrics.mail if row.kind == mail.KIND else self._app.metrics.sms
        count(outcome)

    def _send(self, letter: _Letter) -> None:
        """On a line: one call, one result, whatever happens."""
        started = time.monotonic()
        try:
            carrier = self._shop.gateway if letter.row.mail is None else self._shop.mailer
            assert carrier is not None
            outcome = carrier.send(letter.to, letter.text)
        except Exception as failure:
            log.exception("the gateway's client failed", id=letter.row.id)
            outcome = Unknown(type(failure).__name__)
        self._results.put(_Result(letter, outcome, time.monotonic() - started))

    def _gather(self) -> list[_Result]:
        """Wait for a result, then a moment longer for its neighbours."""
        results = [self._results.get()]
        if self._flying > 1:
            time.sleep(GATHER_S)
        while len(results) < self._flying:
            try:
                results.append(self._results.get_nowait())
            except queue.Empty:
                break
        return results

    def _record(self, results: list[_Result]) -> None:
        """Write down what became of messages; worth insisting on, for only this process knows."""
        now = self._app.clock.now()
        endings = [self._ending(result, now) for result in results]
        self._flying -= len(results)
        deadline = time.monotonic() + INSIST_S
        while True:
            try:
                with self._app.engine.begin() as connection:
                    outbox.end(connection, endings)
                break
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(INSIST_PAUSE_S)
        for result, ending in zip(results, endings, strict=True):
            self._count(result, ending, now)

    def _ending(self, result: _Result, now: datetime) -> Ending:
        row, outcome = result.letter.row, result.outcome
        match outcome:
            case Done(provider_id, cost, _):
                return Ending(row.id, "done", now, now, provider_id, cost)
            case Refused(reason):
                return Ending(row.id, "refused", now, now, error=reason)
            case Unknown(reason):
                return Ending(row.id, "unknown", now, now, error=reason)
            case Postponed(reason):
                tries = row.attempts + 1
                if tries >= (LIMITED_ATTEMPTS if reason in LIMITED else MOST_ATTEMPTS):
                    return Ending(row.id, "dead", now, now, error=reason)
                pause = backoff_s(tries, self._shop.dice.random())
                return Ending(row.id, "queued", now + timedelta(seconds=pause), now, error=reason)

    def _count(self, result: _Result, ending: Ending, now: datetime) -> None:
        metrics = self._app.metrics
        outcome = "retry" if ending.state == "queued" else ending.state
        if result.letter.row.kind == mail.KIND:
            metrics.mail(outcome)
        else:
            waited = (now - result.letter.row.created_at).total_seconds()
            cost_minor = (isinstance(result.outcome, Done) and result.outcome.cost_minor) or 0
            metrics.call(result.seconds)
            metrics.sms(
                outcome,
                segments=result.letter.parts,
                cost_minor=cost_minor,
                waited_s=waited if outcome == "done" else None,
            )
        if outcome != "done":
            row = result.letter.row
            log.warning(
                "a message was not handed over", id=row.id, outcome=outcome, because=ending.error
            )


def backoff_s(attempts: int, dice: float) -> float:
    """The pause after the n-th attempt: doubling from 30 s to an hour, between half and 1.5 of it.

    `dice` is from 0 to 1. The jitter keeps a thousand messages that failed together apart.
    """
    pause = min(FIRST_PAUSE_S * 2.0 ** (attempts - 1), LONGEST_PAUSE_S)
    return pause * (0.5 + dice)


def drain(app: App) -> None:
    """Do in this process all that is due, until it is quiet: the inbox, those outside, messages.

    For tests with a frozen clock: one call at a time, in order.
    """
    shop = open_shop(app, lines=1)
    try:
        settle(shop)
        shop.sweep()
        while callbacks.hear(shop) + shop.turn() + papers.make(app) + Relay(shop).run():
            pass
    finally:
        shop.close()
