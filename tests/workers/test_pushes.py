"""Pushes: each phone asked once, and paid once, whatever is lost, late, doubled or contradicted."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.people import CAST
from tests.workers.conftest import ASHA, BARAKA, Boxes
from tests.workers.test_mpesa_payments import JUMA, Till
from ussd_app.bootstrap import App
from ussd_app.domain.mpesa.pushes import SORRY, Push
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.daraja import StkStanding
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers import callbacks, push_rows
from workers.daraja import MOST_WAITS
from workers.gateways.daraja import Pushed
from workers.gateways.daraja_errors import PENDING
from workers.gateways.errands import Declined, Open, Postponed
from workers.push_rows import MOST_AGE, SENDING_LIMIT_S
from workers.pushes import Pushes
from workers.shop import Shop, open_shop

CHECKOUT = "ws_CO_211120261200001"


class Safaricom:
    """Answers as it is told to, and counts."""

    def __init__(self) -> None:
        self.answer: Any = Pushed("m-1", CHECKOUT)
        self.stands: Any = Open(PENDING)
        self.pushed: list[tuple[str, int, str]] = []
        self.asked = 0
        self.meanwhile: Any = lambda: None

    def push(self, msisdn: str, amount_minor: int, account: str, _: str) -> Any:
        self.pushed.append((msisdn, amount_minor, account))
        self.meanwhile()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def push_standing(self, checkout: str) -> Any:
        self.asked += 1
        return (
            self.stands if isinstance(self.stands, Open) else StkStanding(checkout, self.stands, "")
        )


class Phones(Till):
    """Customers who are asked to pay, and the Safaricom between."""

    def __init__(self, app: App, boxes: Boxes, clock: FrozenClock) -> None:
        super().__init__(app, boxes)
        self.clock = clock
        self.safaricom = Safaricom()
        self._keys = 0

    def top_up(self, shillings: float = 500, msisdn: str = ASHA) -> None:
        self._keys += 1
        self.app.bank.serve(
            "top_up", msisdn, {"amount": int(shillings * 100)}, key=f"t{self._keys}:x"
        )

    def ended(self, code: int | str = 0, **changes: Any) -> int:
        """A callback comes in; returns its row of the inbox."""
        said = {
            "MerchantRequestID": "m-1",
            "CheckoutRequestID": changes.pop("checkout", CHECKOUT),
            "ResultCode": code,
            "ResultDesc": "",
        }
        if code == 0:
            facts = {
                "Amount": 500.00,
                "MpesaReceiptNumber": "UKS1",
                "TransactionDate": 20261121120001,
                "PhoneNumber": int(ASHA[1:]),
            } | changes
            named = [{"Name": name, "Value": value} for name, value in facts.items()]
            said["CallbackMetadata"] = {"Item": named}
        self._keys += 1
        body = json.dumps({"Body": {"stkCallback": said}})
        return self.boxes.hear(
            "mpesa_stk", f"{said['CheckoutRequestID']}:{code}:{self._keys}", raw=body
        )

    def shop_(self) -> Shop:
        shop = open_shop(self.app, lines=1)
        asks: Any = self.safaricom
        return replace(shop, pushes=Pushes(self.app, asks, "one", 1))

    def work(self) -> None:
        shop = self.shop_()
        shop.sweep()
        callbacks.hear(shop)
        shop.turn()
        callbacks.hear(shop)
        shop.close()

    def states(self) -> list[str]:
        return [row.state for row in self.rows("SELECT state FROM pushes ORDER BY id")]

    def push(self) -> Any:
        (row,) = self.rows("SELECT * FROM pushes")
        return row

    def alarms(self) -> dict[str, float]:
        lines = self.app.metrics.exposition().decode().splitlines()
        start = 'kabambe_alarms_total{what="'
        found = (line[len(start) :].split('"} ') for line in lines if line.startswith(start))
        return {name: float(count) for name, count in found}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, daraja_url="http://127.0.0.1:1/safaricom")


@pytest.fixture
def phones(app: App, boxes: Boxes, engine: Any, clock: FrozenClock) -> Iterator[Phones]:
    plant(app.bank.desk, [*CAST, JUMA])
    boxes.change("DELETE FROM outbox")
    made = Phones(app, boxes, clock)
    yield made
    assert not audit.run(engine)
    assert made.held("mpesa/house") == sum(made.receipts().values())


def test_a_push_that_is_paid(phones: Phones) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    assert phones.states() == ["created"]
    phones.work()
    assert phones.states() == ["accepted"]
    assert phones.safaricom.pushed == [(ASHA, 500_00, "0712000001")]
    for _ in range(3):
        phones.ended(0)
    phones.work()
    assert phones.wallet(ASHA) == before + 500_00
    row = phones.push()
    assert (row.state, row.mpesa, row.result_code) == ("succeeded", "UKS1", "0")
    assert phones.said(ASHA) == ["mpesa_topped_up"]
    phones.pay("UKS1", "0712000001")
    phones.work()
    assert phones.wallet(ASHA) == before + 500_00, "its confirmation is the same money"
    assert phones.said(ASHA) == ["mpesa_topped_up"]


def test_a_confirmation_before_the_callback(phones: Phones) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    phones.pay("UKS1", "0712000001", MSISDN="2547 ***** 001")
    phones.work()
    phones.ended(0)
    phones.work()
    assert (phones.wallet(ASHA), phones.states()) == (before + 500_00, ["succeeded"])
    assert phones.said(ASHA) == ["mpesa_topped_up"]


def test_a_callback_before_the_answer_waits_for_it(phones: Phones, clock: FrozenClock) -> None:
    before = phones.wallet(ASHA)
    phones.safaricom.meanwhile = lambda: (phones.ended(0), callbacks.hear(phones.shop_()))
    phones.top_up()
    phones.work()
    assert (phones.states(), phones.wallet(ASHA)) == (["accepted"], before)
    clock.advance(seconds=2)
    phones.work()
    assert (phones.states(), phones.wallet(ASHA)) == (["succeeded"], before + 500_00)


@pytest.mark.parametrize("code", [*SORRY, "7777"])
def test_whoever_did_not_pay_is_told_why_once(phones: Phones, code: str) -> None:
    before = phones.wallet(BARAKA)
    phones.top_up(10, BARAKA)
    phones.work()
    typed = int(code) if code.isdigit() else code
    for _ in range(2):
        phones.ended(typed)
    phones.work()
    assert (phones.states(), phones.wallet(BARAKA)) == (["failed"], before)
    assert phones.said(BARAKA) == [SORRY.get(code, "push_refused")]
    assert phones.push().result_code == code


def test_silence_is_asked_about_with_pauses(phones: Phones, clock: FrozenClock) -> None:
    phones.top_up()
    phones.work()
    for _ in range(60):
        clock.advance(seconds=30)
        phones.work()
    assert phones.states() == ["accepted"]
    assert 4 <= phones.safaricom.asked <= 8
    phones.safaricom.stands = "1032"
    clock.advance(seconds=1_000)
    phones.work()
    assert (phones.states(), phones.said(ASHA)) == (["failed"], ["push_cancelled"])


def test_4999_in_a_callback_is_no_end(phones: Phones) -> None:
    phones.top_up()
    phones.work()
    phones.ended(4999)
    phones.work()
    assert (phones.states(), phones.said(ASHA)) == (["accepted"], [])


def test_an_unknown_code_of_a_question_is_no_end(phones: Phones, clock: FrozenClock) -> None:
    phones.top_up()
    phones.work()
    phones.safaricom.stands = "E3008"
    clock.advance(seconds=40)
    phones.work()
    assert (phones.states(), phones.said(ASHA)) == (["accepted"], [])


@pytest.mark.parametrize("by", ["callback", "confirmation", "confirmation before"])
def test_paid_by_a_question_waits_for_the_receipt(
    phones: Phones, clock: FrozenClock, by: str
) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    if by == "confirmation before":
        phones.pay("UKS1", "0712000001", MSISDN="2547 ***** 001")
        phones.work()
    phones.safaricom.stands = "0"
    clock.advance(seconds=40)
    phones.work()
    if by == "confirmation":
        assert (phones.states(), phones.wallet(ASHA)) == (["accepted"], before)
        phones.pay("UKS1", "0712000001", MSISDN="2547 ***** 001")
    if by == "callback":
        phones.ended(0)
    phones.work()
    clock.advance(seconds=1_000)
    phones.work()
    assert phones.wallet(ASHA) == before + 500_00
    assert (phones.push().state, phones.push().mpesa) == ("succeeded", "UKS1")
    assert phones.said(ASHA) == ["mpesa_topped_up"]
    assert phones.safaricom.asked == 1


def test_paid_and_no_receipt_ever_is_loud(phones: Phones, clock: FrozenClock) -> None:
    phones.top_up()
    phones.work()
    phones.safaricom.stands = "0"
    for _ in range(2):
        clock.advance(seconds=MOST_AGE.total_seconds())
        phones.work()
    assert (phones.states(), phones.push().due_at) == (["unknown"], None)
    assert phones.alarms()["push_without_receipt"] == 1
    before = phones.wallet(ASHA)
    phones.ended(0)
    phones.work()
    assert (phones.states(), phones.wallet(ASHA)) == (["succeeded"], before + 500_00)


def test_a_success_after_a_failure_is_credited_and_loud(phones: Phones) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    phones.ended(1037)
    phones.work()
    assert phones.states() == ["failed"]
    phones.ended(0)
    phones.work()
    assert (phones.states(), phones.wallet(ASHA)) == (["succeeded"], before + 500_00)
    assert phones.alarms()["push_paid_after_all"] == 1
    assert phones.said(ASHA) == ["push_unreachable", "mpesa_topped_up"]


def test_a_failure_after_a_success_changes_nothing(phones: Phones) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    phones.ended(0)
    phones.work()
    phones.ended(1032)
    phones.work()
    assert (phones.states(), phones.wallet(ASHA)) == (["succeeded"], before + 500_00)
    assert (phones.said(ASHA), phones.alarms()["mpesa_contradicted"]) == (["mpesa_topped_up"], 1)


@pytest.mark.parametrize("wrong", [{"Amount": 5000}, {"PhoneNumber": int(BARAKA[1:])}])
def test_another_amount_or_payer_credits_nobody(phones: Phones, wrong: dict[str, Any]) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    came = phones.ended(0, **wrong)
    phones.work()
    assert phones.boxes.came(came).state == "dead"
    assert (phones.wallet(ASHA), phones.receipts()) == (before, {})
    assert phones.alarms()["push_mismatched"] == 1


def test_a_lost_answer_is_never_asked_again_and_its_callback_is_understood(
    phones: Phones, clock: FrozenClock
) -> None:
    before = phones.wallet(ASHA)
    phones.safaricom.answer = Open("ReadTimeout")
    phones.top_up()
    phones.work()
    for _ in range(5):
        clock.advance(seconds=100)
        phones.work()
    assert (phones.states(), len(phones.safaricom.pushed)) == (["unknown"], 1)
    phones.ended(0)
    phones.work()
    assert (phones.states(), phones.wallet(ASHA)) == (["succeeded"], before + 500_00)
    assert phones.push().checkout_id == CHECKOUT


def test_a_lost_answer_is_learnt_from_the_payment(phones: Phones, clock: FrozenClock) -> None:
    phones.safaricom.answer = RuntimeError("a mistake of ours")
    phones.top_up()
    phones.work()
    phones.pay("UKS1", "0712000001", MSISDN="2547 ***** 001")
    phones.work()
    clock.advance(seconds=40)
    phones.work()
    assert (phones.push().state, phones.push().mpesa) == ("succeeded", "UKS1")


def test_a_callback_about_nothing_of_ours_credits_nobody(
    phones: Phones, clock: FrozenClock
) -> None:
    before = phones.wallet(ASHA)
    paid, failed = phones.ended(0), phones.ended(1032, checkout="ws_CO_2")
    for _ in range(MOST_WAITS + 2):
        phones.work()
        clock.advance(seconds=70)
    assert phones.boxes.came(paid).state == "dead"
    assert phones.boxes.came(failed).state == "done"
    assert (phones.wallet(ASHA), phones.receipts()) == (before, {})


def test_a_worker_that_dies_while_it_asks(phones: Phones, clock: FrozenClock) -> None:
    phones.top_up()
    with phones.app.engine.begin() as connection:
        claimed = push_rows.claim(connection, "one that dies", clock.now())
    assert isinstance(claimed, Push)
    phones.work()
    assert (phones.states(), phones.safaricom.pushed) == (["sent"], [])
    clock.advance(seconds=SENDING_LIMIT_S + 1)
    phones.work()
    assert (phones.states(), phones.safaricom.pushed) == (["unknown"], [])
    phones.ended(0)
    phones.work()
    assert phones.states() == ["succeeded"]


def test_what_is_not_taken_now_is_asked_again_while_somebody_waits(
    phones: Phones, clock: FrozenClock
) -> None:
    phones.safaricom.answer = Postponed("spike arrest")
    phones.top_up()
    for _ in range(20):
        phones.work()
        clock.advance(seconds=10)
    assert (phones.states(), len(phones.safaricom.pushed)) == (["failed"], 4)
    assert phones.said(ASHA) == ["push_refused"]


def test_a_phone_that_is_busy_and_a_refusal_are_told_at_once(phones: Phones) -> None:
    phones.safaricom.answer = Postponed("locked", 120.0)
    phones.top_up()
    phones.work()
    assert (phones.states(), phones.said(ASHA)) == (["failed"], ["push_busy"])
    phones.safaricom.answer = Declined("merchant does not exist")
    phones.top_up()
    phones.work()
    assert phones.said(ASHA) == ["push_busy", "push_refused"]


def refused(phones: Phones, *given: Any) -> RefusalCode:
    with pytest.raises(Refused) as caught:
        phones.top_up(*given)
    return caught.value.code


def test_what_is_not_asked_for(phones: Phones, clock: FrozenClock) -> None:
    assert refused(phones, 0.5) is RefusalCode.WHOLE_SHILLINGS
    assert refused(phones, 250_001) is RefusalCode.AMOUNT_TOO_LARGE
    phones.pay("UKX1", "0712000001", "400000.00")
    phones.work()
    assert refused(phones, 250_000) is RefusalCode.WALLET_FULL
    phones.top_up()
    assert refused(phones) is RefusalCode.TOO_FAST
    phones.top_up(5, BARAKA)
    clock.advance(seconds=61)
    phones.top_up()
    phones.boxes.change("UPDATE parties SET status = 'frozen' WHERE msisdn = %s", ASHA)
    assert refused(phones) is RefusalCode.ACCOUNT_FROZEN
    assert len(phones.states()) == 3


def test_nothing_is_asked_for_without_an_account_at_safaricom(phones: Phones) -> None:
    desk = replace(phones.app.bank.desk, mpesa_shortcode=None)
    phones.app.bank.desk = desk
    assert refused(phones) is RefusalCode.MPESA_SILENT


def test_a_wallet_that_filled_up_meanwhile_keeps_the_money_aside(phones: Phones) -> None:
    phones.top_up()
    phones.work()
    phones.boxes.change("UPDATE parties SET status = 'frozen' WHERE msisdn = %s", ASHA)
    phones.ended(0)
    phones.work()
    assert (phones.states(), phones.aside()) == (["succeeded"], {"UKS1": "account on hold"})
    assert phones.said(ASHA) == ["mpesa_kept_aside"]


def test_two_alike_of_which_one_is_paid(phones: Phones, clock: FrozenClock) -> None:
    """What was guessed of the one is put right when the other's receipt is told."""
    phones.safaricom.answer = Open("lost")
    phones.top_up()
    phones.work()
    clock.advance(seconds=61)
    phones.safaricom.answer = Pushed("m-1", CHECKOUT)
    phones.top_up()
    phones.work()
    phones.pay("UKS1", "0712000001", MSISDN="2547 ***** 001")
    phones.work()
    clock.advance(seconds=40)
    phones.work()
    assert phones.states() == ["succeeded", "accepted"]
    phones.ended(0)
    phones.work()
    assert phones.states() == ["unknown", "succeeded"]
    assert len(phones.receipts()) == 1


def test_how_long_something_is_looked_after() -> None:
    assert MOST_AGE.total_seconds() == 48 * 3600, "as long as Safaricom lists payments"
