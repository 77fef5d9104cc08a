"""What Safaricom's answers, errors and silences are taken for."""

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.serving import LOOPBACK
from tests.workers.safaricom import (
    ACCEPTED,
    FIXTURES,
    JANE,
    NOW,
    Double,
    Pocket,
    account,
    client,
)
from ussd_app.kernel.daraja import Accepted, StkStanding
from workers.gateways import daraja_line
from workers.gateways.daraja import Daraja, Pushed
from workers.gateways.errands import Declined, Open, Postponed

SECRETS = ("consumer-key", "consumer-secret", "pass#word", "0" * 64, "/cb/5f2c")
ASK = Callable[[Daraja], Any]


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
