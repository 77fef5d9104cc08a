"""What the doors do while PostgreSQL or Redis is away, or has just come back."""

import time
from collections.abc import Callable
from dataclasses import replace

import redis as redis_py
from sqlalchemy import Engine

from tests.channels.hops import CONFIRM, DOWN, PAID, Phone, Spoil, change, count
from tests.people import ASHA
from ussd_app.bootstrap import App
from ussd_app.domain.counter import COMMANDS
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.web import create_app


def test_without_postgresql_hops_end_honestly_and_the_session_survives(
    asha: Phone, without_postgres: App, entries: Callable[[], int]
) -> None:
    confirm = asha.walk(CONFIRM)
    away = Phone(create_app(without_postgres).test_client())
    began = time.monotonic()
    assert away.send(PAID).startswith(DOWN)
    assert time.monotonic() - began < 5
    assert Phone(away.client, session="ATUid_new").send("").startswith(DOWN)
    assert away.send(CONFIRM) == confirm, "what needs no bank is still answered"
    assert entries() == 0
    assert asha.send(PAID).startswith("END KB")
    assert entries() == 1


def test_without_redis_hops_end_honestly(
    asha: Phone, without_redis: App, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    away = Phone(create_app(without_redis).test_client())
    began = time.monotonic()
    for text in ("", CONFIRM, PAID):
        assert away.send(text).startswith(DOWN)
    assert time.monotonic() - began < 6
    assert entries() == 0
    assert asha.send(PAID).startswith("END KB")


def test_redis_lost_between_the_commit_and_the_close(
    asha: Phone, redis: redis_py.Redis, entries: Callable[[], int], spoil: Spoil
) -> None:
    """The money has moved and the session is gone: no second payment, an honest farewell."""
    asha.walk(CONFIRM)
    serve = COMMANDS["accept_quote"].serve

    def lost(desk: Desk, ask: Ask) -> Facts:
        facts = serve(desk, ask)
        redis.flushall()
        return facts

    spoil("accept_quote", lost)
    assert asha.send(PAID).startswith("END Session lost.")
    assert asha.send(PAID).startswith("END Session lost.")
    assert entries() == 1


def test_the_ops_doors_answer_while_servers_are_away(
    asha: Phone, without_postgres: App, without_redis: App
) -> None:
    asha.send("")
    assert asha.client.get("/healthz").get_data(as_text=True) == "alive\n"
    said = asha.client.get("/metrics")
    assert said.content_type.startswith("text/plain")
    assert 'kabambe_hops_total{flow="home",outcome="shown",step="main"} 1.0' in said.get_data(
        as_text=True
    )
    for away in (without_postgres, without_redis):
        client = create_app(away).test_client()
        assert client.get("/healthz").status_code == 200
        assert client.get("/metrics").status_code == 200, "wanted most when something is away"


def test_callbacks_ask_to_be_delivered_again_while_postgresql_is_away(
    without_postgres: App,
) -> None:
    client = create_app(without_postgres).test_client()
    message = {"from": ASHA.msisdn, "id": "m1", "text": "BAL", "to": "22383", "date": ""}
    answer = client.post("/sms/incoming", data=message)
    assert answer.status_code == 500
    assert answer.get_data(as_text=True) == "Something went wrong on our side.\n"
    event = {"sessionId": "ATUid_1", "status": "Success"}
    assert client.post("/ussd/events", data=event).status_code == 500


def test_a_line_that_died_in_between_is_not_the_customers_business(
    app: App, asha: Phone, engine: Engine, entries: Callable[[], int]
) -> None:
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    asha.walk(CONFIRM.rpartition("*")[0])
    change(engine, cut)
    assert asha.send(CONFIRM).startswith("CON Send KES 500.00")
    change(engine, cut)
    assert asha.send(PAID).startswith("END KB")
    change(engine, cut)
    assert replace(asha, session="ATUid_2").send("").startswith("CON Kabambe")
    assert entries() == 1
    assert count(app, "kabambe_hops_total") == 6
