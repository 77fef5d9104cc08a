"""Safaricom as an adversary over one payment in: whatever it says, in whatever order, how often,
and wherever a worker dies, the phone is asked at most once, the money is credited exactly once
when it was paid and never otherwise, and our book says what Safaricom's says.

It loses requests and answers, says ends late, twice, too early or against the truth, keeps silent,
and is vague when it is asked. In the end it tells the truth of what it has done.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import Engine

from tests.workers.conftest import ASHA
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import Seed, plant
from ussd_app.kernel.clock import FrozenClock, nairobi
from ussd_app.kernel.daraja import Pulled, StkStanding
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers import callbacks, inbox, push_rows
from workers.gateways.daraja import Pushed
from workers.gateways.daraja_errors import PENDING
from workers.gateways.errands import Open, Postponed
from workers.push_rows import SENDING_LIMIT_S
from workers.pushes import Pushes
from workers.shop import open_shop

AMOUNT = 10_00
ACCOUNT = "0712000001"

_STEPS = strategies.lists(
    strategies.sampled_from(
        [
            *("accept", "take and be silent", "lose the request", "throttle"),
            *("pay", "decline"),
            *("call back", "call back", "confirm", "confirm", "say it failed", "say it is pending"),
            *("answer truly", "answer vaguely", "answer nothing", "show the list"),
            *("work", "work", "wait", "wait long"),
            *("worker dies", "worker dies asking", "worker dies entering"),
        ]
    ),
    min_size=4,
    max_size=20,
)


@dataclass
class Play:
    """One question on a phone, and what Safaricom has done and said of it."""

    app: App
    clock: FrozenClock
    number: int
    way: str = "accept"
    answers: str = "nothing"
    lists: bool = False
    taken: int = 0
    paid: bool = False
    declined: bool = False
    paid_at: datetime | None = None
    before: dict[str, int] = field(default_factory=dict)

    @property
    def checkout(self) -> str:
        return f"ws_CO_{self.number}"

    @property
    def receipt(self) -> str:
        return f"UKM{self.number:07}"

    # what workers ask

    def push(self, *_: object) -> object:
        match self.way:
            case "lose the request":
                return Open("dropped")
            case "throttle":
                return Postponed("500.003.02")
        self.taken += 1
        return Pushed("m", self.checkout) if self.way == "accept" else Open("silence")

    def push_standing(self, checkout: str) -> object:
        if self.answers == "nothing" or not (self.paid or self.declined):
            return Open(PENDING)
        if self.answers == "vaguely":
            return StkStanding(checkout, "E3008", "")
        return StkStanding(checkout, "0" if self.paid else "1032", "")

    def pull(self, *_: object) -> object:
        if not self.lists:
            return Open("HTTP 503")
        if not self.paid:
            return ()
        assert self.paid_at is not None
        kind = "c2b-pay-bill-debit"
        return (Pulled(self.receipt, self.paid_at, ASHA[1:], kind, ACCOUNT, AMOUNT),)

    # what happens

    def do(self, step: str) -> None:
        match step:
            case "accept" | "take and be silent" | "lose the request" | "throttle":
                self.way = step
            case "answer truly" | "answer vaguely" | "answer nothing":
                self.answers = step.removeprefix("answer ")
            case "show the list":
                self.lists = True
            case "work":
                self.work()
            case "wait" | "wait long":
                self.clock.advance(seconds=7 if step == "wait" else 400)
                self.work()
            case "worker dies" | "worker dies asking":
                self._dies(asks=step == "worker dies asking")
            case "worker dies entering":
                self._dies_entering()
            case _:
                self._safaricom(step)

    def _safaricom(self, step: str) -> None:
        match step:
            case "pay" if self.taken and not self.declined:
                self.paid, self.paid_at = True, self.paid_at or self.clock.now()
            case "decline" if self.taken and not self.paid:
                self.declined = True
            case "call back" if self.paid or self.declined:
                self.call_back("0" if self.paid else "1032")
            case "say it failed" if self.taken:
                self.call_back("1037")
            case "say it is pending" if self.taken:
                self.call_back("4999")
            case "confirm" if self.paid:
                self.confirm()

    def call_back(self, code: str) -> None:
        said: dict[str, Any] = {"MerchantRequestID": "m", "CheckoutRequestID": self.checkout}
        said |= {"ResultCode": int(code), "ResultDesc": ""}
        if code == "0":
            facts = {"Amount": AMOUNT / 100, "MpesaReceiptNumber": self.receipt}
            facts |= {"PhoneNumber": int(ASHA[1:])}
            items = [{"Name": name, "Value": value} for name, value in facts.items()]
            said["CallbackMetadata"] = {"Item": items}
        raw = json.dumps({"Body": {"stkCallback": said}})
        self.app.inbox.hear("mpesa_stk", f"{self.checkout}:{code}", {"raw": raw})

    def confirm(self) -> None:
        assert self.paid_at is not None
        said = {
            "TransID": self.receipt,
            "TransTime": nairobi(self.paid_at).strftime("%Y%m%d%H%M%S"),
            "TransAmount": f"{AMOUNT // 100}.00",
            "BusinessShortCode": "174379",
            "BillRefNumber": ACCOUNT,
            "MSISDN": "2547 ***** 001",
            "FirstName": "ASHA",
        }
        self.app.inbox.hear("mpesa_c2b", self.receipt, {"raw": json.dumps(said)})

    # workers

    def work(self) -> None:
        shop = open_shop(self.app, lines=1)
        safaricom: Any = self
        shop = replace(shop, pushes=Pushes(self.app, safaricom, "one", 1))
        shop.sweep()
        while callbacks.hear(shop) + shop.turn():
            pass
        shop.close()

    def _dies(self, *, asks: bool) -> None:
        """A worker takes it up and is never seen again, before or after it called."""
        with self.app.engine.begin() as connection:
            row = push_rows.claim(connection, "one that dies", self.clock.now())
        if row is not None and asks:
            self.push()
        self.clock.advance(seconds=SENDING_LIMIT_S + 1)

    def _dies_entering(self) -> None:
        """A worker has entered what it heard and dies before it can note so."""

        def die(*_: object, **__: object) -> None:
            raise SystemExit

        with pytest.MonkeyPatch.context() as dying:
            for name in ("done", "later", "dead"):
                dying.setattr(inbox, name, die)
            with suppress(SystemExit):
                self.work()

    def heal(self) -> None:
        """Safaricom tells the truth of what it has done, by every way it has."""
        self.way, self.answers, self.lists = "accept", "truly", True
        self.work()
        if self.paid:
            self.confirm()
        if self.paid or self.declined:
            self.call_back("0" if self.paid else "1032")
        for _ in range(24):
            self.clock.advance(seconds=900)
            self.work()

    # what came of it

    def row(self) -> Any:
        with self.app.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT * FROM pushes ORDER BY id DESC LIMIT 1")
            return found.one()

    def count(self, statement: str, *given: object) -> int:
        with self.app.engine.connect() as connection:
            return int(connection.exec_driver_sql(statement, given).scalar_one() or 0)

    def standing(self) -> dict[str, int]:
        return {
            "wallet": self.count(
                "SELECT ledger_balance(wallet_id) FROM parties WHERE msisdn = %s", ASHA
            ),
            "mpesa": self.count("SELECT ledger_balance(id) FROM accounts WHERE kind = 'mpesa'"),
            "told": self.count("SELECT count(*) FROM outbox WHERE template = 'mpesa_topped_up'"),
            "receipts": self.count("SELECT count(*) FROM mpesa_receipts"),
            "aside": self.count("SELECT count(*) FROM unplaced"),
        }


@pytest.fixture
def begin(settings: Settings, clock: FrozenClock, engine: Engine) -> Iterator[Callable[[], Play]]:
    app: App = build(settings, clock=clock, ids=SequentialIds())
    plant(app.bank.desk, [Seed(ASHA, "Asha", "en", "4826", "12000001", 0)])
    number = 0

    def new() -> Play:
        nonlocal number
        number += 1
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM inbox")
            connection.exec_driver_sql("UPDATE pushes SET due_at = NULL, msisdn = '+254700000000'")
        play = Play(app, clock, number)
        play.before = play.standing()
        app.bank.serve("top_up", ASHA, {"amount": AMOUNT}, key=f"m{number}:x")
        return play

    yield new
    app.close()


def must_be_true(play: Play) -> None:
    """Credited once when paid, not at all otherwise; told once; the push says which."""
    paid = int(play.paid)
    now = play.standing()
    grown = {name: now[name] - minor for name, minor in play.before.items()}
    assert grown == {
        "wallet": paid * AMOUNT,
        "mpesa": paid * AMOUNT,
        "told": paid,
        "receipts": paid,
        "aside": 0,
    }
    row = play.row()
    assert play.taken <= 1, "nobody is asked twice"
    if play.paid:
        assert (row.state, row.mpesa) == ("succeeded", play.receipt)
    else:
        assert row.state in ("failed", "unknown", "accepted", "created")
        assert row.mpesa is None
    if play.declined and row.state != "failed":
        assert row.checkout_id is None, "whose end names nobody that we know"


def test_the_money_is_credited_once_when_it_was_paid_and_never_otherwise(
    begin: Callable[[], Play], engine: Engine
) -> None:
    @settings(
        max_examples=100,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(steps=_STEPS)
    def play(steps: list[str]) -> None:
        one = begin()
        for step in steps:
            one.do(step)
        one.heal()
        must_be_true(one)

    play()
    assert not audit.run(engine)
