"""Pushes: each phone is asked once, whatever is lost, and how it ended is asked about."""

from dataclasses import replace
from typing import Any

import pytest

from tests.workers.conftest import ASHA, BARAKA
from tests.workers.mpesa.phones import CHECKOUT, Phones
from ussd_app.domain.mpesa.pushes import Push
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused
from workers import push_rows
from workers.gateways.errands import Declined, Open, Postponed
from workers.push_rows import MOST_AGE, SENDING_LIMIT_S


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


def test_an_unknown_code_of_a_question_is_no_end(phones: Phones, clock: FrozenClock) -> None:
    phones.top_up()
    phones.work()
    phones.safaricom.stands = "E3008"
    clock.advance(seconds=40)
    phones.work()
    assert (phones.states(), phones.said(ASHA)) == (["accepted"], [])


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


def test_nobody_is_told_that_nothing_was_paid_when_the_money_is_here(
    phones: Phones, clock: FrozenClock
) -> None:
    phones.top_up()
    phones.work()
    phones.pay("UKS1", "0712000001", MSISDN="2547 ***** 001")
    phones.safaricom.stands = "1037"
    phones.work()
    clock.advance(seconds=40)
    phones.work()
    assert (phones.states(), phones.said(ASHA)) == (["failed"], ["mpesa_topped_up"])
    assert phones.alarms() == {"mpesa_contradicted": 1.0}


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


def test_how_long_something_is_looked_after() -> None:
    assert MOST_AGE.total_seconds() == 48 * 3600, "as long as Safaricom lists payments"
