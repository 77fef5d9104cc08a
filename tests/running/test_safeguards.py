"""What staff can say at a terminal about disputes, tiers, windows and blocked IDs."""

import argparse

import pytest

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App
from ussd_app.domain import disputes
from ussd_app.domain.seeds import plant
from ussd_app.domain.two_of_staff import Undecided
from ussd_app.running.safeguards import ONE_MORE, SAYINGS, add_words

pytestmark = pytest.mark.usefixtures("staff")


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


def say(app: App, line: str) -> str:
    """What the terminal answers to `reversals grant 1 --by joyce`."""
    name, *words = line.split()
    parser = argparse.ArgumentParser()
    add_words(name, parser)
    options = parser.parse_args(words)
    return SAYINGS[name, options.what](app.bank.desk, options)


def serve(app: App, name: str, key: str, **args: object) -> dict[str, object]:
    return app.bank.serve(name, ASHA.msisdn, args, key)


def test_a_dispute_is_listed_and_granted_by_two(app: App) -> None:
    quote = serve(app, "quote", "", type="send_money", payee=BARAKA.msisdn, amount=500_00)
    paid = serve(app, "accept_quote", "a", quote=quote["quote_id"], pin=ASHA.pin)
    proof = serve(app, "recent_payments", "b", pin=ASHA.pin)["proof"]
    serve(app, "request_reversal", "c", proof=proof, payment=paid["receipt"])
    assert say(app, "reversals list") == "0 disputes wait."
    with pytest.raises(Undecided):
        say(app, "reversals grant 1 --by joyce")
    app.bank.serve("keep_payment", BARAKA.msisdn, {"dispute": "1"}, "d")
    assert say(app, "reversals grant 1 --by joyce") == ONE_MORE
    assert "500.00 held of 500.00" in say(app, "reversals list")
    assert "approved by joyce" in say(app, "reversals list")
    assert say(app, "reversals grant 1 --by peter") == "The money goes back."
    assert disputes.by_id(app.bank.desk.reads, 1).state == "returned"


def test_limits_are_raised_by_two_and_refused_by_one(app: App) -> None:
    for turn in "ab":
        proof = serve(app, "prove_pin", f"{turn}:pin", pin=ASHA.pin)["proof"]
        args = {"proof": proof, "national_id": ASHA.national_id}
        serve(app, "request_tier", f"{turn}:ask", **args)
        if turn == "a":
            assert say(app, "kyc refuse 1 --by joyce") == "The limits stay."
    assert "0712***001  to tier 2" in say(app, "kyc list")
    assert say(app, "kyc approve 2 --by joyce") == ONE_MORE
    assert say(app, "kyc approve 2 --by peter") == "Raised."


def test_windows_are_on_a_kenyan_clock(app: App) -> None:
    line = "windows add --from 2026-11-20T23:00 --until 2026-11-21T01:30 --means x --by joyce"
    assert say(app, line + " --type send_money") == "Window 1."
    assert "2026-11-20 23:00 to 01:30  send_money: x" in say(app, "windows list")
    assert say(app, "windows end 1") == "Ended."
    assert say(app, "windows end 2") == "There is no such window to end."


def test_an_id_is_blocked_and_taken_off(app: App) -> None:
    assert say(app, f"blocked add {BARAKA.national_id} --because court --by joyce").startswith(
        "Blocked."
    )
    assert say(app, f"blocked remove {BARAKA.national_id}") == "Taken off the list."
    assert say(app, f"blocked remove {BARAKA.national_id}") == "It was not on the list."
