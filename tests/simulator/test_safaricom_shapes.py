"""The simulator's Safaricom asks for what the fixtures of requests are, and says what those of
callbacks, results and answers are; the application's own readers understand all of it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from simulator.safaricom import checks, shapes
from simulator.safaricom.codes import Refused
from simulator.safaricom.faults import Faults
from simulator.safaricom.model import PIN
from tests.simulator.daraja_client import ASHA, DAWN, FIXTURES, HOME, SHORTCODE, Developer
from ussd_app.kernel import daraja

REQUESTS = {
    "stk/request-paybill.json": "stk push",
    "stk/request-till.json": "stk push",
    "stk/query-request.json": "stk query",
    "c2b/register-request.json": "c2b register",
    "c2b/simulate-request.json": "c2b simulate",
    "b2c/request-v1.json": "b2c v1",
    "b2c/request-v3.json": "b2c",
    "b2c/request-pochi.json": "b2pochi",
    "b2b/request-paybill.json": "b2b",
    "b2b/request-buygoods.json": "b2b",
    "b2b/request-topup.json": "b2b",
    "balance/request.json": "balance",
    "status/request-both-ids.json": "status",
    "status/request-by-conversation.json": "status",
    "status/request-by-receipt.json": "status",
    "reversal/request.json": "reversal",
    "pull/register-request.json": "pull register",
    "pull/query-request.json": "pull query",
    "sim-swap/request.json": "sim swap",
}
TOLD = sorted(
    path.relative_to(FIXTURES).as_posix()
    for pattern in (
        *("stk/callback-*", "c2b/confirmation-[pbtv]*", "c2b/validation-v*"),
        *("*/result-*", "b2c/timeout*"),
    )
    for path in FIXTURES.glob(pattern)
)
ANSWERS = {
    "push": "stk/response-accepted.json",
    "register": "c2b/register-response.json",
    "simulate": "c2b/simulate-response.json",
    "b2c": "b2c/response-accepted.json",
    "b2b": "b2b/response-accepted.json",
    "balance": "balance/response-accepted.json",
    "reversal": "reversal/response-accepted.json",
    "pull register": "pull/register-response.json",
    "pull": "pull/query-response.unverified.json",
    "swap": "sim-swap/response-not-swapped.json",
}


def fixture(name: str) -> dict[str, object]:
    said: dict[str, object] = json.loads((FIXTURES / name).read_text())
    return said


def test_every_fixture_of_a_request_is_named_here() -> None:
    found = {path.relative_to(FIXTURES).as_posix() for path in FIXTURES.glob("*/*request*.json")}
    found -= {"b2b-express/request.json"}
    assert {name for name in found if "response" not in name} == set(REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_as_safaricom_wants_it_is_taken_without_a_word(name: str) -> None:
    assert checks.check(REQUESTS[name], fixture(name)) == []


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_without_one_of_its_fields_is_refused_and_the_field_named(name: str) -> None:
    api, whole = REQUESTS[name], fixture(name)
    needed = [field for field in checks.FIELDS[api] if field.needed]
    assert needed
    for field in needed:
        body = {key: value for key, value in whole.items() if key not in (field.name, field.also)}
        with pytest.raises(Refused) as refused:
            checks.check(api, body)
        assert refused.value.message == f"Bad Request - Invalid {field.blamed or field.name}"
        assert field.name in refused.value.why


@pytest.mark.parametrize("name", TOLD)
def test_the_shapes_are_those_of_the_fixtures(name: str) -> None:
    assert shapes.faults(fixture(name)) == []


@pytest.mark.parametrize(
    "message",
    [
        {"Result": {"ResultCode": 0}},
        {"Body": {"stkCallback": {"ResultCode": True}}},
        {"TransID": "short"},
        [],
    ],
)
def test_what_safaricom_would_not_say_is_found(message: object) -> None:
    assert shapes.faults(message)


@pytest.mark.parametrize("api", ANSWERS)
def test_an_answer_has_the_keys_of_its_fixture(api: str) -> None:
    shop = Developer()
    other = {"TransactionID": "UKK4X7PQ2M"} if api == "reversal" else {}
    answer = shop.ask(api, **other)
    assert answer.status_code == 200, shop.wrong
    like = fixture(ANSWERS[api])
    assert set(answer.get_json()) == set(like)
    assert {key: type(value) for key, value in answer.get_json().items()} == {
        key: type(value) for key, value in like.items()
    }


def everything(shop: Developer, turns: int) -> None:
    """Every message in all of its forms: the turn decides, so each is said many times."""
    shop.listener.answers[f"{HOME}/validation"] = {"ResultCode": "0", "ResultDesc": "Accepted"}
    shop.ask("register")
    for turn in range(turns):
        shop.safaricom.turn += turn % 3
        shop.safaricom.businesses[SHORTCODE].form = ("v1", "v2", "plain")[turn % 3]
        shop.ask("push", Amount=10 + turn, AccountReference=f"ORDER{turn}")
        prompt = shop.prompts.on(ASHA)
        assert prompt is not None
        if turn % 4 == 3:
            shop.prompts.cancel(prompt)
        else:
            shop.prompts.enter(prompt, PIN)
        shop.safaricom.flush()
        receipt = next(iter(shop.safaricom.books.to_business(SHORTCODE, DAWN))).receipt
        shop.ask("simulate")
        shop.ask("b2c", OriginatorConversationID=f"shop-{turn}", Amount="20")
        shop.ask("b2c", OriginatorConversationID=f"much-{turn}", Amount="200000")
        shop.ask("b2pochi", OriginatorConversationID=f"pochi-{turn}", Amount="5")
        shop.ask("b2b", Amount="10")
        shop.ask("b2b", Amount="99999999", Occassion="bill")
        shop.ask("balance")
        shop.ask("status", OriginalConversationID=f"shop-{turn}")
        shop.ask("status", TransactionID=receipt)
        shop.ask("status", TransactionID="UKK0000001")
        shop.ask("reversal", TransactionID=receipt, Amount="1")
        shop.ask("reversal", TransactionID=receipt, Amount="1")
        shop.settle()


def results(heard: Iterable[tuple[str, str]]) -> list[daraja.Result]:
    return [daraja.read_result(body) for url, body in heard if url.endswith("/result")]


def test_all_that_is_said_has_the_shapes_and_is_understood() -> None:
    shop = Developer()
    shop.safaricom.books.put(SHORTCODE, 100_000_00)
    everything(shop, 24)
    heard = shop.listener.heard
    assert [
        shapes.faults(json.loads(body)) for _, body in heard if shapes.faults(json.loads(body))
    ] == []
    assert [each.note for each in shop.safaricom.journal.exchanges if "unlike" in each.note] == []
    pushes = [daraja.read_stk(body) for url, body in heard if url.endswith("/stk")]
    assert {(push.paid, push.code) for push in pushes} == {(True, "0"), (False, "1032")}
    assert [push.amount_minor for push in pushes if push.paid][:3] == [10_00, 11_00, 12_00]
    told = [daraja.read_c2b(body) for url, body in heard if url.endswith("/confirmation")]
    assert {c2b.account for c2b in told} >= {"ORDER0", "ORDER2"}
    assert all(daraja.can_be(c2b.payer, f"+{ASHA}") for c2b in told)
    said = results(heard)
    moved = [daraja.moved(each) for each in said if each.done and each.receipt]
    assert {money.amount_minor for money in moved} == {20_00, 5_00, 10_00, 1_00}
    words = [each.parameters for each in said if "TransactionStatus" in each.parameters]
    assert len(words) == 48
    balances = [each for each in said if "AccountBalance" in each.parameters]
    assert all(daraja.balances_of(each) for each in balances)
    assert {each.code for each in said} == {"0", "1", "2032", "R000001"}


def test_results_come_in_every_form_of_the_document() -> None:
    shop = Developer()
    shop.safaricom.books.put(SHORTCODE, 100_000_00)
    everything(shop, 24)
    bodies = [json.loads(body)["Result"] for url, body in shop.listener.heard if "/result" in url]
    rows = [
        body["ResultParameters"]["ResultParameter"] for body in bodies if "ResultParameters" in body
    ]
    items = [body["ReferenceData"]["ReferenceItem"] for body in bodies]
    assert {type(body["ResultCode"]) for body in bodies} == {int, str}
    assert {type(each) for each in rows} == {list, dict}
    assert {type(each) for each in items} == {list, dict}
    assert any("Value" not in row for each in rows if isinstance(each, list) for row in each)
    assert any(" " in row["Key"] for each in rows if isinstance(each, list) for row in each)
    assert len({each[0]["Key"] for each in rows if isinstance(each, list)}) > 8
    failed = [body["TransactionID"] for body in bodies if str(body["ResultCode"]) == "1"]
    assert set(failed) == {"UKL0000000"}
    assert any("ResultParameters" not in body for body in bodies)


@pytest.mark.parametrize("told", ["after a time-out", "contradicting", "twice", "backwards"])
def test_what_is_said_oddly_is_said_in_the_same_shapes(told: str) -> None:
    shop = Developer()
    shop.safaricom.faults = Faults(told=told)
    shop.ask("b2c")
    shop.ask("push")
    prompt = shop.prompts.on(ASHA)
    assert prompt is not None
    shop.prompts.enter(prompt, PIN)
    shop.passes(61)
    assert len(shop.listener.heard) >= 2
    assert [shapes.faults(json.loads(body)) for _, body in shop.listener.heard] == [
        [] for _ in shop.listener.heard
    ]


def test_no_key_of_the_fixtures_is_left_out() -> None:
    names = {
        str(row["Key"]).replace(" ", "")
        for path in Path(FIXTURES).glob("*/result-*.json")
        for rows in [json.loads(path.read_text())["Result"].get("ResultParameters", {})]
        for row in (
            rows.get("ResultParameter", [])
            if isinstance(rows.get("ResultParameter", []), list)
            else [rows["ResultParameter"]]
        )
    }
    assert names <= shapes.PARAMETERS
