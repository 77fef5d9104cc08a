"""Airtime's wire: what is sent, and what each answer means. The wrong meaning costs somebody."""

import json
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from tests.workers.gateway import Answer, Form, LocalGateway
from workers.gateways.airtime import DUPLICATE_PAUSE_S, Airtime, read
from workers.gateways.errands import Agreed, Declined, Errand, Open, Outcome, Postponed

FIXTURES = Path(__file__).parent.parent / "fixtures" / "at-airtime"
SENT = json.loads((FIXTURES / "10-response.json").read_text("utf-8"))
TWICE = "A duplicate request was received within the last 5 minutes"


def errand(reference: str = "KB00001", amount: int = 10_00) -> Errand:
    return Errand(reference, {"reference": "0700000001", "amount": amount})


def said(form: Form, _: str) -> Answer:
    return 201, "application/json", json.dumps(SENT).encode()


@pytest.fixture
def airtime(gateway: LocalGateway) -> Airtime:
    gateway.answer = said
    return Airtime("kabambe", "key", gateway.url)


def test_the_request_is_the_captured_one(airtime: Airtime, gateway: LocalGateway) -> None:
    assert airtime.ask(errand()) == Agreed("ATQid_7c0a41d95e3b4f86a2d1c0b9e8f76543")
    captured = dict(parse_qsl((FIXTURES / "01-send-request.form").read_text("utf-8")))
    sent = gateway.forms[0]
    assert sent["username"] == captured["username"]
    assert json.loads(sent["recipients"]) == json.loads(captured["recipients"])
    assert gateway.headers[0]["apikey"] == "key"


def test_every_purchase_has_a_key_of_its_own(airtime: Airtime, gateway: LocalGateway) -> None:
    """The SDK keeps a key in headers that later calls share; they would be dropped as twins."""
    for reference in ("KB00001", "KB00002"):
        airtime.ask(errand(reference))
    keys = [headers["idempotency-key"] for headers in gateway.headers]
    assert keys == ["KB00001", "KB00002"]
    assert gateway.connections == 2


def test_cents_are_sent_and_nothing_is_rounded(airtime: Airtime, gateway: LocalGateway) -> None:
    airtime.ask(errand(amount=10_50))
    assert json.loads(gateway.forms[0]["recipients"])[0]["amount"] == "KES 10.50"


def test_nobody_there_is_certain_and_a_lost_answer_is_not(
    airtime: Airtime, gateway: LocalGateway
) -> None:
    gateway.answer = lambda form, _: (0, "", b"")
    assert isinstance(airtime.ask(errand()), Open)
    nobody = Airtime("kabambe", "key", "http://127.0.0.1:9")
    assert isinstance(nobody.ask(errand()), Postponed)


def answer(**changes: object) -> bytes:
    return json.dumps(SENT | changes).encode()


def recipient(**changes: object) -> bytes:
    return answer(responses=[SENT["responses"][0] | changes])


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (201, recipient(requestId="None"), Agreed(None)),
        (201, (FIXTURES / "11-response-total-in-usd.json").read_bytes(), Agreed),
        (201, answer(responses=[], errorMessage=TWICE), Postponed(TWICE, DUPLICATE_PAUSE_S)),
        (201, answer(responses=[], errorMessage="Insufficient balance"), Postponed),
        (201, answer(responses=[], errorMessage="Invalid username"), Declined),
        (201, answer(responses=[]), Open),
        (201, recipient(errorMessage="Invalid phone number", status="Failed"), Declined),
        (201, recipient(status="Queued"), Open),
        (201, answer(responses=None), Open),
        (201, answer(responses=["x"]), Open),
        (201, b"[]", Open),
        (201, b"<html>", Open),
        (400, b"", Declined),
        (401, b"", Postponed),
        (429, b"", Postponed),
        (302, b"", Open),
        (500, b"", Open),
        (503, b"", Open),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, meaning: Outcome | type[Outcome]) -> None:
    found = read(status, body)
    assert isinstance(found, meaning) if isinstance(meaning, type) else found == meaning
