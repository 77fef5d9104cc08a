"""The load: what it records is what the server said, and it stays on this machine."""

import itertools
import threading
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from flask import Flask, Response, request

from simulator import load
from simulator.load import NotHere, Plan, person
from simulator.serving import Served

PEOPLE = [person(number) for number in range(20)]


class MoneyApp:
    """Five hops to a receipt; every tenth transfer is refused; `broken` fails the next calls."""

    def __init__(self) -> None:
        self.receipts: dict[str, tuple[str, str]] = {}
        self.broken = 0
        self.offers = False
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.flask = Flask("money")
        self.flask.add_url_rule("/ussd", "hop", self.hop, methods=["POST"])

    def hop(self) -> Response:
        form = dict(parse_qsl(request.get_data().decode(), keep_blank_values=True))
        with self.lock:
            if self.broken:
                self.broken -= 1
                return Response("busy", 503)
            answers = form["text"].split("*") if form["text"] else []
            if self.offers and not answers:
                return Response(
                    "CON You were cut off earlier.\n1 Continue: Send money\n2 Main menu"
                )
            if self.offers:
                assert answers.pop(0) == "2"
            if len(answers) == 3:
                return Response(f"CON Send to {answers[1]}? Enter PIN")
            if len(answers) < 4:
                return Response("CON go on")
            number = next(self.numbers)
            if number % 10 == 0:
                return Response("END Not enough money for that and the fee.")
            receipt = f"KTEST{number:05d}"
            self.receipts[receipt] = (form["phoneNumber"], answers[1])
            return Response(f"END {receipt} confirmed. KES 10.00 sent.")


@pytest.fixture
def money() -> MoneyApp:
    return MoneyApp()


@pytest.fixture
def url(money: MoneyApp) -> Iterator[str]:
    with Served(money.flask) as served:
        yield f"{served.url}/ussd"


def test_every_acknowledged_transfer_is_recorded(url: str, money: MoneyApp) -> None:
    plan = Plan(url, PEOPLE, sessions=60, seconds=20, concurrency=8, navigation=0.0)
    result = load.run(plan)
    assert {transfer.receipt for transfer in result.acknowledged} == set(money.receipts)
    for transfer in result.acknowledged:
        payer, payee = money.receipts[transfer.receipt]
        assert (transfer.payer, "+254" + payee[1:]) == (payer, transfer.payee)
        assert transfer.payer != transfer.payee
        assert transfer.amount_minor == 10_00
    assert len(result.acknowledged) == 54
    assert sum(result.refused.values()) == 6
    assert result.sessions == 60
    assert result.hops == 300
    assert not result.errors


def test_a_summary_has_rates_and_percentiles(url: str) -> None:
    plan = Plan(url, PEOPLE, sessions=20, seconds=20, concurrency=4, navigation=0.5)
    summary = load.run(plan).summary()
    assert summary["hops"] == sum(hop["count"] for hop in summary["by_hop"].values())
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]
    assert {"dial", "menu"} <= set(summary["by_hop"])
    assert summary["errors"] == {}


def test_an_offer_to_resume_is_declined(url: str, money: MoneyApp) -> None:
    money.offers = True
    result = load.run(Plan(url, PEOPLE, sessions=9, concurrency=3, navigation=0.0))
    assert len(result.acknowledged) == 9
    assert "anew" in result.summary()["by_hop"]


def test_no_pin_is_typed_for_another_payee() -> None:
    app = Flask("confused")
    app.add_url_rule("/ussd", "hop", lambda: "CON Send to 0799999999? Enter PIN", methods=["POST"])
    with Served(app) as served:
        plan = Plan(f"{served.url}/ussd", PEOPLE, sessions=3, concurrency=1, navigation=0.0)
        result = load.run(plan)
    assert "pin" not in result.times_ms
    assert result.unexpected == {"Send to 0? Enter PIN": 3}
    assert not result.refused


def test_lost_answers_are_counted_and_repeated_when_asked(url: str, money: MoneyApp) -> None:
    money.broken = 3
    result = load.run(Plan(url, PEOPLE, sessions=10, concurrency=2, navigation=0.0))
    assert sum(result.errors.values()) == 3
    money.broken = 3
    patient = Plan(
        url, PEOPLE, sessions=10, concurrency=2, navigation=0.0, retries=5, retry_pause_s=0.01
    )
    result = load.run(patient)
    assert result.sessions == 10
    assert len(result.acknowledged) + sum(result.refused.values()) == 10


def test_a_transfer_that_was_never_answered_is_kept_as_such() -> None:
    app = Flask("silent")

    def hop() -> Response:
        text = dict(parse_qsl(request.get_data().decode(), keep_blank_values=True))["text"]
        said = " ".join(text.split("*"))
        return Response(f"CON {said}") if text.count("*") < 3 else Response("", 500)

    app.add_url_rule("/ussd", "hop", hop, methods=["POST"])
    with Served(app) as served:
        plan = Plan(f"{served.url}/ussd", PEOPLE, sessions=3, concurrency=1, navigation=0.0)
        result = load.run(plan)
    assert len(result.unanswered) == 3
    assert not result.acknowledged


def test_it_stops_in_time_and_when_told(url: str) -> None:
    result = load.run(Plan(url, PEOPLE, sessions=10**6, seconds=0.3, concurrency=2))
    assert result.seconds < 3
    plan = Plan(url, PEOPLE, sessions=10**6, seconds=60, concurrency=2)
    plan.stop.set()
    assert load.run(plan).hops == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://example.test/ussd",
        "http://10.0.0.5/ussd",
        "http://8.8.8.8:8383/ussd",
        "https://localhost/ussd",
        "http://127.0.0.1.example.test/ussd",
        "ftp://localhost/",
        "",
    ],
)
def test_other_machines_are_refused(url: str) -> None:
    with pytest.raises(NotHere):
        load.run(Plan(url, PEOPLE))


def test_people_and_concurrency_are_bounded() -> None:
    with pytest.raises(ValueError, match="two people"):
        load.run(Plan("http://127.0.0.1:9/ussd", PEOPLE[:1]))
    with pytest.raises(ValueError, match="at once"):
        load.run(Plan("http://127.0.0.1:9/ussd", PEOPLE, concurrency=5_001))
    with pytest.raises(ValueError, match="people"):
        person(900_000)
