"""What Safaricom says of money on its way out, in any order: paid once, never void when paid."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.workers.conftest import ASHA
from tests.workers.outside import pay_bill, send_to_mpesa
from tests.workers.paymaster import Safaricom
from ussd_app.bootstrap import App, build
from ussd_app.domain import payouts
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.errand_rows import PROBE_S
from workers.gateways.errands import Declined, Open, Postponed

PIN = "4826"
FULL, LEFT = 1_500_00, 1_500_00 - 500_00 - 8_00


@pytest.fixture
def app(settings: Settings, clock: FrozenClock) -> Iterator[App]:
    known = replace(settings, daraja_url="http://127.0.0.1:1")
    app = build(known, clock=clock, ids=SequentialIds())
    plant(app.bank.desk)
    yield app
    app.close()


@pytest.fixture
def mpesa(app: App, engine: Engine) -> Iterator[Safaricom]:
    yield Safaricom(app)
    assert not audit.run(engine)


@pytest.fixture
def sent(mpesa: Safaricom) -> str:
    """500 shillings to Baraka's M-PESA, accepted by Safaricom: the errand's reference."""
    receipt = send_to_mpesa(mpesa.app, ASHA, PIN, 500)
    mpesa.drain()
    return receipt


def state(mpesa: Safaricom, reference: str) -> str:
    return str(one(mpesa, "SELECT state FROM errands WHERE reference = %s", reference))


def one(mpesa: Safaricom, query: str, *args: object) -> Any:
    with mpesa.app.engine.connect() as connection:
        return connection.exec_driver_sql(query, args).scalar_one()


def available(mpesa: Safaricom) -> int:
    return int(
        one(
            mpesa,
            "SELECT a.balance_minor - a.held_minor FROM parties p"
            " JOIN accounts a ON a.id = p.wallet_id WHERE p.msisdn = %s",
            ASHA,
        )
    )


def told(mpesa: Safaricom) -> list[str]:
    """The sentences that Asha was told since she was planted."""
    with mpesa.app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT template FROM outbox WHERE address = %s AND kind = 'sms' ORDER BY id", (ASHA,)
        )
        return [row[0] for row in rows if str(row[0]).startswith("mpesa")]


def pass_(mpesa: Safaricom, clock: FrozenClock, seconds: float) -> None:
    clock.advance(seconds=seconds)
    mpesa.drain()


def test_a_result_settles_it_and_the_receiver_is_named(mpesa: Safaricom, sent: str) -> None:
    assert (state(mpesa, sent), available(mpesa)) == ("unknown", LEFT)
    for _ in range(2):
        mpesa.paid(sent)
        mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("done", LEFT)
    facts = one(mpesa, "SELECT facts FROM outbox WHERE template = 'mpesa_sent'")
    assert facts["whom"] == "JANE WANJIKU 0722000002"
    assert facts["mpesa_receipt"].startswith("UKK")
    assert told(mpesa) == ["mpesa_sent"]


def test_a_result_before_the_answer_to_the_call(mpesa: Safaricom) -> None:
    def answer(kind: str, errand: Any) -> Open:
        taken = mpesa.take(kind, errand)
        mpesa.paid(errand.reference)
        mpesa.shop()
        return Open("accepted", taken.conversation)

    mpesa.answer = answer
    receipt = send_to_mpesa(mpesa.app, ASHA, PIN, 500)
    mpesa.drain()
    assert (state(mpesa, receipt), available(mpesa)) == ("done", LEFT)


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
    mpesa: Safaricom, sent: str, code: str, sentence: str
) -> None:
    mpesa.failed(sent, code)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa), told(mpesa)) == ("refused", FULL, [sentence])


@pytest.mark.parametrize("code", ["17", "4999", "12345", "100000000", "XYZ"])
def test_a_code_that_no_table_knows_is_no_failure(mpesa: Safaricom, sent: str, code: str) -> None:
    mpesa.failed(sent, code)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("unknown", LEFT)
    assert mpesa.questions[-1][0] == sent


def test_silence_is_asked_about_and_settled_by_the_answer(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    pass_(mpesa, clock, 16)
    mpesa.standing("Authorized")
    pass_(mpesa, clock, 31)
    assert state(mpesa, sent) == "unknown"
    mpesa.pay(sent)
    mpesa.standing()
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa), told(mpesa)) == ("done", LEFT, ["mpesa_sent"])


@pytest.mark.parametrize("word", ["Declined", "Cancelled", "Expired"])
def test_silence_and_then_declined(
    mpesa: Safaricom, sent: str, clock: FrozenClock, word: str
) -> None:
    pass_(mpesa, clock, 16)
    mpesa.standing(word)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("refused", FULL)


def test_what_was_accepted_and_is_then_unknown_there_is_not_unpaid(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    for seconds in (16, 31, 61, 121):
        pass_(mpesa, clock, seconds)
        mpesa.standing("2032")
        mpesa.drain()
    assert (state(mpesa, sent), available(mpesa), mpesa.asked) == ("unknown", LEFT, [sent])


def test_a_request_that_was_lost_is_asked_for_again_under_the_same_name(
    mpesa: Safaricom, clock: FrozenClock
) -> None:
    mpesa.answer = lambda kind, errand: Open("HTTP 500")
    receipt = send_to_mpesa(mpesa.app, ASHA, PIN, 500)
    mpesa.drain()
    mpesa.answer = None
    pass_(mpesa, clock, 16)
    mpesa.standing()
    mpesa.drain()
    assert mpesa.asked == [receipt, receipt]
    mpesa.paid(receipt)
    mpesa.drain()
    assert state(mpesa, receipt) == "done"


def test_a_bill_whose_request_was_lost_is_never_asked_for_again(
    mpesa: Safaricom, clock: FrozenClock
) -> None:
    mpesa.answer = lambda kind, errand: Open("HTTP 500")
    receipt = pay_bill(mpesa.app, ASHA, PIN, 500)
    mpesa.drain()
    pass_(mpesa, clock, 16)
    mpesa.standing()
    mpesa.drain()
    assert (state(mpesa, receipt), mpesa.asked) == ("unknown", [receipt])


def test_a_duplicate_is_asked_about_and_not_again(mpesa: Safaricom, clock: FrozenClock) -> None:
    def answer(kind: str, errand: Any) -> Open:
        mpesa.take(kind, errand)
        return Open("Duplicate OriginatorConversationID.")

    mpesa.answer = answer
    receipt = send_to_mpesa(mpesa.app, ASHA, PIN, 500)
    mpesa.drain()
    pass_(mpesa, clock, 16)
    mpesa.pay(receipt)
    mpesa.standing()
    mpesa.drain()
    assert (state(mpesa, receipt), mpesa.asked) == ("done", [receipt])


def test_a_time_out_says_nothing_and_is_asked_about_at_once(mpesa: Safaricom, sent: str) -> None:
    mpesa.timed_out(sent)
    mpesa.drain()
    assert mpesa.questions[-1][0] == sent
    assert (state(mpesa, sent), available(mpesa)) == ("unknown", LEFT)
    mpesa.paid(sent)
    mpesa.drain()
    assert state(mpesa, sent) == "done"


def test_failure_and_then_success_before_the_book_followed(mpesa: Safaricom, sent: str) -> None:
    mpesa.failed(sent, "2040")
    mpesa.paid(sent)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa), told(mpesa)) == ("done", LEFT, ["mpesa_sent"])


def test_failure_and_then_success_after_the_money_was_given_back_is_for_people(
    mpesa: Safaricom, sent: str
) -> None:
    mpesa.failed(sent, "2040")
    mpesa.drain()
    mpesa.paid(sent)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("disputed", FULL)
    found = one(mpesa, "SELECT suggestion FROM differences WHERE kind = 'disputed'")
    assert found == "mpesa_shortfall"


def test_success_after_the_book_gave_it_back_and_the_worker_died(
    mpesa: Safaricom, sent: str
) -> None:
    mpesa.failed(sent, "2040")
    mpesa.drain()
    with mpesa.app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE errands SET state = 'declined', ended_at = NULL")
    mpesa.paid(sent)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("disputed", FULL)
    assert one(mpesa, "SELECT count(*) FROM differences WHERE kind = 'disputed'") == 1


def test_success_and_then_failure_stays_paid(mpesa: Safaricom, sent: str) -> None:
    mpesa.paid(sent)
    mpesa.failed(sent, "2040")
    mpesa.drain()
    mpesa.failed(sent, "1")
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("done", LEFT)


@pytest.mark.parametrize("wrong", [{"amount": "5000.00"}, {"to": "254799000111 - SOMEBODY ELSE"}])
def test_what_is_said_of_another_amount_or_receiver_settles_nothing(
    mpesa: Safaricom, sent: str, wrong: dict[str, str]
) -> None:
    mpesa.paid(sent, **wrong)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("unknown", LEFT)


def test_our_account_too_low_goes_out_again_under_another_name(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    mpesa.failed(sent, "1")
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("unknown", LEFT)
    mpesa.standing("Declined")
    mpesa.drain()
    assert state(mpesa, sent) == "queued"
    pass_(mpesa, clock, 301)
    again = f"{sent}-2"
    assert mpesa.asked == [sent, again]
    mpesa.failed(sent, "1")
    mpesa.drain()
    assert state(mpesa, sent) == "unknown"
    mpesa.paid(again)
    mpesa.drain()
    assert (state(mpesa, sent), available(mpesa)) == ("done", LEFT)


def test_our_account_said_too_low_and_yet_paid_is_not_paid_again(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    mpesa.failed(sent, "1")
    mpesa.drain()
    mpesa.pay(sent)
    mpesa.standing()
    mpesa.drain()
    pass_(mpesa, clock, 3600)
    assert (state(mpesa, sent), mpesa.asked) == ("done", [sent])


def test_our_account_too_low_for_too_long_is_given_up(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    for _ in range(90):
        if state(mpesa, sent) != "unknown":
            break
        mpesa.failed(mpesa.asked[-1], "1")
        mpesa.drain()
        mpesa.standing("Declined")
        mpesa.drain()
        pass_(mpesa, clock, 3601)
    assert (state(mpesa, sent), available(mpesa), told(mpesa)) == (
        *("refused", FULL),
        ["mpesa_not_sent"],
    )
    assert clock.now() - timedelta(days=3, hours=2) < one(
        mpesa, "SELECT created_at FROM errands WHERE reference = %s", sent
    )


def test_an_operator_that_is_locked_rests_the_kind_and_one_goes_out_to_see(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    second = send_to_mpesa(mpesa.app, ASHA, PIN, 100)
    mpesa.failed(sent, "8006")
    mpesa.drain()
    assert mpesa.asked == [sent]
    with pytest.raises(Refused) as refused:
        send_to_mpesa(mpesa.app, ASHA, PIN, 100)
    assert refused.value.code is RefusalCode.MPESA_SILENT
    mpesa.standing("8006")
    mpesa.drain()
    pass_(mpesa, clock, PROBE_S + 1)
    assert mpesa.asked == [sent, second]
    mpesa.paid(second)
    mpesa.drain()
    mpesa.standing("Declined", of=sent)
    mpesa.drain()
    pass_(mpesa, clock, 400)
    assert mpesa.asked == [sent, second, f"{sent}-2"]
    mpesa.paid(f"{sent}-2")
    mpesa.drain()
    assert (state(mpesa, sent), state(mpesa, second)) == ("done", "done")


def test_what_rests_until_its_time_is_over_is_given_up(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    second = send_to_mpesa(mpesa.app, ASHA, PIN, 100)
    mpesa.failed(sent, "8006")
    mpesa.drain()
    for _ in range(8):
        pass_(mpesa, clock, PROBE_S / 2)
        mpesa.standing("8006")
        mpesa.drain()
    assert (state(mpesa, sent), state(mpesa, second)) == ("unknown", "queued")
    pass_(mpesa, clock, 3 * 86_400)
    mpesa.drain()
    assert (state(mpesa, sent), state(mpesa, second), available(mpesa)) == (
        *("refused", "refused"),
        FULL,
    )


def test_a_reply_that_says_no_ends_it_and_one_that_says_later_waits(
    mpesa: Safaricom, clock: FrozenClock
) -> None:
    mpesa.answer = lambda kind, errand: Postponed("HTTP 429")
    first = send_to_mpesa(mpesa.app, ASHA, PIN, 100)
    mpesa.drain()
    assert state(mpesa, first) == "queued"
    mpesa.answer = lambda kind, errand: Declined("400.002.02")
    pass_(mpesa, clock, 30)
    assert (state(mpesa, first), told(mpesa)) == ("refused", ["mpesa_not_sent"])


def test_a_result_of_no_errand_is_kept_and_nothing_moves(
    mpesa: Safaricom, sent: str, clock: FrozenClock
) -> None:
    request = mpesa.taken.pop(sent)
    mpesa.taken["KB99999"] = replace(request, conversation="AG_other")
    mpesa.paid("KB99999")
    for _ in range(20):
        pass_(mpesa, clock, 70)
    assert (state(mpesa, sent), available(mpesa)) == ("unknown", LEFT)


def test_a_bill_and_a_till_are_paid(mpesa: Safaricom) -> None:
    bill, till = pay_bill(mpesa.app, ASHA, PIN, 300), pay_bill(mpesa.app, ASHA, PIN, 200, till=True)
    mpesa.drain()
    assert {request.kind for request in mpesa.taken.values()} == {payouts.B2B}
    mpesa.paid(bill)
    mpesa.paid(till, to="600999 - MAMA DUKA STORE")
    mpesa.drain()
    assert told(mpesa) == ["mpesa_bill_paid", "mpesa_till_paid"]


def test_nothing_is_offered_without_a_pay_bill_of_our_own(settings: Settings) -> None:
    app = build(settings, ids=SequentialIds())
    plant(app.bank.desk)
    with pytest.raises(Refused) as refused:
        send_to_mpesa(app, ASHA, PIN, 100)
    app.close()
    assert refused.value.code is RefusalCode.MPESA_SILENT
