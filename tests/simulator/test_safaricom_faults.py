"""Every way in which Safaricom misbehaves."""

import json

import pytest

from simulator.outside import NAMES, aims, safaricom_is
from simulator.safaricom.faults import WORDS, Faults, read
from simulator.safaricom.model import PIN
from tests.simulator.daraja_client import HOME, Developer


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


def test_one_call_alone_goes_wrong(shop: Developer) -> None:
    assert safaricom_is(shop.prompts, "answers 503 on b2c")
    for _ in range(3):
        assert shop.ask("b2c").status_code == 503
    assert shop.ask("balance").status_code == 200
    assert safaricom_is(shop.prompts, "works on b2c")
    assert shop.ask("b2c").status_code == 200


@pytest.mark.parametrize(("words", "times"), [("once", 1), ("twice", 2), ("3 times", 3)])
def test_so_many_times(shop: Developer, words: str, times: int) -> None:
    assert safaricom_is(shop.prompts, f"throttles on balance {words}")
    said = [shop.ask("balance").status_code for _ in range(times + 2)]
    assert said == [500] * times + [200, 200]


def test_what_is_told_of_one_call_goes_wrong_whenever_it_is_told(shop: Developer) -> None:
    assert safaricom_is(shop.prompts, "is silent on stk push once")
    shop.ask("push")
    shop.ask("balance")
    shop.settle()
    assert [url for url, _ in shop.listener.heard] == [f"{HOME}/result"]
    shop.prompts.enter(shop.prompt(), PIN)
    shop.safaricom.flush()
    shop.settle()
    assert shop.listener.of("/stk") == []
    shop.passes(121)
    shop.ask("push")
    shop.prompts.enter(shop.prompt(), PIN)
    shop.safaricom.flush()
    shop.settle()
    assert shop.stk()["ResultCode"] == 0


def test_a_result_told_first_overtakes_no_other(shop: Developer) -> None:
    assert safaricom_is(shop.prompts, "tells results before it answers on b2c")
    shop.ask("balance")
    shop.ask("b2c")
    shop.settle()
    said = [each["Result"]["OriginatorConversationID"] for each in shop.listener.of("/result")]
    assert said[0] == "shop-1"
    assert len(said) == 2


def test_what_one_call_does_instead(shop: Developer) -> None:
    assert safaricom_is(shop.prompts, "refuses with 2040 on b2c once")
    shop.ask("b2c")
    shop.settle()
    assert str(shop.result()["ResultCode"]) == "2040"
    assert safaricom_is(shop.prompts, "takes its time on b2c once")
    shop.ask("b2c", OriginatorConversationID="shop-2")
    before = shop.paid_out
    shop.passes(61)
    assert (before, shop.paid_out) == (False, True)
    assert safaricom_is(shop.prompts, "refuses with 1037 on stk push")
    shop.ask("push")
    shop.settle()
    assert shop.stk()["ResultCode"] == 1037
    assert safaricom_is(shop.prompts, "registers URLs once on c2b register")
    assert [shop.ask("register").status_code for _ in range(2)] == [200, 500]


def test_one_call_alone_while_all_are_sick(shop: Developer) -> None:
    assert safaricom_is(shop.prompts, "is silent")
    assert safaricom_is(shop.prompts, "says everything twice on balance")
    shop.ask("balance")
    shop.ask("b2c")
    shop.settle()
    assert len(shop.listener.heard) == 2
    assert safaricom_is(shop.prompts, "works")
    shop.ask("balance")
    shop.settle()
    assert len(shop.listener.heard) == 3


def test_a_confirmation_alone_is_not_told(shop: Developer) -> None:
    shop.ask("register")
    assert safaricom_is(shop.prompts, "is silent on c2b confirmation once")
    shop.sells(amount_minor=100_00)
    assert shop.listener.of("/confirmation") == []
    shop.sells(amount_minor=200_00)
    assert len(shop.listener.of("/confirmation")) == 1


def test_tokens_of_one_call_and_tokens_themselves(shop: Developer) -> None:
    shop.new_token()
    assert safaricom_is(shop.prompts, "forgets its tokens on b2c once")
    assert shop.ask("balance").status_code == 200
    assert shop.ask("b2c").get_json()["errorCode"] == "404.001.03"
    shop.new_token()
    assert shop.ask("b2c", OriginatorConversationID="shop-2").status_code == 200
    assert safaricom_is(shop.prompts, "answers 503 on token once")
    with pytest.raises(KeyError, match="access_token"):
        shop.new_token()
    assert shop.new_token()


@pytest.mark.parametrize(
    "how", ["sulks on b2c", "is silent on b2x", "is silent on b2c 0 times", "is silent on"]
)
def test_what_is_no_way_of_one_call(shop: Developer, how: str) -> None:
    assert not safaricom_is(shop.prompts, how)
    assert shop.safaricom.aims == {}


def test_the_page_hears_what_goes_wrong_alone(shop: Developer) -> None:
    for how in ("is silent on b2c", "answers 500 on balance twice", "throttles on b2b 3 times"):
        assert safaricom_is(shop.prompts, how)
    assert aims(shop.prompts) == {
        "b2c": "is silent on b2c",
        "balance": "answers 500 on balance twice",
        "b2b": "throttles on b2b 3 times",
    }
