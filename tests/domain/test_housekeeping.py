"""What has expired is forgotten a day later, and nothing else; a late repeat is still answered."""

import json

import pytest
from sqlalchemy import Engine

from tests.people import ASHA, BARAKA, CAST
from ussd_app.bootstrap import App, build
from ussd_app.domain.housekeeping import GRACE_S, TABLES, sweep
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.errors import RefusalCode, Refused


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


FILLED = ("quotes", "pin_drafts", "unlock_codes")
"""What `fill` leaves rows in; the others have tests of their own with what fills them."""


def fill(app: App) -> str:
    """A price, a PIN half chosen, and a code; gives the quote."""
    desk = app.bank.desk
    asked = {"type": "send_money", "payee": BARAKA.msisdn, "amount": 500_00}
    quote = str(app.bank.serve("quote", ASHA.msisdn, asked)["quote_id"])
    app.bank.serve("choose_pin", ASHA.msisdn, {"pin": "8264"}, "choose")
    for number in range(desk.pin_tries):
        with pytest.raises(Refused):
            app.bank.serve("balance", BARAKA.msisdn, {"pin": "0000"}, f"wrong{number}")
    given = {"national_id": BARAKA.national_id}
    app.bank.serve("request_unlock", BARAKA.msisdn, given, "unlock")
    return quote


def test_what_expired_a_day_ago_is_forgotten(app: App, clock: FrozenClock) -> None:
    fill(app)
    assert sweep(app.bank.desk) == dict.fromkeys(TABLES, 0)
    clock.advance(seconds=GRACE_S)
    assert sweep(app.bank.desk) == dict.fromkeys(TABLES, 0)
    clock.advance(seconds=901)
    assert sweep(app.bank.desk) == dict.fromkeys(TABLES, 0) | dict.fromkeys(FILLED, 1)
    assert sweep(app.bank.desk) == dict.fromkeys(TABLES, 0)


def test_a_payment_whose_price_was_forgotten_is_answered_as_before(
    app: App, clock: FrozenClock
) -> None:
    given = {"quote": fill(app), "pin": ASHA.pin}
    paid = app.bank.serve("accept_quote", ASHA.msisdn, given, "pay")
    clock.advance(seconds=2 * GRACE_S)
    sweep(app.bank.desk)
    assert app.bank.serve("accept_quote", ASHA.msisdn, given, "pay") == paid
    with pytest.raises(Refused) as refusal:
        app.bank.serve("accept_quote", ASHA.msisdn, given, "another")
    assert refusal.value.code is RefusalCode.QUOTE_EXPIRED


def test_a_repeat_that_would_be_refused_by_now_gets_the_first_answer(
    app: App, engine: Engine
) -> None:
    """The account was frozen while the first delivery was still on its way."""
    given = {"quote": fill(app), "pin": ASHA.pin}
    paid = app.bank.serve("accept_quote", ASHA.msisdn, given, "pay")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE parties SET status = 'frozen'")
    assert app.bank.serve("accept_quote", ASHA.msisdn, given, "pay") == paid


def test_the_catalogue_that_prices_is_remembered_once(app: App, engine: Engine) -> None:
    build(app.settings).close()
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT digest, content FROM catalogues").all()
    assert [row.digest for row in rows] == [app.catalogue.digest]
    assert rows[0].content == json.loads(app.catalogue.content)
