"""The SMS API against the recorded shapes, the africastalking SDK itself, and every fault."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import requests
from africastalking.SMS import SMSService
from flask import Flask

from simulator import gateway, networks, wire
from simulator.phones import Phone, Service
from simulator.serving import Served
from simulator.sms import SmsCentre
from simulator.telco import Telco
from tests.simulator.plain_app import PlainApp
from ussd_app.kernel.clock import FrozenClock

FIXTURES = Path(__file__).parents[1] / "fixtures"
NINE = datetime(2026, 11, 20, 5, 31, 40, tzinfo=UTC)
ASHA = "+254700000001"
BARAKA = "+254700000002"


def recorded(name: str) -> object:
    return json.loads((FIXTURES / name).read_text())


def without_ids(value: object) -> object:
    return json.loads(re.sub(r"ATXid_[0-9a-f]{32}", "ATXid", json.dumps(value)))


@pytest.fixture
def plain() -> PlainApp:
    return PlainApp()


@pytest.fixture
def centre(plain: PlainApp) -> Iterator[SmsCentre]:
    with Served(plain.flask) as served:
        telco = Telco(FrozenClock(NINE), Service.at(served.url, "*383#", "22334"))
        telco.add("asha", ASHA, networks.SAFARICOM)
        yield SmsCentre(telco, api_key="key")


@pytest.fixture
def url(centre: SmsCentre) -> Iterator[str]:
    app = Flask("gateway")
    app.register_blueprint(gateway.blueprint(centre))
    with Served(app) as served:
        yield served.url


@pytest.fixture
def asha(centre: SmsCentre) -> Phone:
    return centre.telco.phones[ASHA]


def post(url: str, key: str = "key", **fields: str) -> requests.Response:
    form = {"username": "kabambe", "to": ASHA, "message": "hello", "bulkSMSMode": "1"} | fields
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"{url}/version1/messaging", data=form, headers={"apiKey": key}, timeout=5
        )


def test_one_message_is_answered_as_recorded(url: str) -> None:
    answer = post(url)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert without_ids(answer.json()) == without_ids(recorded("at-sms/10-response-101-sent.json"))
    assert list(answer.json()["SMSMessageData"]["Recipients"][0]) == [
        "cost", "messageId", "number", "status", "statusCode",
    ]  # fmt: skip


def test_several_recipients_and_parts(url: str, centre: SmsCentre) -> None:
    answer = post(url, to=f"{ASHA},{BARAKA}", message="x" * 161)
    assert without_ids(answer.json()) == without_ids(recorded("at-sms/12-response-multi.json"))
    assert [message.text for message in centre.inbox(BARAKA)] == ["x" * 161]


def test_a_premium_message_is_free_and_queued(url: str) -> None:
    answer = post(url, bulkSMSMode="0")
    assert without_ids(answer.json()) == without_ids(recorded("at-sms/15-response-premium.json"))


def test_queued_when_asked(url: str) -> None:
    said = post(url, enqueue="1").json()
    assert said["SMSMessageData"]["Recipients"][0]["statusCode"] == 102


@pytest.mark.parametrize("key", ["", "other"])
def test_a_bad_key_is_a_plain_401(url: str, key: str) -> None:
    answer = post(url, key=key)
    assert answer.status_code == 401
    assert answer.text == (FIXTURES / "at-sms/16-response-bad-key.http401.txt").read_text().strip()
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="api"'
    assert answer.headers["Content-Type"].lower() == "text/plain; charset=utf-8"


def test_a_missing_field_is_named(url: str) -> None:
    answer = post(url, message="")
    assert answer.status_code == 400
    assert "'message'" in answer.text


def test_a_bad_sender_is_a_batch_error_in_a_201(url: str, centre: SmsCentre) -> None:
    answer = post(url, **{"from": "MUCHTOOLONGNAME"})
    assert answer.status_code == 201
    said = {"Message": "InvalidSenderId", "Recipients": []}
    assert answer.json() == {"SMSMessageData": said}
    assert centre.inbox(ASHA) == []


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        ("0712000001", 403, "InvalidPhoneNumber"),
        ("+1", 403, "InvalidPhoneNumber"),
        ("+447700900123", 404, "UnsupportedNumberType"),
    ],
)
def test_odd_numbers_are_refused_one_by_one(url: str, number: str, code: int, status: str) -> None:
    one, two = post(url, to=f"{number},{ASHA}").json()["SMSMessageData"]["Recipients"]
    assert (one["statusCode"], one["status"], one["cost"]) == (code, status, "0")
    assert two["statusCode"] == 101


@pytest.mark.parametrize("code", [401, 402, 405, 406, 407, 500, 501, 502])
def test_statuses_by_phone(url: str, asha: Phone, plain: PlainApp, code: int) -> None:
    asha.faults.sms_status = code
    said = post(url).json()["SMSMessageData"]
    assert said["Recipients"][0]["statusCode"] == code
    assert said["Message"].startswith("Sent to 0/1")
    assert not asha.inbox
    assert not plain.told


def test_money_runs_out(url: str, centre: SmsCentre) -> None:
    centre.balance = Decimal("1.0000")
    codes = [post(url).json()["SMSMessageData"]["Recipients"][0]["statusCode"] for _ in range(2)]
    assert codes == [101, 405]


def test_the_account_says_its_balance(url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{url}/version1/user?username=kabambe", headers={"apiKey": "key"}, timeout=5
        )
    assert answer.json() == recorded("at-account/user-balance.json")


@pytest.mark.parametrize(
    ("how", "statuses"),
    [
        ("normal", ["Success"]),
        ("first", ["Success"]),
        ("twice", ["Success", "Success"]),
        ("never", []),
        ("failed", ["Failed"]),
    ],
)
def test_delivery_reports(
    url: str, asha: Phone, plain: PlainApp, how: str, statuses: list[str]
) -> None:
    asha.faults.delivery = how
    sent = post(url).json()["SMSMessageData"]["Recipients"][0]
    reports = [fields for path, fields in plain.told if path == "/sms/delivery"]
    assert [report["status"] for report in reports] == statuses
    assert {report["id"] for report in reports} <= {sent["messageId"]}
    assert all(("failureReason" in report) == (how == "failed") for report in reports)


def test_a_late_report_comes_a_minute_later(
    url: str, centre: SmsCentre, asha: Phone, plain: PlainApp
) -> None:
    asha.faults.delivery = "late"
    post(url)
    centre.agenda.tick()
    assert plain.told == []
    clock = centre.telco.clock
    assert isinstance(clock, FrozenClock)
    clock.advance(seconds=60)
    centre.agenda.tick()
    centre.agenda.tick()
    assert [fields["status"] for _, fields in plain.told] == ["Success"]


def test_delivery_reports_have_the_recorded_shape() -> None:
    message_id = "ATXid_419f66225b061dcb3510bcc017810f61"
    for fixture, status, reason, retries in (
        ("20-delivery-success", "Success", "", 0),
        ("21-delivery-buffered", "Buffered", "", 0),
        ("22-delivery-failed", "Failed", "UserDoesNotExist", 2),
        ("23-delivery-rejected", "Rejected", "UserInBlackList", 0),
    ):
        fields = wire.delivery_report(
            message_id, status, ASHA, "63902", reason=reason, retries=retries
        )
        assert wire.encode(fields) == (FIXTURES / f"at-sms/{fixture}.form").read_bytes().strip()


def test_an_incoming_sms_is_redelivered_until_it_is_taken(
    centre: SmsCentre, asha: Phone, plain: PlainApp
) -> None:
    clock = centre.telco.clock
    assert isinstance(clock, FrozenClock)
    plain.refusals = 2
    centre.text(asha, "BAL", "22334")
    for _ in range(5):
        clock.advance(seconds=30)
        centre.agenda.tick()
    assert len(plain.told) == 3
    assert len({fields["id"] for _, fields in plain.told}) == 1
    path, fields = plain.told[0]
    assert path == "/sms/incoming"
    assert list(fields) == ["date", "from", "id", "text", "to", "networkCode"]
    assert (fields["date"], fields["from"], fields["to"]) == ("2026-11-20 05:31:40", ASHA, "22334")


def test_opting_out_is_told_and_kept(
    url: str, centre: SmsCentre, asha: Phone, plain: PlainApp
) -> None:
    centre.opt_out(asha, "KABAMBE")
    assert plain.told == [("/sms/opt-out", {"senderId": "KABAMBE", "phoneNumber": ASHA})]
    assert post(url).json()["SMSMessageData"]["Recipients"][0]["statusCode"] == 406


@pytest.mark.parametrize("taken", [True, False])
def test_a_dropped_line_may_have_taken_the_message(
    url: str, centre: SmsCentre, taken: bool
) -> None:
    centre.faults.drop, centre.faults.taken_anyway = True, taken
    with pytest.raises(requests.ConnectionError):
        post(url)
    assert len(centre.inbox(ASHA)) == int(taken)


def test_an_http_error_and_a_batch_error_on_demand(url: str, centre: SmsCentre) -> None:
    centre.faults.http_status = 503
    assert post(url).status_code == 503
    centre.faults.http_status = 0
    centre.faults.batch_error = "InsufficientBalance"
    assert post(url).json()["SMSMessageData"]["Recipients"] == []


def test_the_providers_own_sdk_is_content(url: str) -> None:
    class LocalSms(SMSService):  # type: ignore[misc]
        def _init_service(self) -> None:
            self._baseUrl = self._contentUrl = f"{url}/version1"

    said = LocalSms("kabambe", "key").send("hi", [ASHA], sender_id="KABAMBE")
    assert said["SMSMessageData"]["Recipients"][0]["statusCode"] == 101
