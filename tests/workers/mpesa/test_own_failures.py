"""Where our own account or operator at Safaricom fails, no customer is told no: what was asked for
waits, goes out again under another name, and is given up when its time is over."""

from datetime import timedelta

import pytest

from tests.workers import looks
from tests.workers.mpesa.payouts import FULL, LEFT, Payouts
from ussd_app.kernel.errors import RefusalCode, Refused
from workers.errand_rows import PROBE_S
from workers.errands import MOST_ATTEMPTS
from workers.gateways.errands import Postponed


def test_our_account_too_low_goes_out_again_under_another_name(mpesa: Payouts, sent: str) -> None:
    mpesa.failed(sent, "1")
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("unknown", LEFT)
    mpesa.standing("Declined")
    mpesa.drain()
    assert mpesa.state(sent) == "queued"
    mpesa.wait(301)
    again = f"{sent}-2"
    assert mpesa.asked == [sent, again]
    mpesa.failed(sent, "1")
    mpesa.drain()
    assert mpesa.state(sent) == "unknown"
    mpesa.paid(again)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.available()) == ("done", LEFT)


def test_our_account_said_too_low_and_yet_paid_is_not_paid_again(mpesa: Payouts, sent: str) -> None:
    mpesa.failed(sent, "1")
    mpesa.drain()
    mpesa.pay(sent)
    mpesa.standing()
    mpesa.drain()
    mpesa.wait(3600)
    assert (mpesa.state(sent), mpesa.asked) == ("done", [sent])


def test_our_account_too_low_for_too_long_is_given_up(mpesa: Payouts, sent: str) -> None:
    for _ in range(90):
        if mpesa.state(sent) != "unknown":
            break
        mpesa.failed(mpesa.asked[-1], "1")
        mpesa.drain()
        mpesa.standing("Declined")
        mpesa.drain()
        mpesa.wait(3601)
    assert (mpesa.state(sent), mpesa.available(), mpesa.told()) == (
        *("refused", FULL),
        ["mpesa_not_sent"],
    )
    assert mpesa.clock.now() - timedelta(days=3, hours=2) < looks.one(
        mpesa.app, "SELECT created_at FROM errands WHERE reference = %s", sent
    )


def test_a_name_after_many_has_as_many_attempts_as_the_first(mpesa: Payouts, sent: str) -> None:
    for number in range(MOST_ATTEMPTS + 2):
        mpesa.failed(mpesa.asked[-1], "1")
        mpesa.drain()
        mpesa.standing("Declined")
        mpesa.drain()
        if number > MOST_ATTEMPTS:
            mpesa.answer = lambda *_: Postponed("500.003.02 Spike Arrest Violation")
        mpesa.wait(3601)
    assert mpesa.state(sent) == "queued"
    mpesa.answer = None
    mpesa.wait(400)
    last = mpesa.asked[-1]
    assert last == f"{sent}-{MOST_ATTEMPTS + 3}"
    mpesa.paid(last)
    mpesa.drain()
    assert mpesa.state(sent) == "done"


def test_an_operator_that_is_locked_rests_the_kind_and_one_goes_out_to_see(
    mpesa: Payouts, sent: str
) -> None:
    second = mpesa.send(100)
    mpesa.failed(sent, "8006")
    mpesa.drain()
    assert mpesa.asked == [sent]
    with pytest.raises(Refused) as refused:
        mpesa.send(100)
    assert refused.value.code is RefusalCode.MPESA_SILENT
    mpesa.standing("8006")
    mpesa.drain()
    mpesa.wait(PROBE_S + 1)
    assert mpesa.asked == [sent, second]
    mpesa.paid(second)
    mpesa.drain()
    mpesa.standing("Declined", of=sent)
    mpesa.drain()
    mpesa.wait(400)
    assert mpesa.asked == [sent, second, f"{sent}-2"]
    mpesa.paid(f"{sent}-2")
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.state(second)) == ("done", "done")


def test_what_rests_until_its_time_is_over_is_given_up(mpesa: Payouts, sent: str) -> None:
    second = mpesa.send(100)
    mpesa.failed(sent, "8006")
    mpesa.drain()
    for _ in range(8):
        mpesa.wait(PROBE_S / 2)
        mpesa.standing("8006")
        mpesa.drain()
    assert (mpesa.state(sent), mpesa.state(second)) == ("unknown", "queued")
    mpesa.wait(3 * 86_400)
    mpesa.drain()
    assert (mpesa.state(sent), mpesa.state(second), mpesa.available()) == (
        *("refused", "refused"),
        FULL,
    )


def test_what_our_application_has_no_leave_for_rests_and_goes_out_when_that_is_mended(
    mpesa: Payouts,
) -> None:
    mpesa.answer = lambda *_: Postponed("401.003.01 no apiproduct match found", ours=True)
    first = mpesa.send(100)
    mpesa.drain()
    with pytest.raises(Refused) as refused:
        mpesa.send(100)
    assert refused.value.code is RefusalCode.MPESA_SILENT
    mpesa.wait(PROBE_S / 2)
    assert (mpesa.state(first), mpesa.asked) == ("queued", [first])
    mpesa.answer = None
    mpesa.wait(PROBE_S)
    mpesa.paid(first)
    mpesa.drain()
    assert (mpesa.state(first), mpesa.asked) == ("done", [first, first])
    assert mpesa.send(100)
