"""What results mean for money on its way out: every fixture, and codes in every form."""

import json
from pathlib import Path
from typing import Any

import pytest

from ussd_app.domain import payouts
from ussd_app.kernel.daraja import codes, read_result
from workers.daraja_codes import Means, of_result, of_status

FIXTURES = Path(__file__).parent.parent / "fixtures" / "daraja"
JANE = {"reference": "0700000001", "amount": 1000_00}
BILL = {"shortcode": "600000", "reference": "19008", "amount": 190_00}
BACK = {payouts.ORIGINAL: "UKK82PACB8", "amount": 200_00}


def fixture(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return made


@pytest.mark.parametrize(
    ("name", "kind", "facts", "means"),
    [
        ("b2c/result-0-success", payouts.B2C, JANE, Means.PAID),
        ("b2c/result-1-insufficient", payouts.B2C, JANE, Means.LATER),
        ("b2c/result-8-max-balance", payouts.B2C, JANE, Means.FAILED),
        ("b2c/result-2040-unregistered", payouts.B2C, JANE, Means.FAILED),
        ("b2c/result-2001-initiator", payouts.B2C, JANE, Means.OPERATOR),
        ("b2c/result-8006-locked", payouts.B2C, JANE, Means.OPERATOR),
        ("b2c/timeout.unverified", payouts.B2C, JANE, Means.OPEN),
        ("b2b/result-success-string-codes", payouts.B2B, BILL, Means.PAID),
        ("reversal/result-success", payouts.REVERSAL, BACK, Means.PAID),
        ("reversal/result-r000001-already-reversed", payouts.REVERSAL, BACK, Means.PAID),
        ("reversal/result-r000002-invalid-id", payouts.REVERSAL, BACK, Means.FAILED),
    ],
)
def test_results(name: str, kind: str, facts: dict[str, object], means: Means) -> None:
    assert of_result(kind, facts, read_result(json.dumps(fixture(name)))).means is means


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("status/result-completed-keys-without-spaces", Means.PAID),
        ("status/result-declined", Means.FAILED),
        ("status/result-2032-unknown-receipt", Means.UNKNOWN_THERE),
    ],
)
def test_answers_to_questions(name: str, means: Means) -> None:
    assert of_status(payouts.B2C, JANE, read_result(json.dumps(fixture(name)))).means is means


def test_who_got_it_is_learnt() -> None:
    result = read_result(json.dumps(fixture("b2c/result-0-success")))
    assert of_result(payouts.B2C, JANE, result).learnt == {
        "mpesa_receipt": "UKK632NMUB",
        "whom": "JANE WANJIKU 0700000001",
    }
    result = read_result(json.dumps(fixture("b2b/result-success-string-codes")))
    assert of_result(payouts.B2B, BILL, result).learnt["whom"] == "MFANO BILLER 600000"


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        (payouts.B2C, JANE | {"amount": 999_00}),
        (payouts.B2C, JANE | {"reference": "0700000002"}),
    ],
)
def test_another_amount_or_receiver_is_neither_paid_nor_failed(
    kind: str, facts: dict[str, object]
) -> None:
    result = read_result(json.dumps(fixture("b2c/result-0-success")))
    assert of_result(kind, facts, result).means is Means.WRONG


def test_no_code_has_two_meanings() -> None:
    assert not codes.FAILED & codes.OPERATOR
    assert not codes.FAILED & codes.LATER
    assert not codes.OPERATOR & codes.LATER


@pytest.mark.parametrize("code", [17, "17", "9999", "100000000", "E3008", "R000001", "4999", "-1"])
def test_a_code_of_no_table_is_in_doubt(code: object) -> None:
    said = fixture("b2c/result-2040-unregistered")
    said["Result"]["ResultCode"] = code
    assert of_result(payouts.B2C, JANE, read_result(json.dumps(said))).means is Means.OPEN


def test_done_without_a_receipt_is_in_doubt() -> None:
    said = fixture("b2c/result-2040-unregistered")
    said["Result"]["ResultCode"] = "0"
    assert of_result(payouts.B2C, JANE, read_result(json.dumps(said))).means is Means.OPEN
