"""Every fixture of the wire in through its door, as the gateway would send it."""

from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from tests.doors.conftest import Doors
from tests.ways import dialled
from ussd_app.channels.schemas import FORM

FIXTURES = Path(__file__).parent.parent / "fixtures"
HOPS = sorted((FIXTURES / "at-ussd").glob("[01]*.form"))
EVENTS = sorted((FIXTURES / "at-ussd").glob("4*.form"))
REPORTS = sorted((FIXTURES / "at-sms").glob("2*.form"))
MESSAGES = sorted((FIXTURES / "at-sms").glob("3[01]*.form"))


def test_every_captured_hop_is_answered(doors: Doors, subtests: pytest.Subtests) -> None:
    """By a stranger's phone, since that is whose they are."""
    assert len(HOPS) >= 12
    for form in HOPS:
        with subtests.test(form.name):
            doors.redis.flushall()
            answer = doors.client.post(
                "/ussd",
                data=form.read_bytes(),
                content_type=FORM,
                headers={"User-Agent": "at-ussd-api/1.0", "Accept-Encoding": "gzip"},
            )
            assert answer.status_code == 200
            assert answer.mimetype == "text/plain"
            assert answer.get_data(as_text=True).startswith("CON ")
            assert "Content-Encoding" not in answer.headers


def test_the_captured_hops_of_one_session_are_one_dialogue(doors: Doors) -> None:
    sessions: dict[str, list[bytes]] = {}
    for form in HOPS[:7]:
        body = form.read_bytes()
        sessions.setdefault(dict(parse_qsl(body.decode()))["sessionId"], []).append(body)
    longest = max(sessions.values(), key=len)
    answers = [doors.post("/ussd", body).get_data(as_text=True) for body in longest]
    assert len(answers) > 1
    assert all(answer.startswith("CON ") for answer in answers)
    assert answers[0] != answers[1]
    assert doors.post("/ussd", longest[-1]).get_data(as_text=True) == answers[-1]


def test_a_captured_request_with_its_headers(doors: Doors) -> None:
    head, _, body = (FIXTURES / "at-ussd" / "20-raw-http-request.txt").read_text().partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    del headers["Content-Length"]
    answer = doors.client.post("/ussd", data=body.strip(), headers=headers)
    assert answer.get_data(as_text=True).startswith("CON ")


def test_every_captured_event_is_noted_once(doors: Doors) -> None:
    assert len(EVENTS) == 3
    for _ in range(2):
        for form in EVENTS:
            assert doors.post("/ussd/events", form.read_bytes()).status_code == 200
    with doors.engine.connect() as connection:
        ends = connection.exec_driver_sql("SELECT * FROM session_ends").mappings().all()
    sessions = {dict(parse_qsl(form.read_text()))["sessionId"] for form in EVENTS}
    assert {end["session_id"] for end in ends} == sessions
    assert not any("1234" in str(value) for end in ends for value in end.values())


def test_every_captured_report_and_message_is_kept_once(doors: Doors) -> None:
    assert len(REPORTS) == 4
    assert len(MESSAGES) == 2
    for _ in range(2):
        for door, forms in (("/sms/delivery", REPORTS), ("/sms/incoming", MESSAGES)):
            for form in forms:
                assert doors.post(door, form.read_bytes()).status_code == 200, form.name
        opt_out = (FIXTURES / "at-sms" / "32-opt-out.form").read_bytes()
        assert doors.post("/sms/opt-out", opt_out).status_code == 200
    assert doors.traces().rows["inbox"] == len(REPORTS) + len(MESSAGES) + 1


def test_a_subscription_is_none_of_our_callbacks(doors: Doors) -> None:
    for name in ("33-subscription-added.form", "34-subscription-removed.form"):
        body = (FIXTURES / "at-sms" / name).read_bytes()
        for door in ("/sms/delivery", "/sms/incoming", "/sms/opt-out"):
            assert doors.post(door, body).status_code == 400
    assert doors.traces().rows["inbox"] == 0


@pytest.mark.parametrize("form", ["30-response-con.txt", "31-response-end.txt"])
def test_our_answers_have_the_form_of_the_captured_ones(doors: Doors, form: str) -> None:
    captured = (FIXTURES / "at-ussd" / form).read_text()
    word = captured[:4]
    texts = {"CON ": [""], "END ": ["", dialled("balance"), dialled("balance", "4826")]}[word]
    answers = [doors.hop(text) for text in texts]
    assert answers[-1].startswith(word)
    assert "\r" not in answers[-1]
    assert not answers[-1].endswith("\n")
