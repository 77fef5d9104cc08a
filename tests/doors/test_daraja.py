"""Safaricom's doors: what is kept and under which name, what is answered, and to whom."""

import hashlib
import ipaddress
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from tests.doors.conftest import SECRET, Doors
from tests.people import ASHA
from ussd_app.channels import daraja
from ussd_app.channels.daraja import RESULTS
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.web import create_app

FIXTURES = Path(__file__).parent.parent / "fixtures" / "daraja"
JUMA = Seed(
    *("+254755000005", "Juma Hassan", "sw", "5555", "22000005", 100_00),
    (Planted("till", "520001", "Duka la Juma"), Planted("paybill", "880011", "Maji Safi")),
)
PAID: Mapping[str, Any] = json.loads((FIXTURES / "c2b/confirmation-v2-masked.json").read_text())
ASKED: Mapping[str, Any] = json.loads((FIXTURES / "c2b/validation-v2-masked.json").read_text()) | {
    "BusinessShortCode": "174379",
    "BillRefNumber": "0712000001",
}


def tell(doors: Doors, path: str, body: bytes | Mapping[str, Any], **named: Any) -> TestResponse:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = named.pop("kind", "application/json")
    return doors.client.post(f"/daraja/{path}", data=sent, content_type=kind, **named)


def kept(engine: Engine) -> list[tuple[str, str, str]]:
    """Kind, natural key and text of all that was heard."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT kind, natural_key, body->>'raw' FROM inbox ORDER BY id"
        )
        return [tuple(row) for row in rows]


def _captured() -> list[tuple[str, Path, str]]:
    """Every message of Safaricom's, the door that it comes to, and what it is kept as."""
    found = [("stk", path, "mpesa_stk") for path in FIXTURES.glob("stk/callback-*.json")]
    payments = FIXTURES.glob("c2b/confirmation-*.json")
    found += [
        ("c2b/confirmation", path, "mpesa_c2b") for path in payments if "ack" not in path.stem
    ]
    for what in RESULTS:
        for path in FIXTURES.glob(f"{what}/result-*.json"):
            found.append((f"{what}/result", path, f"mpesa_{what}_result"))
        for path in FIXTURES.glob(f"{what}/timeout*.json"):
            found.append((f"{what}/timeout", path, f"mpesa_{what}_timeout"))
    return sorted(found)


CAPTURED = _captured()


def test_there_are_messages_for_every_door() -> None:
    doors = {door for door, _, _ in CAPTURED}
    assert doors >= {"stk", "c2b/confirmation", *(f"{what}/result" for what in RESULTS)}
    assert len(CAPTURED) > 35


@pytest.mark.parametrize(
    ("door", "path", "kind"), CAPTURED, ids=[f"{d}:{p.stem}" for d, p, _ in CAPTURED]
)
def test_what_was_captured_is_kept_once_as_it_came(
    doors: Doors, door: str, path: Path, kind: str
) -> None:
    body = path.read_bytes()
    for _ in range(3):
        answer = tell(doors, door, body)
        assert (answer.status_code, answer.get_json()) == (
            200,
            {"ResultCode": 0, "ResultDesc": "Success"},
        )
        assert answer.headers["Content-Type"] == "application/json"
    assert [(row[0], row[2]) for row in kept(doors.engine)] == [(kind, body.decode())]


def test_natural_keys(doors: Doors) -> None:
    for door, name in (
        ("c2b/confirmation", "c2b/confirmation-v1-hashed"),
        ("stk", "stk/callback-0-success"),
        ("stk", "stk/callback-1032-cancelled"),
        ("b2c/result", "b2c/result-0-success"),
        ("b2c/result", "b2c/result-8006-locked"),
    ):
        tell(doors, door, (FIXTURES / f"{name}.json").read_bytes())
    keys = [key.rpartition(":")[0] for _, key, _ in kept(doors.engine)]
    assert keys[:3] == [
        "UKK51ZDR4F",
        "ws_CO_20112026084512617700000001:0",
        "ws_CO_20112026084512617700000001:1032",
    ]
    assert keys[3].endswith(":0")
    assert keys[4].endswith(":8006")
    assert all(key.rpartition(":")[0].strip("|") for key in keys[3:])


def _named(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return body


def test_another_message_about_the_same_is_kept_too(doors: Doors) -> None:
    """What completes, ends or contradicts what was said before is no repeat of it."""
    paid = _named("stk/callback-0-success")
    bare = _named("stk/callback-0-success")
    del bare["Body"]["stkCallback"]["CallbackMetadata"]
    done = _named("b2c/result-0-success")
    waits = {"Result": done["Result"] | {"ResultType": 1}}
    payment = _named("c2b/confirmation-v1-hashed")
    for path, bodies in (
        ("stk", [bare, paid, bare, paid]),
        ("b2c/result", [waits, done, done]),
        ("c2b/confirmation", [payment, payment | {"TransAmount": "90000.00"}, payment]),
    ):
        before = doors.traces().rows["inbox"]
        for body in bodies:
            assert tell(doors, path, body).get_json()["ResultCode"] == 0
        assert doors.traces().rows["inbox"] == before + 2, path


STRANGE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"Internal error",
    "half of it": b'{"Body": {"stkCallback": {"Merchant',
    "a list": b"[1, 2]",
    "another object": b'{"hello": "world"}',
    "too deep": b'{"Body":' * 40 + b"1" + b"}" * 40,
    "brackets without end": b"[" * 9_000,
    "no UTF-8": b'{"TransID": "\xff\xfe"}',
    "NUL": b'{"TransID": "\x00"}',
    "NUL in disguise": b'{"TransID": "\\u0000"}',
    "a lone surrogate": b'{"TransID": "\\ud800"}',
    "a form": b"TransID=UKK51ZDR4F&TransAmount=5",
    "a key said twice": b'{"TransID": "UKK1", "TransID": "UKK2"}',
    "infinity": b'{"TransAmount": Infinity}',
    "a great number": b'{"TransAmount": 1' + b"0" * 5_000 + b"}",
}


def test_an_unknown_shape_is_kept_for_people_and_counted(
    doors: Doors, subtests: pytest.Subtests
) -> None:
    paths = ("stk", "c2b/confirmation", *(f"{what}/result" for what in RESULTS))
    for name, body in STRANGE.items():
        for path in paths:
            with subtests.test(name, path=path):
                before = doors.traces().rows["inbox"]
                for _ in range(2):
                    answer = tell(doors, path, body)
                    assert (answer.status_code, answer.get_json()["ResultCode"]) == (200, 0)
                assert doors.traces().rows["inbox"] == before + 1
                kind, key, text = kept(doors.engine)[-1]
                assert kind == "mpesa_unknown"
                assert key.endswith(f":{hashlib.sha256(body).hexdigest()}")
                assert len(text) >= len(body.strip(b"\xff\xfe\x00"))
    counted = doors.app.metrics.exposition().decode()
    assert (
        f'kabambe_mpesa_total{{event="unknown_shape"}} {2 * len(STRANGE) * len(paths)}.0' in counted
    )
    assert "unexpected" not in doors.logged.getvalue()


def test_a_time_out_may_be_any_json(doors: Doors) -> None:
    tell(doors, "b2c/timeout", b'{"anything": {"ConversationID": "AG_1"}}')
    tell(doors, "b2c/timeout", b'{"anything": "else"}')
    kinds = [(kind, key.rpartition(":")[0]) for kind, key, _ in kept(doors.engine)]
    assert kinds == [("mpesa_b2c_timeout", "|AG_1"), ("mpesa_b2c_timeout", "|")]


def test_a_content_type_is_not_asked_for(doors: Doors) -> None:
    for kind in ("", "text/plain", "application/json; charset=utf-8", "application/xml"):
        assert tell(doors, "c2b/confirmation", PAID, kind=kind).status_code == 200
    ((kind, key, _),) = kept(doors.engine)
    assert (kind, key.partition(":")[0]) == ("mpesa_c2b", "UKK51ZDR4F")


def test_more_than_a_message_is_not_read(doors: Doors) -> None:
    for path in ("stk", "c2b/confirmation", "c2b/validation", "b2b/timeout"):
        before, counted = doors.traces(), doors.rejected()
        assert tell(doors, path, b'"' + b"x" * 99_000 + b'"').status_code == 413
        assert doors.traces() == before
        assert doors.rejected() == counted + 1


def test_only_allowed_addresses_are_heard(doors: Doors) -> None:
    networks = (ipaddress.ip_network("196.201.214.0/24"), ipaddress.ip_network("196.201.213.44"))
    settings = replace(doors.app.settings, daraja_allowed_addresses=networks)
    doors.client = create_app(replace(doors.app, settings=settings)).test_client()
    nowhere = doors.client.post("/nowhere")
    for address, status in (
        ("196.201.214.206", 200),
        ("196.201.213.44", 200),
        ("::ffff:196.201.214.206", 200),
        ("196.201.213.45", 404),
        ("::1", 404),
        ("", 404),
    ):
        answer = tell(doors, "stk", b"{}", environ_overrides={"REMOTE_ADDR": address})
        assert answer.status_code == status, address
        assert status == 200 or answer.get_data() == nowhere.get_data()


def test_behind_proxies_it_is_whom_the_outermost_heard(doors: Doors) -> None:
    networks = (ipaddress.ip_network("196.201.214.0/24"),)
    known = replace(doors.app.settings, daraja_allowed_addresses=networks)
    for proxies, forwarded, status in (
        (0, "196.201.214.206", 404),
        (1, "196.201.214.206", 200),
        (1, "196.201.214.206, 10.0.0.9", 404),
        (2, "196.201.214.206, 10.0.0.9", 200),
        (2, "196.201.214.206", 404),
        (1, "6.6.6.6, 196.201.214.206", 200),
        (1, "196.201.214.206, 6.6.6.6", 404),
        (1, "", 404),
        (1, "nobody", 404),
    ):
        settings = replace(known, trusted_proxies=proxies)
        doors.client = create_app(replace(doors.app, settings=settings)).test_client()
        answer = tell(
            *(doors, "stk", b"{}"),
            environ_overrides={"REMOTE_ADDR": "10.0.0.8"},
            headers={"X-Forwarded-For": forwarded},
        )
        assert answer.status_code == status, (proxies, forwarded)


def test_doors_under_a_secret_of_their_own(secret_doors: Doors) -> None:
    own = "a-secret-of-safaricoms-0001"
    settings = replace(secret_doors.app.settings, daraja_callback_secret=own)
    secret_doors.client = create_app(replace(secret_doors.app, settings=settings)).test_client()
    assert tell(secret_doors, f"{own}/stk", b"{}").status_code == 200
    assert tell(secret_doors, f"{SECRET}/stk", b"{}").status_code == 404
    assert tell(secret_doors, "stk", b"{}").status_code == 404


def test_there_are_no_doors_without_daraja(doors: Doors) -> None:
    settings = replace(doors.app.settings, daraja_url=None)
    doors.client = create_app(replace(doors.app, settings=settings)).test_client()
    assert tell(doors, "stk", b"{}").status_code == 404


# validation


@pytest.fixture
def shops(doors: Doors) -> Doors:
    plant(doors.app.bank.desk, [JUMA])
    return doors


def judged(doors: Doors, **changes: Any) -> str:
    answer = tell(doors, "c2b/validation", {**ASKED, **changes})
    said = answer.get_json()
    assert answer.status_code == 200
    assert said["ResultDesc"] == ("Accepted" if said["ResultCode"] == "0" else "Rejected")
    return str(said["ResultCode"])


@pytest.mark.parametrize(
    "typed",
    [
        "0712000001",
        "254712000001",
        "+254712000001",
        "712000001",
        "0712 000 001",
        "0712-000-001",
        "O7120OOOO1",
        "*0712000001#",
        "acc 0712000001",
        "520001",
        "till 520001",
        "520001 juma",
        "880011 acc12",
        "880011-INV17",
        "880011#ACC12",
    ],
)
def test_account_numbers_as_people_type_them(shops: Doors, typed: str) -> None:
    assert judged(shops, BillRefNumber=typed) == "0"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"MSISDN": "not a number"}, "C2B00011"),
        ({"BillRefNumber": "0799000999"}, "C2B00012"),
        ({"BillRefNumber": ""}, "C2B00012"),
        ({"BillRefNumber": "KBM0001"}, "C2B00012"),
        ({"BillRefNumber": "880011"}, "C2B00012"),
        ({"BillRefNumber": "880012 ACC12"}, "C2B00012"),
        ({"TransAmount": "0.50"}, "C2B00013"),
        ({"TransAmount": "250001"}, "C2B00013"),
        ({"BusinessShortCode": "600984"}, "C2B00015"),
        ({"TransAmount": "many"}, "C2B00016"),
        ({"TransID": ""}, "C2B00016"),
    ],
)
def test_what_is_not_taken(shops: Doors, changes: Mapping[str, str], code: str) -> None:
    assert judged(shops, **changes) == code
    assert kept(shops.engine) == [], "nothing has moved, and nothing is kept"


def test_a_payer_in_any_form_is_somebody(shops: Doors) -> None:
    for payer in ("2547 ***** 126", "25470****149", "254712000001", "0" * 64, "", None):
        assert judged(shops, MSISDN=payer) == "0"


def test_an_account_on_hold_and_one_that_is_full(shops: Doors) -> None:
    with shops.engine.begin() as connection:
        for change, msisdn in (("status = 'frozen'", JUMA.msisdn), ("tier = 1", ASHA.msisdn)):
            connection.exec_driver_sql(
                f"UPDATE parties SET {change} WHERE msisdn = %s",
                (msisdn,),
            )
    assert judged(shops, BillRefNumber="520001") == "C2B00014"
    most = shops.app.catalogue.tiers[1].balance_minor
    assert judged(shops, TransAmount=str(most // 100)) == "C2B00013"


def test_a_payment_that_cannot_be_judged_is_refused(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors.app.engine.dispose()
    with doors.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE parties RENAME TO people")
    assert judged(doors) == "C2B00016"


def test_a_database_that_hangs_is_not_waited_for(
    shops: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One budget for all that judging asks and waits for, however many are judged."""
    monkeypatch.setattr(daraja, "PATIENCE_S", 0.4)

    def timed(_: int) -> tuple[str, float]:
        began = time.monotonic()
        code = judged(shops, BillRefNumber="880011 ACC12")
        return code, time.monotonic() - began

    with shops.engine.begin() as holding:
        holding.exec_driver_sql("LOCK TABLE agreements IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(3 * daraja.JUDGES) as callers:
            found = list(callers.map(timed, range(3 * daraja.JUDGES)))
    assert {code for code, _ in found} == {"C2B00016"}
    assert max(took_s for _, took_s in found) < 2
    monkeypatch.setattr(daraja, "PATIENCE_S", 30.0)
    assert judged(shops, BillRefNumber="880011 ACC12") == "0"


def test_doors_stand_under_the_secret_and_nowhere_else(secret_doors: Doors) -> None:
    nowhere = secret_doors.client.post("/nowhere")
    for path in ("stk", "c2b/confirmation", "c2b/validation", "status/result", "balance/timeout"):
        for wrong in (path, f"wrong/{path}", f"{SECRET}x/{path}", f"{SECRET}/{path}/",
                      f"{SECRET.upper()}/{path}"):  # fmt: skip
            answer = tell(secret_doors, wrong, b"{}")
            assert answer.status_code == 404
            assert answer.get_data() == nowhere.get_data()
        assert tell(secret_doors, f"{SECRET}/{path}", b"{}").status_code == 200
        refused = secret_doors.client.get(f"/daraja/{SECRET}/{path}")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert SECRET not in secret_doors.logged.getvalue()
