"""What Safaricom is asked, held against captured requests, and what its answers are taken for."""

import base64
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from simulator.serving import LOOPBACK
from tests.workers.safaricom import ACCEPTED, FIXTURES, Double, Pocket, double, fixture
from ussd_app.kernel.daraja import Accepted, StkStanding
from ussd_app.settings import SIMULATED_CERTIFICATE
from workers.gateways import daraja_line
from workers.gateways.daraja import Daraja, NotWhole, Pushed
from workers.gateways.daraja_keys import Account
from workers.gateways.errands import Declined, Errand, Open, Postponed
from workers.gateways.mpesa import Back, ToBusiness, ToNumber

NOW = datetime(2026, 11, 20, 5, 45, 12, tzinfo=UTC)
JANE = "+254700000001"
SECRETS = ("consumer-key", "consumer-secret", "pass#word", "0" * 64, "/cb/5f2c")
ASK = Callable[[Daraja], Any]


def account(url: str, certificate: Path = SIMULATED_CERTIFICATE, code: str = "600992") -> Account:
    """The account of the captured requests."""
    return Account(
        url=url,
        consumer_key="consumer-key",
        consumer_secret="consumer-secret",
        shortcode=code,
        passkey="0" * 64,
        initiator="kabambeapi",
        initiator_password="pass#word",
        certificate=certificate,
        callbacks="https://kabambe.example/cb/5f2c",
    )


def client(url: str, **more: Any) -> Daraja:
    return Daraja(account(url, **more), Pocket(), now=lambda: NOW)


@pytest.fixture
def safaricom() -> Iterator[Double]:
    with double() as made:
        yield made


@pytest.fixture
def daraja(safaricom: Double) -> Daraja:
    return client(safaricom.url)


# every request is the captured one

REQUESTS: list[tuple[str, str, str, ASK, set[str]]] = [
    ("stk/request-paybill.json", "/mpesa/stkpush/v1/processrequest", "174379",
     lambda d: d.push(JANE, 500_00, "KBM0001", "Deposit"), set()),
    ("stk/request-till.json", "/mpesa/stkpush/v1/processrequest", "600001",
     lambda d: d.push(JANE, 500_00, "KBM0001", "Payment", till="5600001"), set()),
    ("stk/query-request.json", "/mpesa/stkpushquery/v1/query", "174379",
     lambda d: d.push_standing("ws_CO_20112026084512617700000001"), set()),
    ("c2b/register-request.json", "/mpesa/c2b/v2/registerurl", "600984",
     lambda d: d.register(unanswered="Cancelled"), set()),
    ("c2b/register-request.json", "/mpesa/c2b/v1/registerurl", "600984",
     lambda d: d.register(version=1, unanswered="Cancelled"), set()),
    ("c2b/simulate-request.json", "/mpesa/c2b/v2/simulate", "600984",
     lambda d: d.simulate("+254708374149", 5_00, "KBM0001"), set()),
    ("c2b/simulate-request.json", "/mpesa/c2b/v1/simulate", "600984",
     lambda d: d.simulate("+254708374149", 5_00, "KBM0001", version=1), set()),
    ("b2c/request-v3.json", "/mpesa/b2c/v3/paymentrequest", "600992",
     lambda d: d.b2c("kbm-out-000045-1", JANE, 1_000_00, "Withdrawal"), {"Occassion"}),
    ("b2c/request-v1.json", "/mpesa/b2c/v1/paymentrequest", "600992",
     lambda d: d.b2c("x", JANE, 1_000_00, "Withdrawal", version=1), {"Occassion"}),
    ("b2b/request-paybill.json", "/mpesa/b2b/v1/paymentrequest", "600992",
     lambda d: d.b2b("n", "600000", "353353", 190_00, "OK"),
     {"Requester", "OriginatorConversationID", "Occassion"}),
    ("b2b/request-buygoods.json", "/mpesa/b2b/v1/paymentrequest", "600992",
     lambda d: d.b2b("n", "5600001", "", 190_00, "OK"),
     {"Requester", "OriginatorConversationID", "Occassion", "AccountReference"}),
    ("balance/request.json", "/mpesa/accountbalance/v1/query", "600000",
     lambda d: d.balance(), {"Remarks"}),
    ("status/request-by-receipt.json", "/mpesa/transactionstatus/v1/query", "600992",
     lambda d: d.status(receipt="UKK632NMUB"), {"Remarks", "Occasion"}),
    ("status/request-by-conversation.json", "/mpesa/transactionstatus/v1/query", "600992",
     lambda d: d.status(name="kbm-out-000045-1"), {"Remarks", "Occasion"}),
    ("status/request-both-ids.json", "/mpesa/transactionstatus/v1/query", "600992",
     lambda d: d.status(receipt="UKK632NMUB", name="kbm-out-000045-1"), {"Remarks", "Occasion"}),
    ("reversal/request.json", "/mpesa/reversal/v1/request", "600992",
     lambda d: d.reverse("n", "UKK82PACB8", 200_00, "Payment reversal"), {"Occasion"}),
    ("pull/register-request.json", "/pulltransactions/v1/register", "600000",
     lambda d: d.register_pull(JANE), set()),
    ("pull/query-request.json", "/pulltransactions/v1/query", "600000",
     lambda d: d.pull(datetime(2026, 11, 19, 5, 36, tzinfo=UTC),
                      datetime(2026, 11, 20, 7, 10, tzinfo=UTC)), set()),
    ("sim-swap/request.json", "/imsi/v1/checkATI", "600992", lambda d: d.swapped(JANE), set()),
]  # fmt: skip
"""Fixture, path, our shortcode, the call, and the fields that are ours to choose."""


@pytest.mark.parametrize(("name", "path", "code", "ask", "ours"), REQUESTS)
def test_a_request_is_the_captured_one(
    safaricom: Double, name: str, path: str, code: str, ask: ASK, ours: set[str]
) -> None:
    ask(client(safaricom.url, code=code))
    captured, sent = fixture(name), safaricom.last
    assert safaricom.asked[-1].path == path
    assert set(sent) ^ set(captured) <= ours
    opened = {"SecurityCredential"} & set(sent)
    for field in set(sent) - ours - opened:
        assert (field, sent[field]) == (field, captured[field])
    for field in opened:
        assert _opened(sent[field]) == b"pass#word"


def _opened(credential: str) -> bytes:
    pem = SIMULATED_CERTIFICATE.with_name("key.pem").read_bytes()
    key: Any = load_pem_private_key(pem, password=None)
    return bytes(key.decrypt(base64.b64decode(credential), PKCS1v15()))


def test_a_token_is_asked_for_by_the_application_and_carried(
    daraja: Daraja, safaricom: Double
) -> None:
    daraja.balance()
    daraja.balance()
    pair = base64.b64encode(b"consumer-key:consumer-secret").decode()
    assert safaricom.basic == [f"Basic {pair}"]
    assert [asked.token for asked in safaricom.asked] == safaricom.tokens * 2


def test_a_credential_is_another_one_each_time(daraja: Daraja, safaricom: Double) -> None:
    daraja.balance()
    daraja.balance()
    first, second = (asked.body["SecurityCredential"] for asked in safaricom.asked)
    assert first != second


def test_texts_are_cut_to_what_fits(daraja: Daraja, safaricom: Double) -> None:
    daraja.push(JANE, 1_00, "KBM0001-and-more", "A long description")
    assert safaricom.last["AccountReference"] == "KBM0001-and-"
    assert safaricom.last["TransactionDesc"] == "A long descri"
    daraja.b2b("n", "600000", "12345678901234567890", 1_00, "r" * 200)
    assert safaricom.last["AccountReference"] == "1234567890123"
    assert len(safaricom.last["Remarks"]) == 100


@pytest.mark.parametrize("amount_minor", [0, -1_00, 50, 1_050])
def test_cents_are_refused_before_anybody_is_asked(
    daraja: Daraja, safaricom: Double, amount_minor: int
) -> None:
    with pytest.raises(NotWhole):
        daraja.push(JANE, amount_minor, "KBM0001", "Deposit")
    with pytest.raises(NotWhole):
        daraja.b2c("n", JANE, amount_minor, "Withdrawal")
    facts = {"reference": "0700000001", "amount": amount_minor}
    assert isinstance(ToNumber(daraja).ask(Errand("n", facts)), Declined)
    assert not safaricom.asked


# what is answered


def test_a_push_is_known_by_both_its_ids(daraja: Daraja, safaricom: Double) -> None:
    safaricom.answer = lambda _: (200, (FIXTURES / "stk/response-accepted.json").read_bytes())
    assert daraja.push(JANE, 500_00, "KBM0001", "Deposit") == Pushed(
        "2654-4b64-97ff-b827b542881d3130", "ws_CO_20112026084512617700000001"
    )


STANDINGS = [
    ("stk/query-success.json", "0"),
    ("stk/query-cancelled.json", "1032"),
    ("stk/query-timeout.json", "1037"),
    ("stk/query-insufficient.json", "1"),
    ("stk/query-bad-debt-sandbox.json", "E3008"),
]


@pytest.mark.parametrize(("name", "code"), STANDINGS)
def test_a_push_that_ended_says_how(
    daraja: Daraja, safaricom: Double, name: str, code: str
) -> None:
    safaricom.answer = lambda _: (200, (FIXTURES / name).read_bytes())
    standing = daraja.push_standing("ws_CO_1")
    assert isinstance(standing, StkStanding)
    assert standing.code == code


def test_a_push_that_is_open_is_pending_in_both_forms(daraja: Daraja, safaricom: Double) -> None:
    body = (FIXTURES / "stk/query-success.json").read_bytes()
    safaricom.answer = lambda _: (
        200,
        body.replace(b'"0",\n  "ResultDesc"', b'"4999","ResultDesc"'),
    )
    assert daraja.push_standing("ws_CO_1") == Open("pending")
    said = b'{"errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"}'
    safaricom.answer = lambda _: (500, said)
    assert daraja.push_standing("ws_CO_1") == Open("pending")


def test_what_is_accepted_is_known_by_both_its_ids(daraja: Daraja) -> None:
    assert daraja.b2c("kbm-out-000045-1", JANE, 1_000_00, "Withdrawal") == Accepted(
        "0",
        "Accept the service request successfully.",
        "AG_20261120_2010364430d9bbdaf872",
        "kbm-out-000045-1",
    )


def test_rows_leave_and_swaps_are_read(daraja: Daraja, safaricom: Double) -> None:
    answers = {
        "/pulltransactions/v1/query": "pull/query-response.unverified.json",
        "/pulltransactions/v1/register": "pull/register-response.json",
        "/imsi/v1/checkATI": "sim-swap/response-not-swapped.json",
    }
    safaricom.answer = lambda asked: (200, (FIXTURES / answers[asked.path]).read_bytes())
    rows = daraja.pull(NOW - timedelta(days=1), NOW)
    assert isinstance(rows, tuple)
    assert rows[0].receipt == "UKK51ZDR4F"
    assert daraja.register_pull(JANE) is True
    assert daraja.swapped(JANE) is None


MONEY: list[ASK] = [
    lambda d: d.push(JANE, 500_00, "KBM0001", "Deposit"),
    lambda d: d.b2c("n", JANE, 1_000_00, "Withdrawal"),
    lambda d: d.b2b("n", "600000", "353353", 190_00, "OK"),
    lambda d: d.reverse("n", "UKK82PACB8", 200_00, "Payment reversal"),
]

ERRORS: list[tuple[str, type]] = [
    ("c2b/register-already-registered.http500.json", Declined),
    ("c2b/register-duplicate-notification.http500.json", Declined),
    ("errors/duplicate-originator.http500.json", Open),
    ("errors/internal.http500.json", Open),
    ("errors/invalid-access-token.http404.json", Postponed),
    ("errors/invalid-callback-url.http400.json", Declined),
    ("errors/invalid-remarks.http400.json", Declined),
    ("errors/invalid-shortcode.http400.json", Declined),
    ("errors/invalid-transaction-id.http400.json", Declined),
    ("errors/merchant-does-not-exist.http500.json", Declined),
    ("errors/method-not-allowed.http405.json", Declined),
    ("errors/no-apiproduct.http401.json", Postponed),
    ("errors/quota.http500.json", Postponed),
    ("errors/system-busy.http500.json", Postponed),
    ("errors/system-internal-b2c.http500.json", Open),
    ("errors/wrong-credentials.http500.json", Declined),
]


def test_every_error_that_was_captured_is_here() -> None:
    captured = {f"errors/{path.name}" for path in (FIXTURES / "errors").iterdir()}
    assert captured <= {name for name, _ in ERRORS}


@pytest.mark.parametrize("ask", MONEY)
@pytest.mark.parametrize(("name", "kind"), ERRORS)
def test_an_error_is_judged_by_code_and_message(
    daraja: Daraja, safaricom: Double, name: str, kind: type, ask: ASK
) -> None:
    status = int(name.split(".http")[1].split(".")[0])
    safaricom.answer = lambda _: (status, (FIXTURES / name).read_bytes())
    assert isinstance(ask(daraja), kind)


WORDS: list[tuple[int, str, str, type]] = [
    (500, "500.001.1001", "Unable to lock subscriber, a transaction is already", Postponed),
    (500, "500.001.1001", "Something new", Open),
    (500, "500.002.1001", "Service is currently under maintenance. Please try", Postponed),
    (500, "500.002.1001", "DUPLICATE ORIGINATORCONVERSATIONID", Open),
    (500, "500.003.02", "Error Occurred: Spike Arrest Violation", Postponed),
    (500, "500.003.02", "Something new", Open),
    (500, "500.009.99", "Something new", Open),
    (503, "503.001", "Something new", Open),
    (200, "500.003.1001", "Internal Server Error", Open),
    (200, "999.999", "Something new", Open),
    (400, "999.999", "Something new", Open),
    (400, "400.003.02", "Bad Request", Declined),
    (404, "404.001.01", "Resource not found", Declined),
    (404, "404.001.04", "Invalid Authentication Header", Declined),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message", "kind"), WORDS)
def test_the_same_code_means_what_its_message_says(
    daraja: Daraja, safaricom: Double, status: int, code: str, message: str, kind: type
) -> None:
    body = f'{{"requestId": "1", "errorCode": "{code}", "errorMessage": "{message}"}}'.encode()
    safaricom.answer = lambda _: (status, body)
    outcome = daraja.b2c("n", JANE, 1_00, "Withdrawal")
    assert isinstance(outcome, kind)
    if isinstance(outcome, Postponed):
        assert (outcome.pause_s or 0) == (120 if "lock subscriber" in message else 0)


BARE: list[tuple[int, bytes, type]] = [
    (400, b"", Declined),
    (400, b"<html>", Declined),
    (401, b"", Postponed),
    (403, b"<html>Incapsula</html>", Postponed),
    (404, b"<html>", Declined),
    (408, b"", Open),
    (429, b"", Postponed),
    (302, b"", Open),
    (500, b"", Open),
    (500, b"<html>", Open),
    (502, b"<html>", Open),
    (503, b"", Open),
    (504, b"", Open),
    (200, b"", Open),
    (200, b"OK", Open),
    (200, b"[]", Open),
    (200, b"{}", Open),
    (200, b'{"ResponseCode": null}', Open),
    (200, b'{"ResponseCode": "0", "ResponseCode": "1"}', Open),
    (200, b"[" * 60_000, Open),
    (200, b'{"ResponseCode": "2001", "ResponseDescription": "x"}', Declined),
    (200, b'{"ResponseCode": "26", "ResponseDescription": "x"}', Postponed),
    (200, b'{"ResponseCode": "100000000", "ResponseDescription": "x"}', Open),
    (200, b'{"ResponseCode": "15", "ResponseDescription": "duplicate"}', Open),
    (200, b'{"ResponseCode": "E77", "ResponseDescription": "x"}', Open),
]


@pytest.mark.parametrize(("status", "body", "kind"), BARE)
def test_an_answer_without_an_envelope_is_no_more_certain_than_its_status(
    daraja: Daraja, safaricom: Double, status: int, body: bytes, kind: type
) -> None:
    safaricom.answer = lambda _: (status, body)
    assert isinstance(daraja.b2c("n", JANE, 1_00, "Withdrawal"), kind)


def test_an_answer_that_reads_as_none_is_open_everywhere(daraja: Daraja, safaricom: Double) -> None:
    safaricom.answer = lambda _: (200, b"{}")
    asks: list[ASK] = [
        *MONEY,
        lambda d: d.push_standing("ws_CO_1"),
        lambda d: d.pull(NOW, NOW),
        lambda d: d.register_pull(JANE),
        lambda d: d.swapped(JANE),
        lambda d: d.register(),
    ]
    for ask in asks:
        assert ask(daraja) == Open("an answer of another form")


# the network


def test_nobody_there_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = client("http://127.0.0.1:9")
    assert isinstance(nobody.balance(), Postponed)
    pocket = Pocket()
    daraja = Daraja(account("http://127.0.0.1:9"), pocket, now=lambda: NOW)
    name = daraja._line._tokens._name
    pocket.put(name, "token", 60)
    assert daraja.b2c("n", JANE, 1_00, "Withdrawal") == Postponed("no connection")


def test_a_time_out_after_the_request_began_is_open(
    daraja: Daraja, safaricom: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    daraja.balance()
    monkeypatch.setattr(daraja_line, "TIMEOUT", (1.0, 0.2))
    stuck = threading.Event()
    safaricom.answer = lambda _: (stuck.wait(5), ACCEPTED)[1]
    try:
        assert daraja.b2c("n", JANE, 1_00, "Withdrawal") == Open("ReadTimeout")
    finally:
        stuck.set()


def test_a_connection_that_breaks_after_the_request_is_open() -> None:
    with socket.create_server((LOOPBACK, 0)) as listening:
        daraja = Daraja(
            account(f"http://127.0.0.1:{listening.getsockname()[1]}"), Pocket(), lambda: NOW
        )
        shelf: Any = daraja._line._tokens._shelf
        shelf.put(daraja._line._tokens._name, "token", 60)

        def hang_up() -> None:
            taken, _ = listening.accept()
            taken.recv(65_536)
            taken.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        outcome = daraja.b2c("n", JANE, 1_00, "Withdrawal")
        thread.join()
    assert outcome == Open("ConnectionError")


@pytest.mark.parametrize(
    "pem", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAA=="]
)
def test_without_a_certificate_nothing_is_asked(
    safaricom: Double, tmp_path: Path, pem: bytes | None
) -> None:
    file = tmp_path / "safaricom.pem"
    if pem is not None:
        file.write_bytes(pem)
    outcome = client(safaricom.url, certificate=file).b2c("n", JANE, 1_00, "Withdrawal")
    assert isinstance(outcome, Postponed)
    assert outcome.reason.startswith("no certificate")
    assert not safaricom.asked


def test_no_secret_is_in_a_reason_or_a_representation(
    daraja: Daraja, safaricom: Double, caplog: pytest.LogCaptureFixture
) -> None:
    said = [repr(account(safaricom.url)), repr(daraja), repr(daraja._line)]
    for answer in ((500, b""), (400, b""), (200, b"{}")):
        safaricom.answer = lambda _, answer=answer: answer  # type: ignore[misc]
        said += [repr(ask(daraja)) for ask in MONEY]
    said.append(repr(client("http://127.0.0.1:9").balance()))
    said.append(caplog.text)
    for secret in (*SECRETS, *safaricom.tokens):
        assert not any(secret in text for text in said)


# errands


def test_errands_are_taken_and_asked_about_by_name(daraja: Daraja, safaricom: Double) -> None:
    taken = Open("accepted", "AG_20261120_2010364430d9bbdaf872")
    carriers = [
        (ToNumber(daraja), {"reference": "0700000001"}, "b2c/v3"),
        (ToBusiness(daraja), {"shortcode": "600000", "reference": "353353"}, "b2b/v1"),
        (ToBusiness(daraja), {"shortcode": "5600001"}, "b2b/v1"),
        (Back(daraja), {"mpesa_receipt": "UKK82PACB8"}, "reversal/v1"),
    ]
    for carrier, facts, path in carriers:
        errand = Errand("KVLM000001", {**facts, "amount": 200_00})
        assert carrier.ask(errand) == taken
        assert path in safaricom.asked[-1].path
        guard = "Occasion" if carrier.__class__ is Back else "OriginatorConversationID"
        assert safaricom.last[guard] == "KVLM000001"
        assert safaricom.last["Amount"] == "200"
        assert carrier.look(errand) == Open("asked", taken.provider_id)
        assert safaricom.last["OriginalConversationID"] == "KVLM000001"
    assert safaricom.asked[4].body["CommandID"] == "BusinessBuyGoods"


def test_a_number_that_is_none_is_declined(daraja: Daraja) -> None:
    outcome = ToNumber(daraja).ask(Errand("n", {"reference": "12", "amount": 100}))
    assert isinstance(outcome, Declined)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_question_that_failed_says_nothing_of_the_errand(
    daraja: Daraja, safaricom: Double, status: int
) -> None:
    safaricom.answer = lambda _: (status, b"")
    seen = ToNumber(daraja).look(Errand("n", {"reference": "0700000001", "amount": 100}))
    assert isinstance(seen, Open)
    assert seen.provider_id is None
