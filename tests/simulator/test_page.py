"""The page's API: phones, faults, services, recording, and news as they happen."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from simulator import lettering
from simulator.airtime import Reseller
from simulator.bank import Switch
from simulator.desk import Desk
from simulator.inside import Inside
from simulator.live import Live
from simulator.outside import Outside
from simulator.phones import Service
from simulator.safaricom.model import Safaricom
from simulator.safaricom.prompts import Prompts
from simulator.server import Plan, create_app
from simulator.serving import Served
from simulator.sms import SmsCentre
from simulator.telco import Telco
from simulator.wanted import Impossible
from tests.simulator.plain_app import PlainApp
from ussd_app.kernel.clock import Clock, FrozenClock

ASHA = quote("+254712000001")
STATIC = Path(lettering.FILE).parent


def nobody_else(clock: Clock, centre: SmsCentre) -> Outside:
    return Outside(Prompts(Safaricom(clock)), Reseller(centre), Switch(clock, "key"))


@pytest.fixture
def plain() -> PlainApp:
    return PlainApp()


@pytest.fixture
def desk(plain: PlainApp) -> Iterator[Desk]:
    with Served(plain.flask) as served:
        service = Service.at(served.url, "*383#", "22383")
        telco = Telco(FrozenClock(datetime(2026, 11, 21, 6, tzinfo=UTC)), service)
        centre = SmsCentre(telco)
        desk = Desk(telco, centre, Inside(served.url), nobody_else(telco.clock, centre))
        desk.add("asha", "0712000001")
        desk.add("baraka", "0722000002")
        yield desk


@pytest.fixture
def client(desk: Desk) -> FlaskClient:
    return create_app(desk).test_client()


def act(client: FlaskClient, action: str, **said: object) -> TestResponse:
    return client.post(f"/api/phones/{ASHA}/{action}", json=said)


def test_the_page_and_all_it_names_are_served_from_here(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address.startswith("/static/")
        with client.get(address) as answer:
            assert answer.status_code == 200
    for script in STATIC.glob("*.js"):
        for imported in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (STATIC / imported).exists()
        assert "http://www.w3.org/2000/svg" in script.read_text() or "://" not in re.sub(
            r"https\?:\\/\\/", "", script.read_text()
        )


def test_a_session_through_the_api(client: FlaskClient) -> None:
    view = act(client, "dial", code="*383#").get_json()
    assert view["display"]["screen"] == "Hello\n1 Go"
    assert view["display"]["takesAnswer"] is True
    assert (view["display"]["size"], view["display"]["room"]) == (10, 160)
    act(client, "answer", text="1")
    act(client, "answer", text="5")
    view = act(client, "answer", text="4826").get_json()
    assert view["display"]["kind"] == "end"
    assert "4826" not in json.dumps(view)
    assert act(client, "answer", text="1").status_code == 409
    assert act(client, "hang-up").get_json()["display"]["kind"] == "idle"


def test_nothing_typed_for_a_pin_is_in_the_state(client: FlaskClient) -> None:
    act(client, "dial", code="*383#")
    for typed in ("1", "2", "90817263"):
        act(client, "answer", text=typed)
    act(client, "dial", code="*383#")
    act(client, "answer", text="90817263")
    assert "90817263" not in client.get("/api/state").text


@pytest.mark.parametrize(
    ("name", "number", "network"),
    [
        ("", "0733000003", ""),
        ("9lives", "0733000003", ""),
        ("chris", "12345", ""),
        ("chris", "+447700900123", ""),
        ("chris", "0733000003", "Vodafone"),
        ("asha", "0733000003", ""),
        ("x" * 21, "0733000003", ""),
    ],
)
def test_odd_phones_are_refused(client: FlaskClient, name: str, number: str, network: str) -> None:
    said = {"name": name, "number": number, "network": network}
    answer = client.post("/api/phones", json=said)
    assert answer.status_code == 409
    assert answer.get_json()["error"]


def test_phones_come_and_go(client: FlaskClient, desk: Desk) -> None:
    said = {"name": "Mama Njeri", "number": "0733000003"}
    view = client.post("/api/phones", json=said).get_json()
    assert (view["name"], view["network"]["name"]) == ("mama_njeri", "Airtel")
    client.delete(f"/api/phones/{quote(view['msisdn'])}")
    assert len(desk.telco.phones) == 2
    for number in range(10):
        desk.add(f"p{number}", f"071100000{number}")
    with pytest.raises(Impossible, match="room"):
        desk.add("more", "0711000011")
    again = desk.add("somebody", "0712000001")
    assert again is desk.telco.phones["+254712000001"]
    assert desk.mpesa.safaricom.customer("254712000001").name == again.name


def test_other_peoples_applications_can_stand_behind_the_code(
    client: FlaskClient, plain: PlainApp
) -> None:
    answer = act(client, "service", code="*384*44135#")
    assert answer.get_json()["service"]["code"] == "*384*44135#"
    act(client, "dial", code="*384*44135#")
    assert b"%2A384%2A44135%23" in plain.bodies[-1]
    for wrong in ("ussd_url", "incoming_url", "opt_out_url", "airtime_url"):
        assert act(client, "service", **{wrong: "javascript:alert(1)"}).status_code == 409
    for code in ("384", "*3 84#", "*<b>#"):
        assert act(client, "service", code=code).status_code == 409
    assert act(client, "service", colour="red").status_code == 409
    assert client.post("/api/desk/service", json={"code": "*1#"}).status_code == 200


def test_faults_are_armed_and_used_up(client: FlaskClient, plain: PlainApp) -> None:
    act(client, "faults", copies=2)
    act(client, "dial", code="*383#")
    assert len(plain.bodies) == 2
    view = act(client, "faults", lose_reply=True).get_json()
    assert view["faults"]["lose_reply"] is True
    view = act(client, "answer", text="1").get_json()
    assert view["display"]["kind"] == "notice"
    assert view["faults"]["lose_reply"] is False
    act(client, "repeat")
    assert len(plain.bodies) == 4
    for wrong in ({"copies": 9}, {"slow_ms": -1}, {"slow_ms": "1"}, {"delivery": "by horse"}):
        assert act(client, "faults", **wrong).status_code == 409


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("faults", {"lose_hop": "yes"}),
        ("faults", {"sms_status": [101]}),
        ("faults", {"colour": "red"}),
        ("dial", {"code": "hello"}),
        ("dial", {"code": ""}),
        ("answer", {"text": "1\nasha > 2"}),
        ("answer", {"text": "\ud800"}),
        ("text", {"text": "x" * 901}),
        ("text", {"text": ""}),
        ("mpesa-reach", {"on": "no"}),
        ("mpesa-leave", {"how": "throws it away"}),
        ("mpesa-pay", {"business": "²²²²²", "account": "A", "amount": "5"}),
    ],
)
def test_what_no_phone_can_do_is_refused(
    client: FlaskClient, plain: PlainApp, action: str, said: dict[str, object]
) -> None:
    act(client, "dial", code="*383#")
    assert act(client, action, **said).status_code == 409
    assert len(plain.bodies) == 1


def test_what_is_wrong_in_part_is_not_done_at_all(client: FlaskClient, desk: Desk) -> None:
    assert act(client, "faults", slow_ms=300, copies=9).status_code == 409
    assert desk.telco.phones["+254712000001"].faults.slow_ms == 0
    said = {"slow_ms": 300, "http_status": 5}
    assert client.post("/api/desk/gateway", json=said).status_code == 409
    assert desk.centre.faults.slow_ms == 0


def test_the_gateway_can_be_made_ill(client: FlaskClient, desk: Desk) -> None:
    said = {"slow_ms": 300, "http_status": 503, "silent": False, "drop": True}
    client.post("/api/desk/gateway", json=said)
    assert desk.centre.faults.slow_ms == 300
    assert desk.centre.faults.drop is True
    assert client.post("/api/desk/gateway", json={"slow_ms": 10**9}).status_code == 409


def test_an_application_without_inspection_is_no_trouble(client: FlaskClient) -> None:
    assert client.get("/api/state").get_json()["graph"] == {}
    assert client.post("/api/desk/redis-forgets", json={}).status_code == 409


def test_only_json_changes_anything(client: FlaskClient, plain: PlainApp) -> None:
    answer = client.post(f"/api/phones/{ASHA}/dial", data={"code": "*383#"})
    assert answer.status_code == 409
    assert client.post(f"/api/phones/{ASHA}/dial", data=b"[1]").status_code == 409
    assert client.post(f"/api/phones/{ASHA}/explode", json={}).status_code == 409
    assert client.post("/api/phones/nobody/dial", json={}).status_code == 409
    assert plain.bodies == []


def test_what_is_too_large_is_refused_whatever_it_says_of_its_length(
    client: FlaskClient, desk: Desk
) -> None:
    with Served(create_app(desk)) as served:
        end = b'", "name": "chris", "number": "0733000003"}'
        pieces = iter([b'{"more": "', *[b"x" * 60_000] * 20, end])
        headers = {"Content-Type": "application/json"}
        said = requests.post(f"{served.url}/api/phones", pieces, headers=headers, timeout=5)
    assert said.status_code == 409
    form = {"username": "k", "to": "+254712000001", "message": "x" * 1_000_001}
    said_at_once = client.post("/version1/messaging", data=form, headers={"apiKey": "key"})
    assert said_at_once.status_code == 413
    deep = '{"on": ' + "[" * 7_000 + "]" * 7_000 + "}"
    answer = client.post("/api/desk/record", data=deep, content_type="application/json")
    assert answer.status_code == 409


def test_a_recording_is_a_dialogue(client: FlaskClient, desk: Desk) -> None:
    client.post("/api/desk/record", json={"on": True})
    act(client, "faults", lose_hop=True)
    act(client, "dial", code="*383#")
    act(client, "answer", text="1")
    phone = desk.telco.phones["+254712000001"]
    desk.centre.send({"username": "k", "to": phone.msisdn, "message": "Hi\nthere"}, "key")
    act(client, "hang-up")
    client.post("/api/desk/record", json={"on": False})
    assert client.get("/api/recording").text.split("\n")[2:] == [
        "Given",
        "    asha     0712000001",
        "",
        "the network loses the next hop",
        "asha dials *383#",
        "    Connection problem or invalid MMI code.",
        "asha > 1",
        "    CON Enter a number",
        "asha gets",
        "    Hi",
        "    there",
        "asha hangs up",
        "",
    ]


def test_news_reach_an_open_page_and_hold_nobody_back() -> None:
    live = Live()
    stream = live.stream(lambda topic: {"of": topic})
    assert next(stream).startswith("retry")
    for _ in range(1_000):
        live.tell("phone:1")
    live.tell("desk")
    event = next(stream)
    assert event.count("data: ") == 2
    assert '{"topic":"desk","view":{"of":"desk"}}' in event
    later = threading.Timer(0.1, live.tell, ["late"])
    later.start()
    assert "late" in next(stream)
    stream.close()  # type: ignore[attr-defined]
    live.tell("nobody is there")


def test_half_a_character_in_an_answer_holds_no_news_back() -> None:
    live = Live()
    stream = live.stream(lambda topic: {"said": "\ud800"})
    next(stream)
    live.tell("phone:1")
    assert json.loads(next(stream).encode().removeprefix(b"data: "))["view"]["said"] == "\ud800"
    stream.close()  # type: ignore[attr-defined]


def test_the_letters_cover_what_a_phone_shows() -> None:
    pytest.importorskip("fontTools")
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    shown = TTFont(lettering.FILE).getBestCmap()
    assert all(ord(letter) in shown for letter in map(chr, range(32, 127)))
    assert set(shown) == {ord(letter) for letter in lettering.GLYPHS}


def test_a_plan_from_the_environment() -> None:
    plan = Plan.read({"PORT": "9000", "CALLBACK_SECRET": "s" * 16})
    assert plan.port == 9001
    assert plan.service.ussd_url == f"http://127.0.0.1:9000/ussd/{'s' * 16}"
    others = Plan.read(
        {
            "SIMULATOR_APP_URL": "http://127.0.0.1:5000/",
            "SIMULATOR_USSD_URL": "http://127.0.0.1:5000/callback",
            "SIMULATOR_EVENTS_URL": "",
            "USSD_SERVICE_CODE": "*384*1#",
            "SIMULATOR_PORT": "5050",
            "SIMULATOR_SLOW_MS": "300",
        }
    )
    assert (others.port, others.slow_ms) == (5050, 300)
    assert others.service.ussd_url == "http://127.0.0.1:5000/callback"
    assert others.service.events_url == ""
    assert others.service.delivery_url == "http://127.0.0.1:5000/sms/delivery"
