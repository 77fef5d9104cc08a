"""Who is at the USSD door and in which session: repeats, strangers, dropped lines, the end."""

from collections.abc import Callable

import pytest
import redis as redis_py
from sqlalchemy import Engine

from tests.channels.hops import CONFIRM, PAID, STRANGER, Phone, change, count
from tests.people import ASHA, BARAKA
from tests.ways import dialled
from ussd_app.bootstrap import App
from ussd_app.web import create_app


def test_a_double_begin_is_a_repeat(asha: Phone) -> None:
    home = asha.send("")
    assert asha.send("") == home
    amount = asha.walk("1*0722000002")
    assert asha.send("") == amount, "a late begin changes nothing"
    assert asha.send(CONFIRM).startswith("CON Send KES 500.00")


def test_a_begin_with_the_dialled_code_is_a_begin(asha: Phone) -> None:
    assert asha.send("*383#") == asha.send("")


def test_another_phone_is_turned_away_and_disturbs_nobody(
    app: App, asha: Phone, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    thief = Phone(asha.client, msisdn=BARAKA.msisdn)
    assert thief.send(PAID).startswith("END This session is not yours.")
    assert count(app, 'kabambe_rejected_total{door="ussd",reason="stranger"}') == 1
    assert asha.send(PAID).startswith("END KB")
    assert entries() == 1


def test_after_the_end_nothing_more_happens(asha: Phone, entries: Callable[[], int]) -> None:
    paid = asha.walk(PAID)
    for more in (f"{PAID}*1", f"{PAID}*1*2", "1", ""):
        assert asha.send(more) == paid
    assert entries() == 1


def test_resume_offers_where_the_line_dropped(asha: Phone) -> None:
    confirm = asha.walk(CONFIRM)
    again = Phone(asha.client, session="ATUid_2")
    assert "1 " in again.send("")
    assert again.send("1") == confirm
    assert again.send(f"1*{ASHA.pin}").startswith("END KB")


def test_resume_never_goes_past_an_executed_command(
    asha: Phone, entries: Callable[[], int]
) -> None:
    home = asha.send("")
    asha.walk(PAID)
    assert Phone(asha.client, session="ATUid_2").send("") == home
    assert entries() == 1


def test_a_stranger_whose_registration_redis_forgot(asha: Phone, redis: redis_py.Redis) -> None:
    stranger = Phone(asha.client, msisdn=STRANGER)
    assert stranger.walk("1*Juma Ali*4826").startswith("CON Enter the same PIN again")
    redis.flushall()
    assert stranger.send("1*Juma Ali*4826*4826").startswith("END Session lost.")


@pytest.mark.parametrize(
    ("status", "greeted"), [("frozen", "END Your account is on hold."), ("closed", "CON Karibu")]
)
def test_an_account_that_may_not_act(
    asha: Phone, engine: Engine, status: str, greeted: str
) -> None:
    asha.walk(CONFIRM)
    change(engine, "UPDATE parties SET status = %s WHERE msisdn = %s", status, ASHA.msisdn)
    assert asha.send(PAID).startswith("END Your account is on hold.")
    again = Phone(asha.client, session="ATUid_2").send("")
    assert again.startswith(greeted)


def test_a_payee_frozen_between_the_price_and_the_pin(
    asha: Phone, engine: Engine, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    change(engine, "UPDATE parties SET status = 'frozen' WHERE msisdn = %s", BARAKA.msisdn)
    assert asha.send(PAID).startswith("CON They cannot receive money now.")
    assert entries() == 0


def test_a_language_is_spoken_from_the_next_screen_on(asha: Phone, engine: Engine) -> None:
    asha.walk("1*0722000002")
    change(engine, "UPDATE parties SET language = 'sw' WHERE msisdn = %s", ASHA.msisdn)
    assert asha.send(CONFIRM).startswith("CON Send KES"), "a session keeps its language"
    home = Phone(asha.client, session="ATUid_2").send(dialled("balance"))
    assert home.startswith("CON Weka PIN")


# -- the end of a session


def test_the_end_of_a_session_is_noted_once_with_its_step(
    app: App, asha: Phone, engine: Engine, redis: redis_py.Redis
) -> None:
    asha.walk("1*0722000002")
    event = {"sessionId": asha.session, "status": "Incomplete", "hopsCount": "3"}
    for _ in range(3):
        assert asha.client.post("/ussd/events", data=event).status_code == 200
    redis.flushall()
    labelled = event | {"sessionId": "ATUid_2", "hopsMetadata": "home.main|send_money.confirm"}
    asha.client.post("/ussd/events", data=labelled)
    unknown = event | {"sessionId": "ATUid_3", "hopsMetadata": "home.main|<script>"}
    asha.client.post("/ussd/events", data=unknown)
    with engine.connect() as connection:
        ends = connection.exec_driver_sql(
            "SELECT session_id, step, status FROM session_ends ORDER BY session_id"
        ).all()
    assert [tuple(end) for end in ends] == [
        ("ATUid_1", "send_money.amount", "Incomplete"),
        ("ATUid_2", "send_money.confirm", "Incomplete"),
        ("ATUid_3", "unknown", "Incomplete"),
    ]
    assert count(app, "kabambe_sessions_ended_total") == 3


def test_the_end_of_a_session_is_noted_without_redis(without_redis: App, engine: Engine) -> None:
    client = create_app(without_redis).test_client()
    event = {"sessionId": "ATUid_1", "status": "Failed", "hopsMetadata": "home.main"}
    assert client.post("/ussd/events", data=event).status_code == 200
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT step, status FROM session_ends").one()
    assert tuple(found) == ("home.main", "Failed")
