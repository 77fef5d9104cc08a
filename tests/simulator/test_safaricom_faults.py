"""Every way in which Safaricom misbehaves."""

import json

import pytest

from simulator.outside import NAMES, safaricom_is
from simulator.safaricom.faults import WORDS, Faults, read
from tests.simulator.daraja_client import Developer


def test_silent(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["is silent"]
    assert shop.ask("b2c").status_code == 200
    shop.passes(3_600)
    assert (shop.listener.heard, shop.paid_out) == ([], True)


def test_late_and_twice_and_backwards(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["answers late"]
    shop.ask("b2c")
    shop.settle()
    assert shop.listener.heard == []
    shop.passes(61)
    assert len(shop.listener.heard) == 1
    shop.safaricom.faults = WORDS["says everything twice"]
    shop.ask("balance")
    shop.settle()
    assert len(shop.listener.heard) == 3
    assert shop.listener.heard[-1] == shop.listener.heard[-2]
    shop.safaricom.faults = WORDS["says out of order"]
    first = shop.ask("balance").get_json()["ConversationID"]
    second = shop.ask("balance").get_json()["ConversationID"]
    shop.settle()
    said = [each["Result"]["ConversationID"] for each in shop.listener.of("/result")[-2:]]
    assert said == [second, first]


def test_the_result_before_the_answer(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["tells results before it answers"]
    shop.ask("b2c")
    assert len(shop.listener.of("/result")) == 1
    shop.ask("push")
    assert shop.stk()["ResultCode"] == 0


def test_timed_out_and_contradicting(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["says it timed out"]
    shop.ask("b2c")
    shop.settle()
    assert shop.listener.of("/timeout")[0]["Result"]["ResultType"] == 1
    assert shop.listener.of("/result") == []
    shop.passes(61)
    assert str(shop.result()["ResultCode"]) == "0"
    shop.safaricom.faults = WORDS["contradicts itself"]
    shop.ask("b2c", OriginatorConversationID="shop-2")
    shop.settle()
    assert str(shop.result()["ResultCode"]) == "17"
    shop.passes(61)
    assert str(shop.result()["ResultCode"]) == "0"


@pytest.mark.parametrize(
    ("how", "status", "done"),
    [
        ("answers 500", 500, False),
        ("answers 503", 503, False),
        ("answers 500 and yet does it", 500, True),
        ("throttles", 500, False),
        ("loses the answer", 500, True),
        ("loses the request", 500, False),
        ("refuses with 500.001.1001", 500, False),
        ("refuses with 2040", 200, False),
    ],
)
def test_sick(shop: Developer, how: str, status: int, done: bool) -> None:
    assert safaricom_is(shop.prompts, how)
    assert shop.ask("b2c").status_code == status
    shop.settle()
    assert shop.paid_out is done


def test_a_payout_that_takes_its_time_can_be_asked_about(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["takes its time"]
    shop.ask("b2c")
    for word in ("Initiated", "Completed"):
        shop.ask("status", OriginalConversationID="shop-1")
        shop.settle()
        rows = shop.result()["ResultParameters"]
        assert word in json.dumps(rows)
        shop.passes(61)
    assert shop.paid_out


def test_forgotten_tokens(shop: Developer) -> None:
    shop.ask("swap")
    assert safaricom_is(shop.prompts, "forgets its tokens")
    assert shop.ask("swap").get_json()["errorCode"] == "404.001.03"
    shop.new_token()
    assert shop.ask("swap").status_code == 200


def test_every_way_that_the_page_offers_is_one() -> None:
    assert all(read(how) is not None for how in NAMES["Safaricom"])
    assert read("works") == Faults()
    assert [read(how) for how in ("sulks", "answers 200", "refuses with 1.2")] == [None] * 3
