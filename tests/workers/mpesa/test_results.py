"""What Safaricom says of money on its way out, in any order: paid once, never void when paid."""

from dataclasses import replace
from typing import Any

import pytest

from tests.workers import looks
from tests.workers.conftest import ASHA
from tests.workers.mpesa.payouts import FULL, LEFT, PIN, Payouts
from tests.workers.outside import send_to_mpesa
from ussd_app.bootstrap import build
from ussd_app.domain import payouts
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import SequentialIds
from ussd_app.settings import Settings
from workers.gateways.errands import Declined, Open, Postponed


def test_a_result_settles_it_and_the_receiver_is_named(mpesa: Payouts, sent: str) -> None:
    assert (mpesa.state(sent), mpesa.available()) == ("unknown", LEFT)
    for _ in range(2):
        mpesa.paid(sent)
        mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("done", LEFT)
    facts = looks.one(mpesa.app, "SELECT facts FROM outbox WHERE template = 'mpesa_sent'")
    assert facts["whom"] == "JANE WANJIKU 0722000002"
    assert facts["mpesa_receipt"].startswith("UKK")
    assert mpesa.told() == ["mpesa_sent"]


def test_a_result_before_the_answer_to_the_call(mpesa: Payouts) -> None:
    def answer(kind: str, errand: Any) -> Open:
        taken = mpesa.take(kind, errand)
        mpesa.paid(errand.reference)
        mpesa.shop()
        return Open("accepted", taken.conversation)

    mpesa.answer = answer
    receipt = mpesa.send()
    mpesa.drain()
    assert (mpesa.state(receipt), mpesa.available()) == ("done", LEFT)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("2040", "mpesa_no_such_number"),
        ("SFC_IC0003", "mpesa_no_such_number"),
        ("8", "mpesa_receiver_full"),
        ("3", "mpesa_not_sent"),
    ],
)
def test_a_failure_frees_the_money_and_says_why(
    mpesa: Payouts, sent: str, code: str, sentence: str
) -> None:
    mpesa.failed(sent, code)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available(), mpesa.told()) == ("refused", FULL, [sentence])


@pytest.mark.parametrize("code", ["17", "4999", "12345", "100000000", "XYZ"])
def test_a_code_that_no_table_knows_is_no_failure(mpesa: Payouts, sent: str, code: str) -> None:
    mpesa.failed(sent, code)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("unknown", LEFT)
    assert mpesa.questions[-1][0] == sent


def test_silence_is_asked_about_and_settled_by_the_answer(mpesa: Payouts, sent: str) -> None:
    mpesa.wait(16)
    mpesa.standing("Authorized")
    mpesa.wait(31)
    assert mpesa.state(sent) == "unknown"
    mpesa.pay(sent)
    mpesa.standing()
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available(), mpesa.told()) == ("done", LEFT, ["mpesa_sent"])


@pytest.mark.parametrize("word", ["Declined", "Cancelled", "Expired"])
def test_silence_and_then_declined(mpesa: Payouts, sent: str, word: str) -> None:
    mpesa.wait(16)
    mpesa.standing(word)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("refused", FULL)


def test_what_was_accepted_and_is_then_unknown_there_is_not_unpaid(
    mpesa: Payouts, sent: str
) -> None:
    for seconds in (16, 31, 61, 121):
        mpesa.wait(seconds)
        mpesa.standing("2032")
        mpesa.drain()
    assert (mpesa.state(sent), mpesa.available(), mpesa.asked) == ("unknown", LEFT, [sent])


def test_a_request_that_was_lost_is_asked_for_again_under_the_same_name(mpesa: Payouts) -> None:
    mpesa.answer = lambda kind, errand: Open("HTTP 500")
    receipt = mpesa.send()
    mpesa.drain()
    mpesa.answer = None
    mpesa.wait(16)
    mpesa.standing()
    mpesa.drain()
    assert mpesa.asked == [receipt, receipt]
    mpesa.paid(receipt)
    mpesa.drain()
    assert mpesa.state(receipt) == "done"


def test_a_bill_whose_request_was_lost_is_never_asked_for_again(mpesa: Payouts) -> None:
    mpesa.answer = lambda kind, errand: Open("HTTP 500")
    receipt = mpesa.bill(500)
    mpesa.drain()
    mpesa.wait(16)
    mpesa.standing()
    mpesa.drain()
    assert (mpesa.state(receipt), mpesa.asked) == ("unknown", [receipt])


def test_a_duplicate_is_asked_about_and_not_again(mpesa: Payouts) -> None:
    def answer(kind: str, errand: Any) -> Open:
        mpesa.take(kind, errand)
        return Open("Duplicate OriginatorConversationID.")

    mpesa.answer = answer
    receipt = mpesa.send()
    mpesa.drain()
    mpesa.wait(16)
    mpesa.pay(receipt)
    mpesa.standing()
    mpesa.drain()
    assert (mpesa.state(receipt), mpesa.asked) == ("done", [receipt])


def test_a_time_out_says_nothing_and_is_asked_about_at_once(mpesa: Payouts, sent: str) -> None:
    mpesa.timed_out(sent)
    mpesa.drain()
    assert mpesa.questions[-1][0] == sent
    assert (mpesa.state(sent), mpesa.available()) == ("unknown", LEFT)
    mpesa.paid(sent)
    mpesa.drain()
    assert mpesa.state(sent) == "done"


def test_failure_and_then_success_before_the_book_followed(mpesa: Payouts, sent: str) -> None:
    mpesa.failed(sent, "2040")
    mpesa.paid(sent)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available(), mpesa.told()) == ("done", LEFT, ["mpesa_sent"])


def test_failure_and_then_success_after_the_money_was_given_back_is_for_people(
    mpesa: Payouts, sent: str
) -> None:
    mpesa.failed(sent, "2040")
    mpesa.drain()
    mpesa.paid(sent)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("disputed", FULL)
    found = looks.one(mpesa.app, "SELECT suggestion FROM differences WHERE kind = 'disputed'")
    assert found == "mpesa_shortfall"


def test_success_after_the_book_gave_it_back_and_the_worker_died(mpesa: Payouts, sent: str) -> None:
    mpesa.failed(sent, "2040")
    mpesa.drain()
    with mpesa.app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE errands SET state = 'declined', ended_at = NULL")
    mpesa.paid(sent)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("disputed", FULL)
    assert looks.one(mpesa.app, "SELECT count(*) FROM differences WHERE kind = 'disputed'") == 1


def test_success_and_then_failure_stays_paid(mpesa: Payouts, sent: str) -> None:
    mpesa.paid(sent)
    mpesa.failed(sent, "2040")
    mpesa.drain()
    mpesa.failed(sent, "1")
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("done", LEFT)


@pytest.mark.parametrize("wrong", [{"amount": "5000.00"}, {"to": "254799000111 - SOMEBODY ELSE"}])
def test_what_is_said_of_another_amount_or_receiver_settles_nothing(
    mpesa: Payouts, sent: str, wrong: dict[str, str]
) -> None:
    mpesa.paid(sent, **wrong)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("unknown", LEFT)


def test_a_reply_that_says_no_ends_it_and_one_that_says_later_waits(mpesa: Payouts) -> None:
    mpesa.answer = lambda kind, errand: Postponed("HTTP 429")
    first = mpesa.send(100)
    mpesa.drain()
    assert mpesa.state(first) == "queued"
    mpesa.answer = lambda kind, errand: Declined("400.002.02")
    mpesa.wait(30)
    assert (mpesa.state(first), mpesa.told()) == ("refused", ["mpesa_not_sent"])


def test_a_result_of_no_errand_is_kept_and_nothing_moves(mpesa: Payouts, sent: str) -> None:
    request = mpesa.taken.pop(sent)
    mpesa.taken["KB99999"] = replace(request, conversation="AG_other")
    mpesa.paid("KB99999")
    for _ in range(20):
        mpesa.wait(70)
    assert (mpesa.state(sent), mpesa.available()) == ("unknown", LEFT)


def test_a_bill_and_a_till_are_paid(mpesa: Payouts) -> None:
    bill, till = mpesa.bill(300), mpesa.bill(200, till=True)
    mpesa.drain()
    assert {request.kind for request in mpesa.taken.values()} == {payouts.B2B}
    mpesa.paid(bill)
    mpesa.paid(till, to="600999 - MAMA DUKA STORE")
    mpesa.drain()
    assert mpesa.told() == ["mpesa_bill_paid", "mpesa_till_paid"]


def test_nothing_is_offered_without_a_pay_bill_of_our_own(settings: Settings) -> None:
    app = build(replace(settings, daraja_url=None), ids=SequentialIds())
    plant(app.bank.desk)
    with pytest.raises(Refused) as refused:
        send_to_mpesa(app, ASHA, PIN, 100)
    app.close()
    assert refused.value.code is RefusalCode.MPESA_SILENT
