"""How pushes end: each is paid once, whatever is late, doubled or contradicted."""

from typing import Any

import pytest

from tests.workers.conftest import ASHA, BARAKA
from tests.workers.mpesa.phones import CHECKOUT, Phones
from ussd_app.domain.mpesa.pushes import SORRY
from ussd_app.kernel.clock import FrozenClock
from workers import callbacks
from workers.daraja import MOST_WAITS
from workers.gateways.daraja import Pushed
from workers.gateways.errands import Open
from workers.push_rows import MOST_AGE


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


def test_4999_in_a_callback_is_no_end(phones: Phones) -> None:
    phones.top_up()
    phones.work()
    phones.ended(4999)
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


def test_a_second_receipt_for_one_push_is_for_people(phones: Phones) -> None:
    before = phones.wallet(ASHA)
    phones.top_up()
    phones.work()
    phones.ended(0)
    phones.work()
    other = phones.ended(0, MpesaReceiptNumber="UKS2")
    phones.work()
    assert phones.boxes.came(other).state == "dead"
    assert (phones.wallet(ASHA), phones.push().mpesa) == (before + 500_00, "UKS1")
    assert phones.alarms() == {"mpesa_contradicted": 1.0}


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
