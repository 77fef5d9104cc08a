"""Safaricom as an adversary over one payment out: whatever it says, in whatever order, and wherever
a worker dies, money leaves at most once, the hold ends, and the books say what happened.

It loses requests and answers, refuses at its gate what it may have taken before, says results late,
twice, too early or against the truth, and says `unknown` of what it has. It may say of a payment
that it failed which it makes later: then the customer has been given the money back, and that is
for people (`disputed`). Asked what became of a payment it may be vague, and in the end it tells the
truth.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies
from sqlalchemy import Engine

from tests.workers import looks
from tests.workers.conftest import ASHA
from tests.workers.mpesa.paymaster import Safaricom
from tests.workers.outside import send_to_mpesa
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import Seed, plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers import errand_rows
from workers.errand_rows import SENDING_LIMIT_S
from workers.gateways.errands import Declined, Errand, Open, Outcome, Postponed

ENDS = ("done", "refused", "disputed")
LONGEST_HEALING = 60
AMOUNT = 10_00

_BEGINNINGS = [
    [],
    ["take and be silent", "drain", "wait"],
    ["take and be silent", "drain", "wait", "answer that it is unknown"],
    ["take and be silent", "drain", "time out", "drain", "wait"],
    ["lose the request", "drain", "wait"],
    ["worker dies asking", "wait", "wait"],
]
"""Doubts, which are what is worth going on from."""
_STEPS = strategies.lists(
    strategies.sampled_from(
        [
            *("accept", "take and be silent", "lose the request", "throttle", "refuse", "refuse"),
            *("pay", "fail for good", "fail for now"),
            *("say it", "say it", "say it failed", "say it was too low", "time out"),
            *("answer", "answer vaguely", "answer that it is unknown"),
            *("answer that it is unknown", "drain", "drain", "drain", "wait", "wait long"),
            *("worker dies", "worker dies asking"),
        ]
    ),
    min_size=6,
    max_size=14,
)

_TAKEN_AND_THEN_REFUSED = [
    *("take and be silent", "drain", "wait", "answer that it is unknown", "refuse", "drain", "pay"),
]


@dataclass
class Play:
    """One payment out, and what Safaricom has done and said of it."""

    mpesa: Safaricom
    clock: FrozenClock
    reference: str
    way: str = "accept"
    paid: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    lied: set[str] = field(default_factory=set)

    @property
    def names(self) -> list[str]:
        """Requests for it that Safaricom has, the latest last."""
        return [name for name in self.mpesa.taken if name.partition("-")[0] == self.reference]

    def answer(self, kind: str, errand: Errand) -> Outcome:
        """What Safaricom answers to a request: the same name twice is one."""
        match self.way:
            case "lose the request":
                return Open("dropped")
            case "throttle":
                return Postponed("500.003.02")
            case "refuse":
                return Declined("HTTP 404")
        known = errand.reference in self.mpesa.taken
        taken = self.mpesa.take(kind, errand)
        if known:
            return Open("Duplicate OriginatorConversationID.")
        return Open("accepted", taken.conversation if self.way == "accept" else None)

    def do(self, step: str) -> None:
        name = self.names[-1] if self.names else None
        match step:
            case "accept" | "take and be silent" | "lose the request" | "throttle" | "refuse":
                self.way = step
            case "drain":
                self.mpesa.drain()
            case "wait" | "wait long":
                self.clock.advance(seconds=20 if step == "wait" else 1000)
                self.mpesa.drain()
            case "worker dies":
                self._dies(asks=False)
            case "worker dies asking":
                self._dies(asks=True)
            case "answer" | "answer vaguely" | "answer that it is unknown":
                self._answers(step)
            case _ if name is not None:
                self._says(step, name)

    def _says(self, step: str, name: str) -> None:
        settled = name in self.paid or name in self.failed
        match step:
            case "pay" if not settled:
                self.paid.add(name)
                self.mpesa.pay(name)
            case "fail for good" | "fail for now" if not settled and name not in self.lied:
                self.failed[name] = "2040" if step == "fail for good" else "1"
            case "say it" if name in self.paid:
                self.mpesa.paid(name)
            case "say it" if name in self.failed:
                self.mpesa.failed(name, self.failed[name])
            case "say it failed" if name not in self.failed:
                self.lied.add(name)
                self.mpesa.failed(name, "2040")
            case "say it was too low" if name not in self.failed:
                self.mpesa.failed(name, "1")
            case "time out":
                self.mpesa.timed_out(name)

    def _answers(self, step: str) -> None:
        asked = [name for name, _ in self.mpesa.questions if name.startswith(self.reference)]
        if not asked:
            return
        name = asked[-1]
        if step == "answer vaguely":
            self.mpesa.standing("Authorized" if name in self.mpesa.taken else None, of=name)
        elif step == "answer that it is unknown" and name not in self.paid:
            self.mpesa.standing("2032", of=name)
        elif name not in self.mpesa.taken or name in self.paid | set(self.failed):
            self.mpesa.standing(of=name)
        else:
            self.mpesa.standing("Initiated", of=name)

    def _dies(self, *, asks: bool) -> None:
        """A worker takes it up and is never seen again, before or after it called."""
        with self.mpesa.app.engine.begin() as connection:
            errand_rows.adopt(connection, ["mpesa_b2c"], self.clock.now(), 10)
            row = errand_rows.claim(connection, "one that dies", self.clock.now())
        if row is not None and asks:
            self.answer(row.kind, Errand(row.name, row.facts))
        self.clock.advance(seconds=SENDING_LIMIT_S + 1)

    def heal(self) -> str:
        """Safaricom pays what it was asked for and has not judged, and tells the truth: of what
        became of it, and once more of what it paid. Then how it ended."""
        self.way = "accept"
        for name in self.names:
            self._says("pay", name)
        for _ in range(LONGEST_HEALING):
            self.mpesa.drain()
            if looks.state(self.mpesa.app, self.reference) in ENDS:
                break
            for name in self.names:
                self._says("pay", name)
            self._answers("answer")
            self.mpesa.drain()
            self.clock.advance(seconds=1000)
        for name in self.paid:
            self.mpesa.paid(name)
        self.mpesa.drain()
        return looks.state(self.mpesa.app, self.reference)


def settled(mpesa: Safaricom, reference: str) -> int:
    """How many entries moved money for it."""
    moved = "SELECT count(*) FROM entries WHERE legs > 0 AND facts->>'ends' = %s"
    return int(looks.one(mpesa.app, moved, reference))


@pytest.fixture
def begin(settings: Settings, clock: FrozenClock, engine: Engine) -> Iterator[Callable[[], Play]]:
    known = replace(settings, rate_payments_per_minute=0)
    app: App = build(known, clock=clock, ids=SequentialIds())
    plant(app.bank.desk, [Seed(ASHA, "Asha", "en", "4826", "12000001", 90_000_00)])

    def play() -> Play:
        clock.advance(seconds=90_000)
        mpesa = Safaricom(app)
        made = Play(mpesa, clock, send_to_mpesa(app, ASHA, "4826", AMOUNT // 100))
        mpesa.answer = made.answer
        return made

    yield play
    app.close()
    assert not audit.run(engine)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=strategies.builds(list.__add__, strategies.sampled_from(_BEGINNINGS), _STEPS))
@example(steps=_TAKEN_AND_THEN_REFUSED)
def test_money_leaves_once_or_not_at_all(begin: Callable[[], Play], steps: list[str]) -> None:
    play = begin()
    for step in steps:
        play.do(step)
        assert len(play.paid) <= 1, "paid twice"
        if play.paid and not play.lied:
            assert looks.state(play.mpesa.app, play.reference) not in ("declined", "refused")
    end = play.heal()
    assert (len(play.paid), settled(play.mpesa, play.reference)) == {
        "done": (1, 1),
        "refused": (0, 0),
        "disputed": (1, 0),
    }[end]
    assert end != "disputed" or play.lied, "nobody said that it failed"
    assert looks.open_holds(play.mpesa.app) == 0
