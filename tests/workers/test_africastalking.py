"""The SMS gateway's client: every answer and every silence of the provider has one meaning."""

import inspect
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from africastalking.SMS import SMSService

from tests.workers.gateway import Answer, Form, LocalGateway, taken
from workers.gateways import africastalking, http
from workers.gateways.africastalking import AfricasTalking, read
from workers.gateways.sms import Done, Outcome, Postponed, Refused, Unknown

ASHA = "+254712000001"
OTHER = "an answer of another form"


def _said(**recipient: object) -> bytes:
    return json.dumps({"SMSMessageData": {"Message": "x", "Recipients": [recipient]}}).encode()


def _batch(message: str) -> bytes:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": []}}).encode()


SENT = {"status": "Success", "statusCode": 101, "messageId": "ATXid_12345678", "cost": "KES 0.8000"}
ANSWERS: list[tuple[int, bytes, Outcome]] = [
    (201, _said(**SENT), Done("ATXid_12345678", "KES 0.8000", 80)),
    (200, _said(**SENT), Done("ATXid_12345678", "KES 0.8000", 80)),
    (201, _said(**SENT | {"statusCode": 100}), Done("ATXid_12345678", "KES 0.8000", 80)),
    (201, _said(**SENT | {"statusCode": 102}), Done("ATXid_12345678", "KES 0.8000", 80)),
    (201, _said(**SENT | {"statusCode": "101"}), Done("ATXid_12345678", "KES 0.8000", 80)),
    (201, _said(**SENT | {"cost": "0"}), Done("ATXid_12345678", "0", None)),
    (201, _said(**SENT | {"cost": "USD 0.0079"}), Done("ATXid_12345678", "USD 0.0079", None)),
    (201, _said(**SENT | {"cost": "KES 1.6050"}), Done("ATXid_12345678", "KES 1.6050", 161)),
    (201, _said(**SENT | {"cost": "KES ?"}), Done("ATXid_12345678", "KES ?", None)),
    (201, _said(**SENT | {"messageId": "None"}), Done(None, "KES 0.8000", 80)),
    (201, _said(status="Success"), Done(None, None)),
    (201, _said(status="RiskHold", statusCode=401), Refused("RiskHold")),
    (201, _said(status="InvalidSenderId", statusCode=402), Refused("InvalidSenderId")),
    (201, _said(status="InvalidPhoneNumber", statusCode=403), Refused("InvalidPhoneNumber")),
    (201, _said(status="x", statusCode=404), Refused("UnsupportedNumberType")),
    (201, _said(status="x", statusCode=405), Postponed("InsufficientBalance")),
    (201, _said(status="x", statusCode=406), Refused("UserInBlacklist")),
    (201, _said(status="x", statusCode=407), Postponed("CouldNotRoute")),
    (201, _said(status="x", statusCode=500), Postponed("InternalServerError")),
    (201, _said(status="x", statusCode=501), Postponed("GatewayError")),
    (201, _said(status="x", statusCode=502), Postponed("RejectedByGateway")),
    (201, _said(status="New", statusCode=777), Unknown("status code 777")),
    (201, _said(status="New"), Unknown("status code None")),
    (201, _batch("InvalidSenderId"), Refused("InvalidSenderId")),
    (201, _batch("InsufficientBalance"), Postponed("InsufficientBalance")),
    (201, b"<html>", Unknown(OTHER)),
    (201, b"[]", Unknown(OTHER)),
    (201, b'"x"', Unknown(OTHER)),
    (201, b'{"SMSMessageData": null}', Unknown(OTHER)),
    (201, b'{"SMSMessageData": {"Recipients": "x"}}', Unknown(OTHER)),
    (201, b'{"SMSMessageData": {"Recipients": ["x"]}}', Unknown(OTHER)),
    (401, b"The supplied authentication is invalid", Postponed("HTTP 401")),
    (429, b"", Postponed("HTTP 429")),
    (400, b"", Refused("HTTP 400")),
    (302, b"", Unknown("HTTP 302")),
    (500, b"", Unknown("HTTP 500")),
    (504, b"", Unknown("HTTP 504")),
]


@pytest.mark.parametrize(("status", "body", "outcome"), ANSWERS)
def test_each_answer_has_one_meaning(status: int, body: bytes, outcome: Outcome) -> None:
    assert read(status, body) == outcome


def _client(gateway: LocalGateway, sender: str | None = "KABAMBE") -> AfricasTalking:
    return AfricasTalking("kabambe", "key", gateway.url, sender, connections=8)


def test_the_wire_form_is_the_sdks() -> None:
    with LocalGateway() as gateway:
        client = _client(gateway)
        outcome = client.send(ASHA, "KB00001 Umepokea KES 500.00 & zaidi")
        client.close()
    assert outcome == Done("ATXid_" + "1".rjust(32, "0"), "KES 0.8000", 80)
    assert gateway.forms == [
        {
            "username": "kabambe",
            "to": ASHA,
            "message": "KB00001 Umepokea KES 500.00 & zaidi",
            "bulkSMSMode": "1",
            "from": "KABAMBE",
        }
    ]
    assert gateway.headers[0]["apikey"] == "key"
    assert gateway.headers[0]["accept"] == "application/json"
    assert gateway.headers[0]["user-agent"].startswith("africastalking-python/")


def test_the_underscore_methods_that_we_replace_are_still_the_sdks() -> None:
    ours, theirs = africastalking._PooledSms, SMSService
    for name in ("_init_service", "_make_request"):
        wanted = list(inspect.signature(getattr(theirs, name)).parameters)
        assert list(inspect.signature(getattr(ours, name)).parameters) == wanted


def test_connections_are_reused() -> None:
    with LocalGateway(delay_s=0.02) as gateway:
        client = _client(gateway)
        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(lambda n: client.send(ASHA, f"text {n}"), range(80)))
        client.close()
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert len(gateway.heard) == 80
    assert gateway.connections <= 8


@pytest.mark.parametrize("number", ["0712000001", "", "+", "254712000001", "+2547x"])
def test_a_number_of_bad_form_is_refused_without_a_call(number: str) -> None:
    with LocalGateway() as gateway:
        assert _client(gateway).send(number, "x") == Refused("InvalidPhoneNumber")
    assert gateway.forms == []


def test_nobody_there_is_postponed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert AfricasTalking("u", "k", url, None).send(ASHA, "x") == Postponed("no connection")


def test_a_name_that_does_not_resolve_is_postponed() -> None:
    client = AfricasTalking("u", "k", "http://sms.invalid", None)
    assert client.send(ASHA, "x") == Postponed("no connection")


def test_a_hang_up_after_the_request_is_unknown() -> None:
    def hang_up(_form: Form, _id: str) -> Answer:
        return 0, "", b""

    with LocalGateway(answer=hang_up) as gateway:
        assert isinstance(_client(gateway).send(ASHA, "x"), Unknown)
    assert len(gateway.forms) == 1


def test_silence_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.2)
    with LocalGateway(delay_s=2.0) as gateway:
        outcome = _client(gateway).send(ASHA, "x")
    assert outcome == Unknown("ReadTimeout")
    assert len(gateway.forms) == 1, "never sent twice"


def test_a_content_type_with_a_charset_is_understood() -> None:
    def with_charset(form: Form, provider_id: str) -> Answer:
        status, kind, body = taken(form, provider_id)
        return status, f"{kind}; charset=utf-8", body

    with LocalGateway(answer=with_charset) as gateway:
        assert isinstance(_client(gateway).send(ASHA, "x"), Done)


def test_a_redirect_is_not_followed() -> None:
    with LocalGateway(answer=lambda _form, _id: (307, "text/plain", b"")) as gateway:
        assert _client(gateway).send(ASHA, "x") == Unknown("HTTP 307")
    assert len(gateway.forms) == 1


def test_many_threads_share_one_client() -> None:
    failures: list[BaseException] = []
    with LocalGateway() as gateway:
        client = _client(gateway)

        def send_some() -> None:
            try:
                for number in range(20):
                    assert isinstance(client.send(ASHA, str(number)), Done)
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=send_some) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.close()
    assert failures == []
    assert len(gateway.heard) == 320
