"""M-PESA through the page's API: a prompt answered, a business paid, those outside made ill, and
all of it recorded and replayed.
"""

from collections.abc import Iterator

import pytest

from simulator.dialogue import parse
from simulator.phones import Service
from simulator.replay import Player
from simulator.safaricom.books import Order
from simulator.safaricom.model import PIN
from simulator.safaricom.prompts import Prompt
from simulator.server import Plan, Simulator
from simulator.serving import Served
from tests.simulator.plain_app import PlainApp

ASHA = "254712000001"
PHONE = f"/api/phones/%2B{ASHA}"

TEXT = """\
Given
    asha   0712000001
    M-PESA of asha holds 20000

asha pays 300 by M-PESA to 600984 account A 1
    UKLAAAAAAA Confirmed. Ksh300.00 sent to BIASHARA 600984 for account A 1 on 21/11/26 at 9:00 AM. New M-PESA balance is Ksh1.00.
asha pays 250001 by M-PESA to till 5600001
    Failed. Declined due to limit rule: greater than the maximum transaction amount.
the bank rejects
asha's phone is off
Safaricom is silent
Safaricom
    …
"""  # noqa: E501 - a receipt is one line


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Served(PlainApp().flask) as app:
        service = Service.at(app.url, "*383#", "22383")
        simulator = Simulator(Plan(app.url, service, "127.0.0.1", 0, None))
        yield simulator
        simulator.stop()


def prompted(simulator: Simulator) -> None:
    safaricom = simulator.safaricom
    order = Order(ASHA, "600984", 500_00, "ORDER1")
    business = safaricom.business("600984")
    prompt = Prompt("m", "ws_CO_1", business, order, "http://127.0.0.1:9/stk")
    simulator.desk.outside.prompts.send(prompt)


def test_a_prompt_on_the_phone_and_its_pin(simulator: Simulator) -> None:
    client = simulator.flask.test_client()
    assert client.post(f"{PHONE}/mpesa-pin", json={"pin": PIN}).status_code == 409
    prompted(simulator)
    [view] = [
        each for each in client.get("/api/state").get_json()["phones"] if ASHA in each["msisdn"]
    ]
    assert view["mpesa"]["prompt"].startswith("Pay Ksh500.00 to BIASHARA 600984 account ORDER1?")
    said = client.post(f"{PHONE}/mpesa-pin", json={"pin": PIN}).get_json()
    assert "Confirmed. Ksh500.00" in said["answer"]
    assert (said["mpesa"]["prompt"], said["mpesa"]["balance"]) == (None, "19,500.00")
    assert said["inbox"][-1]["sender"] == "MPESA"
    assert PIN not in str(said["traffic"])


@pytest.mark.parametrize(("how", "code"), [("cancels", "1032"), ("ignores", "1037")])
def test_a_prompt_left(simulator: Simulator, how: str, code: str) -> None:
    client = simulator.flask.test_client()
    prompted(simulator)
    assert client.post(f"{PHONE}/mpesa-leave", json={"how": how}).status_code == 200
    assert simulator.desk.outside.prompts.known["ws_CO_1"].code == code


@pytest.mark.parametrize(
    "order",
    [
        {"business": "12", "account": "A", "amount": "5"},
        {"business": "600984", "account": "", "amount": "5"},
        {"business": "600984", "account": "A", "amount": "5.50"},
    ],
)
def test_what_is_no_payment(simulator: Simulator, order: dict[str, str]) -> None:
    client = simulator.flask.test_client()
    assert client.post(f"{PHONE}/mpesa-pay", json=order | {"pin": PIN}).status_code == 409


def test_there_is_no_m_pesa_on_another_network(simulator: Simulator) -> None:
    client = simulator.flask.test_client()
    views = client.get("/api/state").get_json()["phones"]
    [njeri] = [view["mpesa"] for view in views if view["name"] == "mama_njeri"]
    assert njeri["balance"] is None
    order = {"business": "600984", "account": "A", "amount": "5", "pin": PIN}
    said = client.post("/api/phones/%2B254733000003/mpesa-pay", json=order)
    assert said.get_json()["error"] == "There is no M-PESA on Airtel."


def test_those_outside_and_the_journal(simulator: Simulator) -> None:
    client = simulator.flask.test_client()
    for who, how in (("Safaricom", "throttles"), ("the bank", "rejects")):
        said = client.post("/api/desk/outside", json={"who": who, "how": how}).get_json()
        assert said["outside"][who]["is"] == how
    alone = {"who": "Safaricom", "how": "answers 500 on b2c twice"}
    said = client.post("/api/desk/outside", json=alone).get_json()["outside"]["Safaricom"]
    assert (said["is"], said["aims"]) == ("throttles", {"b2c": "answers 500 on b2c twice"})
    assert {"b2c", "token", "c2b confirmation"} <= set(said["calls"])
    assert client.post("/api/desk/outside", json={"who": "me", "how": "works"}).status_code == 409
    assert client.post("/api/desk/outside", json={"who": "the bank", "how": "?"}).status_code == 409
    client.get("/safaricom/oauth/v1/generate")
    [exchange] = client.get("/api/state").get_json()["safaricom"]["exchanges"]
    assert "Basic consumerKey:consumerSecret" in exchange["wrong"]


def test_recorded_as_a_dialogue_and_replayed(simulator: Simulator) -> None:
    client = simulator.flask.test_client()
    client.post("/api/desk/record", json={"on": True})
    with Served(simulator.flask) as page:
        assert Player(page.url, 0, print).play(parse(TEXT)) == 0
    text = client.get("/api/recording").text
    assert "    M-PESA of asha holds 20,000.00\n" in text
    assert "asha pays 300 by M-PESA to 600984 account A 1\n    U" in text
    for line in ("the bank rejects", "asha's phone is off", "Safaricom is silent"):
        assert f"\n{line}\n" in text
    assert "asha gets" not in text
