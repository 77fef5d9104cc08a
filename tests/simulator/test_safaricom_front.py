"""Safaricom's way in, before somebody else's client: tokens, and refusals said plainly."""

import base64
import json

import pytest

from simulator.safaricom.collecting import SANDBOX
from tests.simulator.daraja_client import HOME, PASSKEY, SHORTCODE, Developer, password
from ussd_app.settings import DEVELOPMENT_PASSKEY, Settings

TOKEN = "/safaricom/oauth/v1/generate"


def test_each_new_token_ends_the_one_before(shop: Developer) -> None:
    first = shop.new_token()
    assert len(first) == 28
    shop.new_token("another application")
    shop.token = first
    assert shop.ask("swap").status_code == 200
    shop.new_token()
    shop.token = first
    answer = shop.ask("swap")
    assert (answer.status_code, answer.get_json()["errorCode"]) == (404, "404.001.03")
    assert "each new one" in shop.wrong


def test_a_token_lasts_an_hour(shop: Developer) -> None:
    shop.ask("swap")
    shop.clock.advance(seconds=3_600)
    assert shop.ask("swap").get_json()["errorMessage"] == "Invalid Access Token"
    assert "3599 seconds" in shop.wrong


@pytest.mark.parametrize(
    ("url", "authorization", "code"),
    [
        (TOKEN, "", "400.008.01"),
        (TOKEN, "Bearer x", "400.008.01"),
        (f"{TOKEN}?grant_type=password", "Basic a2V5OnNlY3JldA==", "400.008.02"),
    ],
)
def test_how_a_token_is_asked_for(shop: Developer, url: str, authorization: str, code: str) -> None:
    answer = shop.http.get(url, headers={"Authorization": authorization})
    assert (answer.status_code, answer.get_json()["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    ("credentials", "why"),
    [
        ("theirs:secret", "sandbox key against production"),
        ("key:another", "the consumer secret is not that"),
        ("key:", "the consumer secret is not that"),
        ("key", "the consumer secret is not that"),
        (":", "sandbox key against production"),
        ("key:s\u00e9cret", "the consumer secret is not that"),
    ],
)
def test_a_wrong_key_or_secret_is_answered_with_nothing_at_all(
    shop: Developer, credentials: str, why: str
) -> None:
    basic = base64.b64encode(credentials.encode()).decode()
    url = f"{TOKEN}?grant_type=client_credentials"
    answer = shop.http.get(url, headers={"Authorization": f"Basic {basic}"})
    assert (answer.status_code, answer.data) == (400, b"")
    assert why in shop.wrong
    assert shop.safaricom.tokens == {}


def test_the_key_and_secret_are_those_of_the_settings(shop: Developer) -> None:
    settings = Settings()
    shop.safaricom.consumers.clear()
    shop.safaricom.assume(settings, "http://127.0.0.1:8383")
    assert shop.new_token(settings.daraja_consumer_key, settings.daraja_consumer_secret)
    with pytest.raises(ValueError, match="Expecting value"):
        shop.new_token()


def test_paths_verbs_and_bodies(shop: Developer) -> None:
    shop.new_token()
    headers = {"Authorization": f"Bearer {shop.token}"}
    push = "/safaricom/mpesa/stkpush/v1/processrequest"
    assert shop.http.post("/safaricom/mpesa/nothing", headers=headers).status_code == 404
    answer = shop.http.get(push, headers=headers)
    assert (answer.status_code, answer.get_json()["errorMessage"]) == (
        405,
        "GET Method Not Allowed",
    )
    answer = shop.http.post(push, headers=headers, data=shop.request("push"))
    assert answer.get_json()["errorMessage"] == "Bad Request - Invalid BusinessShortCode"
    assert "Content-Type must be application/json" in shop.wrong
    answer = shop.http.post(push, headers=headers | {"Content-Type": "application/json"}, data="{")
    assert answer.get_json()["errorCode"] == "400.002.05"
    assert shop.http.post(push, json={}).get_json()["errorCode"] == "404.001.04"


@pytest.mark.parametrize(
    "body",
    [
        b'{"Amount": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"AccountReference": "\\ud800"}',
        b'{"AccountReference": "\xff"}',
        b'["Amount"]',
        b'{"Amount": ' + b"9" * 5_000 + b"}",
    ],
)
def test_no_body_is_too_odd_to_be_refused_and_written_down(shop: Developer, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {shop.new_token()}", "Content-Type": "application/json"}
    push = "/safaricom/mpesa/stkpush/v1/processrequest"
    answer = shop.http.post(push, headers=headers, data=body)
    assert (answer.status_code, answer.get_json()["errorCode"]) == (400, "400.002.05")
    assert shop.safaricom.journal.exchanges[-1].request.encode()


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"Timestamp": "20261121090001"}, "another Timestamp"),
        ({"Password": "%%%"}, "no base64"),
        ({"Password": password("174379", PASSKEY, "20261121090000")}, "another BusinessShortCode"),
    ],
)
def test_a_password_that_does_not_fit(shop: Developer, other: dict[str, object], why: str) -> None:
    answer = shop.ask("push", **other)
    assert answer.get_json()["errorMessage"] == "[MerchantValidate] - Wrong credentials"
    assert (answer.status_code, answer.get_json()["errorCode"]) == (500, "500.001.1001")
    assert why in shop.wrong


def test_a_passkey_is_learnt_once(shop: Developer) -> None:
    shop.ask("push")
    answer = shop.ask("push", Password=password(SHORTCODE, "other", "20261121090000"))
    assert answer.get_json()["errorCode"] == "500.001.1001"
    assert "another passkey" in shop.wrong


def test_the_sandboxs_published_passkey_fits_beside_kabambes_own(shop: Developer) -> None:
    shop.safaricom.assume(Settings(), "http://127.0.0.1:9")
    for passkey, status in ((SANDBOX["174379"], 200), (DEVELOPMENT_PASSKEY, 200), ("x", 500)):
        answer = shop.ask(
            "push",
            BusinessShortCode="174379",
            PartyB="174379",
            Password=password("174379", passkey, "20261121090000"),
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("api", "other", "blamed", "why"),
    [
        ("push", {"Amount": "10.50"}, "Amount", "whole number"),
        ("push", {"PhoneNumber": "0712000001"}, "PhoneNumber", "write 254712000001"),
        ("push", {"CallBackURL": "shop.example"}, "CallBackURL", "must be a URL"),
        ("push", {"TransactionDesc": None}, "Remarks", "TransactionDesc is missing"),
        ("push", {"AccountReference": "A" * 13}, "AccountReference", "12 is the most"),
        (
            "push",
            {"BusinessShortCode": None, "BusinessShortcode": SHORTCODE},
            "BusinessShortCode",
            "there is BusinessShortcode, which is not its name",
        ),
        ("register", {"ResponseType": "completed"}, "ResponseType", "Completed or Cancelled"),
        ("register", {"ValidationURL": f"{HOME}/query"}, "ValidationURL", "'query' in it"),
        ("b2c", {"OriginatorConversationID": None}, "OriginatorConversationID", "missing"),
        ("b2b", {"RecieverIdentifierType": "9"}, "RecieverIdentifierType", "4 or 2 or 1"),
        ("status", {}, "TransactionID", "one of TransactionID and Original"),
    ],
)
def test_a_bad_request_is_refused_as_safaricom_does_and_explained(
    shop: Developer, api: str, other: dict[str, object], blamed: str, why: str
) -> None:
    answer = shop.ask(api, **other)
    assert answer.status_code == 400
    assert answer.get_json()["errorMessage"] == f"Bad Request - Invalid {blamed}"
    assert why in shop.wrong


def test_what_is_odd_and_yet_taken_is_noted(shop: Developer) -> None:
    shop.ask("push", CallbackURL=f"{HOME}/stk")
    assert shop.note == "CallbackURL is no field of this request"


def test_no_secret_is_written_down(shop: Developer) -> None:
    shop.ask("push")
    shop.ask("b2c")
    written = json.dumps([each.__dict__ for each in shop.safaricom.journal.exchanges], default=str)
    assert "SecurityCredential" in written
    for secret in (shop.token, shop.request("push")["Password"], "shop#1"):
        assert str(secret) not in written
