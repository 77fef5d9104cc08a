"""Somebody else's Daraja client and listener, before a Safaricom in this process."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import load_pem_x509_certificate
from flask import Flask
from werkzeug.test import TestResponse

from simulator.post import Answer, NoAnswer, Poster
from simulator.safaricom.books import Order
from simulator.safaricom.doors import blueprint
from simulator.safaricom.front import Front
from simulator.safaricom.keys import certificate
from simulator.safaricom.lipa import pay
from simulator.safaricom.messages import stamp
from simulator.safaricom.model import PIN, Safaricom
from simulator.safaricom.prompts import Prompt, Prompts
from ussd_app.kernel.clock import FrozenClock

FIXTURES = Path(__file__).parents[1] / "fixtures" / "daraja"
SHORTCODE = "600984"
PASSKEY = "a-passkey"
ASHA = "254712000001"
HOME = "https://shop.example"
DAWN = datetime(2026, 11, 21, 6, tzinfo=UTC)
API = {
    "push": "mpesa/stkpush/v1/processrequest",
    "push query": "mpesa/stkpushquery/v1/query",
    "register": "mpesa/c2b/v2/registerurl",
    "simulate": "mpesa/c2b/v1/simulate",
    "b2c": "mpesa/b2c/v3/paymentrequest",
    "b2c v1": "mpesa/b2c/v1/paymentrequest",
    "b2pochi": "mpesa/b2pochi/v1/paymentrequest",
    "b2b": "mpesa/b2b/v1/paymentrequest",
    "balance": "mpesa/accountbalance/v1/query",
    "status": "mpesa/transactionstatus/v1/query",
    "reversal": "mpesa/reversal/v1/request",
    "pull register": "pulltransactions/v1/register",
    "pull": "pulltransactions/v1/query",
    "swap": "imsi/v1/checkATI",
}


@dataclass
class Listener(Poster):
    """Who is told; `answers` is what it says to which URL, None for nothing at all."""

    heard: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, Mapping[str, object] | None] = field(default_factory=dict)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], within_s: float) -> Answer:
        assert headers["Content-Type"] == "application/json"
        self.heard.append((url, body.decode()))
        said = self.answers.get(url, {"ResultCode": 0, "ResultDesc": "Success"})
        if said is None:
            raise NoAnswer("Application response timed out")
        return Answer(200, json.dumps(said).encode(), "", 1)

    def of(self, path: str) -> list[dict[str, Any]]:
        """What was said to one of the listener's doors."""
        return [json.loads(body) for url, body in self.heard if url == HOME + path]


class Developer:
    """A shop with a short code, whose requests are right unless told otherwise."""

    def __init__(self) -> None:
        self.clock = FrozenClock(DAWN)
        self.jobs: list[Callable[[], object]] = []
        self.listener = Listener()
        self.safaricom = Safaricom(self.clock, self.listener, later=self.jobs.append)
        self.safaricom.consumers |= {"key": "secret", "another application": "secret"}
        self.safaricom.customer(ASHA).name = "asha wanjiku"
        self.safaricom.books.put(ASHA, 5_000_00)
        self.safaricom.books.put(SHORTCODE, 10_000_00)
        self.prompts = Prompts(self.safaricom)
        flask = Flask("safaricom")
        flask.register_blueprint(blueprint(Front(self.prompts)))
        self.http = flask.test_client()
        self.token = ""

    def new_token(self, key: str = "key", secret: str = "secret") -> str:
        basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
        answer = self.http.get(
            "/safaricom/oauth/v1/generate?grant_type=client_credentials",
            headers={"Authorization": f"Basic {basic}"},
        )
        self.token = answer.get_json()["access_token"]
        return self.token

    def ask(self, api: str, **other: object) -> TestResponse:
        """Ask, with a request as it should be but for what is said; None leaves a field out."""
        if not self.token:
            self.new_token()
        body = self.request(api) | other
        return self.http.post(
            f"/safaricom/{API[api]}",
            json={name: value for name, value in body.items() if value is not None},
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def settle(self) -> None:
        """Let Safaricom say what it has to say."""
        while self.jobs:
            self.jobs.pop(0)()

    def passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.safaricom.tick()
        self.settle()

    def prompt(self) -> Prompt:
        """What Asha's phone shows."""
        shown = self.prompts.on(ASHA)
        assert shown is not None
        return shown

    def stk(self) -> dict[str, Any]:
        """The last callback of a push."""
        said: dict[str, Any] = self.listener.of("/stk")[-1]["Body"]["stkCallback"]
        return said

    def result(self) -> dict[str, Any]:
        """The last result."""
        said: dict[str, Any] = self.listener.of("/result")[-1]["Result"]
        return said

    def sells(self, account: str = "A 1", amount_minor: int = 250_00) -> str:
        """Asha pays from M-PESA's own menu; what it says."""
        said = pay(self.safaricom, Order(ASHA, SHORTCODE, amount_minor, account), PIN)
        self.settle()
        return said

    @property
    def paid_out(self) -> bool:
        """Whether Asha has the thousand of a payout as it should be."""
        return self.safaricom.books.balance(ASHA) == 6_000_00

    @property
    def wrong(self) -> str:
        """The plain explanation of what was wrong with the last request."""
        asked = [each for each in self.safaricom.journal.exchanges if each.way == "asked"]
        return asked[-1].wrong

    @property
    def note(self) -> str:
        asked = [each for each in self.safaricom.journal.exchanges if each.way == "asked"]
        return asked[-1].note

    def request(self, api: str) -> dict[str, Any]:
        stamped = stamp(self.clock.now())
        push = {
            "BusinessShortCode": SHORTCODE,
            "Password": password(SHORTCODE, PASSKEY, stamped),
            "Timestamp": stamped,
        }
        urls = {"ResultURL": f"{HOME}/result", "QueueTimeOutURL": f"{HOME}/timeout"}
        initiator = {"Initiator": "shopapi", "SecurityCredential": sealed("shop#1")} | urls
        b2c = {
            "OriginatorConversationID": "shop-1",
            "InitiatorName": "shopapi",
            "SecurityCredential": sealed("shop#1"),
            "CommandID": "BusinessPayment",
            "Amount": "1000",
            "PartyA": SHORTCODE,
            "PartyB": ASHA,
            "Remarks": "Payout",
            **urls,
        }
        simple: dict[str, dict[str, Any]] = {
            "push": push
            | {
                "TransactionType": "CustomerPayBillOnline",
                "Amount": 500,
                "PartyA": ASHA,
                "PartyB": SHORTCODE,
                "PhoneNumber": ASHA,
                "CallBackURL": f"{HOME}/stk",
                "AccountReference": "ORDER1",
                "TransactionDesc": "Order",
            },
            "push query": push,
            "register": {
                "ShortCode": SHORTCODE,
                "ResponseType": "Completed",
                "ConfirmationURL": f"{HOME}/confirmation",
                "ValidationURL": f"{HOME}/validation",
            },
            "simulate": {
                "ShortCode": int(SHORTCODE),
                "CommandID": "CustomerPayBillOnline",
                "Amount": 5,
                "Msisdn": int(ASHA),
                "BillRefNumber": "ORDER2",
            },
            "b2c": b2c,
            "b2c v1": b2c | {"OriginatorConversationID": None},
            "b2pochi": b2c | {"CommandID": "BusinessPayToPochi"},
            "b2b": initiator
            | {
                "CommandID": "BusinessPayBill",
                "SenderIdentifierType": "4",
                "RecieverIdentifierType": "4",
                "Amount": "190",
                "PartyA": SHORTCODE,
                "PartyB": "600000",
                "AccountReference": "353353",
                "Remarks": "OK",
            },
            "balance": initiator
            | {
                "CommandID": "AccountBalance",
                "PartyA": SHORTCODE,
                "IdentifierType": "4",
                "Remarks": "OK",
            },
            "status": initiator
            | {
                "CommandID": "TransactionStatusQuery",
                "PartyA": SHORTCODE,
                "IdentifierType": "4",
                "Remarks": "OK",
            },
            "reversal": initiator
            | {
                "CommandID": "TransactionReversal",
                "Amount": "500",
                "ReceiverParty": SHORTCODE,
                "RecieverIdentifierType": "11",
                "Remarks": "OK",
            },
            "pull register": {
                "ShortCode": SHORTCODE,
                "RequestType": "Pull",
                "NominatedNumber": ASHA,
                "CallBackURL": f"{HOME}/pull",
            },
            "pull": {
                "ShortCode": SHORTCODE,
                "StartDate": "2026-11-21 00:00:00",
                "EndDate": "2026-11-21 23:59:59",
                "OffSetValue": "0",
            },
            "swap": {"customerNumber": ASHA},
        }
        return simple[api]


def password(shortcode: str, passkey: str, stamped: str) -> str:
    return base64.b64encode(f"{shortcode}{passkey}{stamped}".encode()).decode()


def sealed(text: str) -> str:
    """A SecurityCredential, as any initiator makes it from the certificate."""
    key = load_pem_x509_certificate(certificate()).public_key()
    assert isinstance(key, RSAPublicKey)
    return base64.b64encode(key.encrypt(text.encode(), PKCS1v15())).decode()
