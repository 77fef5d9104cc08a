"""The reseller's and the switch's doors: what is kept, what is turned away, what is answered."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from tests.doors.conftest import FORM, Doors
from ussd_app.kernel.signing import sign
from ussd_app.settings import DEVELOPMENT_BANK_KEY

FIXTURES = Path(__file__).parent.parent / "fixtures" / "at-airtime"
CREDIT = {
    "reference": "FT26112100001",
    "phoneNumber": "+254712000001",
    "amount": "500.00",
    "currency": "KES",
    "bank": "01",
    "sender": "Upendo",
}
RESULT = {"reference": "KB00001", "status": "accepted"}


def rows(doors: Doors) -> list[tuple[str, str]]:
    with doors.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT kind, natural_key FROM inbox ORDER BY id")
        return [tuple(row) for row in found]


def tell(
    doors: Doors, path: str, fields: Mapping[str, str], key: str = DEVELOPMENT_BANK_KEY
) -> TestResponse:
    body = urlencode(fields).encode()
    headers = {"X-Signature": sign(key, body)}
    return doors.client.post(path, data=body, content_type=FORM, headers=headers)


@pytest.mark.parametrize("name", ["20-status-success", "21-status-failed"])
def test_a_captured_status_is_kept_once(doors: Doors, name: str) -> None:
    body = (FIXTURES / f"{name}.form").read_bytes()
    for _ in range(2):
        assert doors.post("/airtime/status", body).status_code == 200
    assert [kind for kind, _ in rows(doors)] == ["airtime_status"]


def test_a_purchase_that_is_not_ours_is_not_validated(doors: Doors) -> None:
    body = (FIXTURES / "22-validation.form").read_bytes()
    answer = doors.post("/airtime/validation", body)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "Failed"})
    assert answer.headers["Content-Type"] == "application/json"
    with doors.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO errands (entry_id, kind, reference, state, due_at, facts, created_at)"
            " VALUES (1, 'airtime', 'KB1', 'sending', now(),"
            """ '{"reference": "0700000001", "amount": 1000}', now())"""
        )
    assert doors.post("/airtime/validation", body).get_json() == {"status": "Validated"}
    other = body.replace(b"amount=10.00", b"amount=11.00")
    assert doors.post("/airtime/validation", other).get_json() == {"status": "Failed"}


def test_what_the_switch_signs_is_kept_once(doors: Doors) -> None:
    for _ in range(2):
        assert tell(doors, "/bank/credits", CREDIT).status_code == 200
        assert tell(doors, "/bank/results", RESULT).status_code == 200
    assert rows(doors) == [
        ("bank_credit", "FT26112100001:50000"),
        ("bank_result", "KB00001:accepted"),
    ]


def test_another_amount_under_a_reference_is_no_repeat(doors: Doors) -> None:
    for amount in ("500.00", "900.00", "500.00", "500"):
        assert tell(doors, "/bank/credits", CREDIT | {"amount": amount}).status_code == 200
    assert [key for _, key in rows(doors)] == ["FT26112100001:50000", "FT26112100001:90000"]


@pytest.mark.parametrize("path", ["/bank/credits", "/bank/results"])
def test_what_nobody_signed_is_turned_away(doors: Doors, path: str) -> None:
    fields = CREDIT if path == "/bank/credits" else RESULT
    assert tell(doors, path, fields, key="another").status_code == 401
    assert doors.post(path, urlencode(fields).encode()).status_code == 401
    assert rows(doors) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "0"),
        ("amount", "-5"),
        ("amount", "1e9"),
        ("amount", ""),
        ("currency", "USD"),
        ("bank", "KCB"),
        ("phoneNumber", "0712000001"),
        ("reference", ""),
        ("sender", ""),
    ],
)
def test_a_notice_that_is_not_right_is_refused(doors: Doors, field: str, value: str) -> None:
    assert tell(doors, "/bank/credits", CREDIT | {field: value}).status_code == 400
    assert rows(doors) == []
