"""Money in from Safaricom: prompts and how they end, payments from M-PESA's own menu."""

import json

import pytest

from simulator.safaricom.books import Order
from simulator.safaricom.faults import WORDS
from simulator.safaricom.lipa import pay
from simulator.safaricom.model import PIN
from tests.simulator.daraja_client import ASHA, HOME, SHORTCODE, Developer


def test_a_prompt_paid(shop: Developer) -> None:
    shop.ask("push")
    assert (
        shop.prompt().text == "Pay Ksh500.00 to BIASHARA 600984 account ORDER1?\nEnter M-PESA PIN:"
    )
    said = shop.prompts.enter(shop.prompt(), PIN)
    shop.safaricom.flush()
    shop.settle()
    assert "Confirmed. Ksh500.00 sent to BIASHARA 600984 for account ORDER1" in said
    assert shop.stk()["ResultCode"] == 0
    assert shop.prompts.on(ASHA) is None
    books = shop.safaricom.books
    assert (books.balance(ASHA), books.balance(SHORTCODE)) == (4_500_00, 10_500_00)


def test_a_payment_from_a_prompt_is_confirmed_too_where_urls_are(shop: Developer) -> None:
    shop.ask("register")
    shop.ask("push")
    shop.prompts.enter(shop.prompt(), PIN)
    shop.safaricom.flush()
    shop.settle()
    [told] = shop.listener.of("/confirmation")
    items = shop.stk()["CallbackMetadata"]
    assert told["TransID"] in json.dumps(items)
    assert (told["BillRefNumber"], told["MSISDN"]) == ("ORDER1", "2547 ***** 001")
    assert told["OrgAccountBalance"] == "10500.00"
    assert shop.listener.of("/validation") == []


def ways(shop: Developer, how: str) -> None:
    match how:
        case "wrong PIN":
            shop.prompts.enter(shop.prompt(), "1111")
        case "cancelled":
            shop.prompts.cancel(shop.prompt())
        case "ignored":
            shop.prompts.ignore(shop.prompt())
        case "left alone":
            shop.passes(61)
        case "poor":
            shop.safaricom.books.put(ASHA, 499_99)
            shop.prompts.enter(shop.prompt(), PIN)
    shop.safaricom.flush()
    shop.settle()


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("wrong PIN", 2001),
        ("cancelled", 1032),
        ("ignored", 1037),
        ("left alone", 1019),
        ("poor", 1),
    ],
)
def test_a_prompt_that_comes_to_nothing(shop: Developer, how: str, code: int) -> None:
    shop.ask("push")
    checkout = shop.prompt().checkout
    pending = [shop.ask("push query", CheckoutRequestID=checkout).get_json() for _ in range(2)]
    assert {each.get("ResultCode") or each["errorCode"] for each in pending} == {
        "4999",
        "500.001.1001",
    }
    ways(shop, how)
    assert shop.stk()["ResultCode"] == code
    assert "CallbackMetadata" not in shop.stk()
    said = shop.ask("push query", CheckoutRequestID=checkout).get_json()
    assert said["ResultCode"] == str(code)
    assert shop.safaricom.books.balance(SHORTCODE) == 10_000_00


def test_a_phone_that_is_off_or_asked_already_or_asked_again_too_soon(shop: Developer) -> None:
    shop.safaricom.customer(ASHA).reachable = False
    shop.ask("push")
    shop.settle()
    assert shop.stk()["ResultDesc"] == "DS timeout user cannot be reached"
    shop.safaricom.customer(ASHA).reachable = True
    shop.ask("push")
    shop.ask("push", Amount=600)
    shop.settle()
    assert shop.stk()["ResultCode"] == 1001
    shop.prompts.enter(shop.prompt(), PIN)
    shop.ask("push")
    assert "2 minutes" in shop.prompts.enter(shop.prompt(), PIN)
    shop.safaricom.flush()
    shop.settle()
    assert shop.stk()["ResultCode"] == 17
    shop.clock.advance(seconds=121)
    shop.ask("push")
    assert "Confirmed" in shop.prompts.enter(shop.prompt(), PIN)


def test_a_prompt_ends_once(shop: Developer) -> None:
    shop.ask("push")
    shown = shop.prompt()
    assert "Confirmed" in shop.prompts.enter(shown, PIN)
    assert "expired" in shop.prompts.enter(shown, PIN)
    shop.prompts.cancel(shown)
    shop.safaricom.flush()
    shop.passes(61)
    assert len(shop.listener.of("/stk")) == 1
    assert shop.stk()["ResultCode"] == 0
    assert shop.safaricom.books.balance(ASHA) == 4_500_00


def test_three_wrong_pins_block_m_pesa(shop: Developer) -> None:
    codes = []
    for pin in ("1111", "1111", "1111", PIN):
        shop.ask("push")
        shop.prompts.enter(shop.prompt(), pin)
        shop.safaricom.flush()
        shop.settle()
        codes.append(shop.stk()["ResultCode"])
    assert codes == [2001, 2001, 8006, 8006]


def test_the_wrong_party_is_not_permitted(shop: Developer) -> None:
    shop.ask("push", PartyB="600000")
    shop.settle()
    assert shop.stk()["ResultCode"] == 2028


def test_the_business_is_asked_first_and_told_after(shop: Developer) -> None:
    shop.ask("register")
    said = {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "ours-1"}
    shop.listener.answers[f"{HOME}/validation"] = said
    assert "Confirmed. Ksh250.00 sent to BIASHARA 600984 for account A 1" in shop.sells()
    [asked], [told] = shop.listener.of("/validation"), shop.listener.of("/confirmation")
    assert (asked["OrgAccountBalance"], asked["ThirdPartyTransID"]) == ("", "")
    assert (told["OrgAccountBalance"], told["ThirdPartyTransID"]) == ("10250.00", "ours-1")
    assert asked["TransID"] == told["TransID"]


def test_the_business_may_say_no_and_nothing_moves(shop: Developer) -> None:
    shop.ask("register")
    shop.listener.answers[f"{HOME}/validation"] = {"ResultCode": "C2B00012", "ResultDesc": "x"}
    assert shop.sells() == (
        "Failed. BIASHARA 600984 does not know that account. No money has left your account."
    )
    assert shop.safaricom.books.balance(ASHA) == 5_000_00
    assert shop.listener.of("/confirmation") == []


@pytest.mark.parametrize(("kind", "paid"), [("Completed", True), ("Cancelled", False)])
def test_a_business_that_does_not_answer_has_said_before_what_then(
    shop: Developer, kind: str, paid: bool
) -> None:
    shop.ask("register", ResponseType=kind)
    shop.listener.answers[f"{HOME}/validation"] = None
    assert ("Confirmed" in shop.sells()) is paid


def test_urls_may_be_registered_again_but_not_as_in_production(shop: Developer) -> None:
    assert [shop.ask("register").status_code for _ in range(2)] == [200, 200]
    shop.safaricom.faults = WORDS["registers URLs once"]
    answer = shop.ask("register")
    assert answer.get_json()["errorMessage"] == "Urls are already registered."
    assert "at the portal first" in shop.wrong


def test_what_m_pesa_refuses_by_itself(shop: Developer) -> None:
    books = shop.safaricom.books
    assert "do not have enough" in shop.sells(amount_minor=5_001_00)
    books.put(ASHA, 2_000_000_00)
    assert "maximum transaction" in shop.sells(amount_minor=250_001_00)
    assert "Confirmed" in shop.sells(amount_minor=250_000_00)
    assert "Confirmed" in shop.sells(amount_minor=250_000_00)
    assert "daily transfer limit" in shop.sells(amount_minor=1_00)
    order = Order(ASHA, SHORTCODE, 1_00, "A")
    assert "wrong PIN" in pay(shop.safaricom, order, "1")
    assert "wrong PIN" in pay(shop.safaricom, order, "1")
    assert "blocked" in pay(shop.safaricom, order, "1")
    assert "blocked" in pay(shop.safaricom, order, PIN)
