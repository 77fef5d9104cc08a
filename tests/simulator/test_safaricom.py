"""The simulator's Safaricom before somebody else's Daraja client: tokens, refusals said plainly,
prompts, payments, payouts, and every way of misbehaving.
"""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.outside import NAMES, safaricom_is
from simulator.safaricom.books import Order
from simulator.safaricom.collecting import SANDBOX
from simulator.safaricom.faults import WORDS, Faults, read
from simulator.safaricom.lipa import pay
from simulator.safaricom.memory import Memory
from simulator.safaricom.model import PIN, Safaricom
from simulator.safaricom.names import Names
from simulator.safaricom.prompts import Prompt
from tests.simulator.daraja_client import (
    ASHA,
    DAWN,
    HOME,
    PASSKEY,
    SHORTCODE,
    Developer,
    password,
    sealed,
)
from ussd_app.settings import DEVELOPMENT_PASSKEY, Settings

TOKEN = "/safaricom/oauth/v1/generate"


@pytest.fixture
def shop() -> Developer:
    return Developer()


def prompt(shop: Developer) -> Prompt:
    shown = shop.prompts.on(ASHA)
    assert shown is not None
    return shown


def callback(shop: Developer) -> dict[str, object]:
    said: dict[str, object] = shop.listener.of("/stk")[-1]["Body"]["stkCallback"]
    return said


def result(shop: Developer) -> dict[str, object]:
    said: dict[str, object] = shop.listener.of("/result")[-1]["Result"]
    return said


# tokens


def test_each_new_token_ends_the_one_before(shop: Developer) -> None:
    first = shop.new_token()
    assert len(first) == 28
    shop.new_token("another application")
    shop.token = first
    assert shop.ask("swap").status_code == 200
    shop.new_token()
    shop.token = first
    answer = shop.ask("swap")
    assert (answer.status_code, answer.get_json()["errorCode"]) == (404, "404.001.03")
    assert "each new one" in shop.wrong


def test_a_token_lasts_an_hour(shop: Developer) -> None:
    shop.ask("swap")
    shop.clock.advance(seconds=3_600)
    assert shop.ask("swap").get_json()["errorMessage"] == "Invalid Access Token"
    assert "3599 seconds" in shop.wrong


@pytest.mark.parametrize(
    ("url", "authorization", "code"),
    [
        (TOKEN, "", "400.008.01"),
        (TOKEN, "Bearer x", "400.008.01"),
        (f"{TOKEN}?grant_type=password", "Basic a2V5OnNlY3JldA==", "400.008.02"),
    ],
)
def test_how_a_token_is_asked_for(shop: Developer, url: str, authorization: str, code: str) -> None:
    answer = shop.http.get(url, headers={"Authorization": authorization})
    assert (answer.status_code, answer.get_json()["errorCode"]) == (400, code)


def test_another_environments_key_is_answered_with_nothing_at_all(shop: Developer) -> None:
    shop.safaricom.consumer_key = "ours"
    basic = base64.b64encode(b"theirs:secret").decode()
    url = f"{TOKEN}?grant_type=client_credentials"
    answer = shop.http.get(url, headers={"Authorization": f"Basic {basic}"})
    assert (answer.status_code, answer.data) == (400, b"")
    assert "sandbox key against production" in shop.wrong


# refusals, with the reason


def test_paths_verbs_and_bodies(shop: Developer) -> None:
    shop.new_token()
    headers = {"Authorization": f"Bearer {shop.token}"}
    push = "/safaricom/mpesa/stkpush/v1/processrequest"
    assert shop.http.post("/safaricom/mpesa/nothing", headers=headers).status_code == 404
    answer = shop.http.get(push, headers=headers)
    assert (answer.status_code, answer.get_json()["errorMessage"]) == (
        405,
        "GET Method Not Allowed",
    )
    answer = shop.http.post(push, headers=headers, data=shop.request("push"))
    assert answer.get_json()["errorMessage"] == "Bad Request - Invalid BusinessShortCode"
    assert "Content-Type must be application/json" in shop.wrong
    answer = shop.http.post(push, headers=headers | {"Content-Type": "application/json"}, data="{")
    assert answer.get_json()["errorCode"] == "400.002.05"
    assert shop.http.post(push, json={}).get_json()["errorCode"] == "404.001.04"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"Timestamp": "20261121090001"}, "another Timestamp"),
        ({"Password": "%%%"}, "no base64"),
        ({"Password": password("174379", PASSKEY, "20261121090000")}, "another BusinessShortCode"),
    ],
)
def test_a_password_that_does_not_fit(shop: Developer, other: dict[str, object], why: str) -> None:
    answer = shop.ask("push", **other)
    assert answer.get_json()["errorMessage"] == "[MerchantValidate] - Wrong credentials"
    assert (answer.status_code, answer.get_json()["errorCode"]) == (500, "500.001.1001")
    assert why in shop.wrong


def test_a_passkey_is_learnt_once(shop: Developer) -> None:
    shop.ask("push")
    answer = shop.ask("push", Password=password(SHORTCODE, "other", "20261121090000"))
    assert answer.get_json()["errorCode"] == "500.001.1001"
    assert "another passkey" in shop.wrong


def test_the_sandboxs_published_passkey_fits_beside_kabambes_own(shop: Developer) -> None:
    shop.safaricom.assume(Settings(), "http://127.0.0.1:9")
    for passkey, status in ((SANDBOX["174379"], 200), (DEVELOPMENT_PASSKEY, 200), ("x", 500)):
        answer = shop.ask(
            "push",
            BusinessShortCode="174379",
            PartyB="174379",
            Password=password("174379", passkey, "20261121090000"),
        )
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("api", "other", "blamed", "why"),
    [
        ("push", {"Amount": "10.50"}, "Amount", "whole number"),
        ("push", {"PhoneNumber": "0712000001"}, "PhoneNumber", "write 254712000001"),
        ("push", {"CallBackURL": "shop.example"}, "CallBackURL", "must be a URL"),
        ("push", {"TransactionDesc": None}, "Remarks", "TransactionDesc is missing"),
        ("push", {"AccountReference": "A" * 13}, "AccountReference", "12 is the most"),
        (
            "push",
            {"BusinessShortCode": None, "BusinessShortcode": SHORTCODE},
            "BusinessShortCode",
            "there is BusinessShortcode, which is not its name",
        ),
        ("register", {"ResponseType": "completed"}, "ResponseType", "Completed or Cancelled"),
        ("register", {"ValidationURL": f"{HOME}/query"}, "ValidationURL", "'query' in it"),
        ("b2c", {"OriginatorConversationID": None}, "OriginatorConversationID", "missing"),
        ("b2b", {"RecieverIdentifierType": "9"}, "RecieverIdentifierType", "4 or 2 or 1"),
        ("status", {}, "TransactionID", "one of TransactionID and Original"),
    ],
)
def test_a_bad_request_is_refused_as_safaricom_does_and_explained(
    shop: Developer, api: str, other: dict[str, object], blamed: str, why: str
) -> None:
    answer = shop.ask(api, **other)
    assert answer.status_code == 400
    assert answer.get_json()["errorMessage"] == f"Bad Request - Invalid {blamed}"
    assert why in shop.wrong


def test_what_is_odd_and_yet_taken_is_noted(shop: Developer) -> None:
    shop.ask("push", CallbackURL=f"{HOME}/stk")
    assert shop.note == "CallbackURL is no field of this request"


def test_no_secret_is_written_down(shop: Developer) -> None:
    shop.ask("push")
    shop.ask("b2c")
    written = json.dumps([each.__dict__ for each in shop.safaricom.journal.exchanges], default=str)
    assert "SecurityCredential" in written
    for secret in (shop.token, shop.request("push")["Password"], "shop#1"):
        assert str(secret) not in written


# prompts


def test_a_prompt_paid(shop: Developer) -> None:
    shop.ask("push")
    assert (
        prompt(shop).text == "Pay Ksh500.00 to BIASHARA 600984 account ORDER1?\nEnter M-PESA PIN:"
    )
    said = shop.prompts.enter(prompt(shop), PIN)
    shop.safaricom.flush()
    shop.settle()
    assert "Confirmed. Ksh500.00 sent to BIASHARA 600984 for account ORDER1" in said
    assert callback(shop)["ResultCode"] == 0
    assert shop.prompts.on(ASHA) is None
    books = shop.safaricom.books
    assert (books.balance(ASHA), books.balance(SHORTCODE)) == (4_500_00, 10_500_00)


def test_a_payment_from_a_prompt_is_confirmed_too_where_urls_are(shop: Developer) -> None:
    shop.ask("register")
    shop.ask("push")
    shop.prompts.enter(prompt(shop), PIN)
    shop.safaricom.flush()
    shop.settle()
    [told] = shop.listener.of("/confirmation")
    items = callback(shop)["CallbackMetadata"]
    assert told["TransID"] in json.dumps(items)
    assert (told["BillRefNumber"], told["MSISDN"]) == ("ORDER1", "2547 ***** 001")
    assert told["OrgAccountBalance"] == "10500.00"
    assert shop.listener.of("/validation") == []


def ways(shop: Developer, how: str) -> None:
    match how:
        case "wrong PIN":
            shop.prompts.enter(prompt(shop), "1111")
        case "cancelled":
            shop.prompts.cancel(prompt(shop))
        case "ignored":
            shop.prompts.ignore(prompt(shop))
        case "left alone":
            shop.passes(61)
        case "poor":
            shop.safaricom.books.put(ASHA, 499_99)
            shop.prompts.enter(prompt(shop), PIN)
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
    checkout = prompt(shop).checkout
    pending = [shop.ask("push query", CheckoutRequestID=checkout).get_json() for _ in range(2)]
    assert {each.get("ResultCode") or each["errorCode"] for each in pending} == {
        "4999",
        "500.001.1001",
    }
    ways(shop, how)
    assert callback(shop)["ResultCode"] == code
    assert "CallbackMetadata" not in callback(shop)
    said = shop.ask("push query", CheckoutRequestID=checkout).get_json()
    assert said["ResultCode"] == str(code)
    assert shop.safaricom.books.balance(SHORTCODE) == 10_000_00


def test_a_phone_that_is_off_or_asked_already_or_asked_again_too_soon(shop: Developer) -> None:
    shop.safaricom.customer(ASHA).reachable = False
    shop.ask("push")
    shop.settle()
    assert callback(shop)["ResultDesc"] == "DS timeout user cannot be reached"
    shop.safaricom.customer(ASHA).reachable = True
    shop.ask("push")
    shop.ask("push", Amount=600)
    shop.settle()
    assert callback(shop)["ResultCode"] == 1001
    shop.prompts.enter(prompt(shop), PIN)
    shop.ask("push")
    assert "2 minutes" in shop.prompts.enter(prompt(shop), PIN)
    shop.safaricom.flush()
    shop.settle()
    assert callback(shop)["ResultCode"] == 17
    shop.clock.advance(seconds=121)
    shop.ask("push")
    assert "Confirmed" in shop.prompts.enter(prompt(shop), PIN)


def test_three_wrong_pins_block_m_pesa(shop: Developer) -> None:
    codes = []
    for pin in ("1111", "1111", "1111", PIN):
        shop.ask("push")
        shop.prompts.enter(prompt(shop), pin)
        shop.safaricom.flush()
        shop.settle()
        codes.append(callback(shop)["ResultCode"])
    assert codes == [2001, 2001, 8006, 8006]


def test_the_wrong_party_is_not_permitted(shop: Developer) -> None:
    shop.ask("push", PartyB="600000")
    shop.settle()
    assert callback(shop)["ResultCode"] == 2028


# C2B


def buys(shop: Developer, account: str = "A 1", amount_minor: int = 250_00) -> str:
    said = pay(shop.safaricom, Order(ASHA, SHORTCODE, amount_minor, account), PIN)
    shop.settle()
    return said


def test_the_business_is_asked_first_and_told_after(shop: Developer) -> None:
    shop.ask("register")
    said = {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "ours-1"}
    shop.listener.answers[f"{HOME}/validation"] = said
    assert "Confirmed. Ksh250.00 sent to BIASHARA 600984 for account A 1" in buys(shop)
    [asked], [told] = shop.listener.of("/validation"), shop.listener.of("/confirmation")
    assert (asked["OrgAccountBalance"], asked["ThirdPartyTransID"]) == ("", "")
    assert (told["OrgAccountBalance"], told["ThirdPartyTransID"]) == ("10250.00", "ours-1")
    assert asked["TransID"] == told["TransID"]


def test_the_business_may_say_no_and_nothing_moves(shop: Developer) -> None:
    shop.ask("register")
    shop.listener.answers[f"{HOME}/validation"] = {"ResultCode": "C2B00012", "ResultDesc": "x"}
    assert buys(shop) == (
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
    assert ("Confirmed" in buys(shop)) is paid


def test_urls_may_be_registered_again_but_not_as_in_production(shop: Developer) -> None:
    assert [shop.ask("register").status_code for _ in range(2)] == [200, 200]
    shop.safaricom.faults = WORDS["registers URLs once"]
    answer = shop.ask("register")
    assert answer.get_json()["errorMessage"] == "Urls are already registered."
    assert "at the portal first" in shop.wrong


def test_what_m_pesa_refuses_by_itself(shop: Developer) -> None:
    books = shop.safaricom.books
    assert "do not have enough" in buys(shop, amount_minor=5_001_00)
    books.put(ASHA, 2_000_000_00)
    assert "maximum transaction" in buys(shop, amount_minor=250_001_00)
    assert "Confirmed" in buys(shop, amount_minor=250_000_00)
    assert "Confirmed" in buys(shop, amount_minor=250_000_00)
    assert "daily transfer limit" in buys(shop, amount_minor=1_00)
    order = Order(ASHA, SHORTCODE, 1_00, "A")
    assert "wrong PIN" in pay(shop.safaricom, order, "1")
    assert "wrong PIN" in pay(shop.safaricom, order, "1")
    assert "blocked" in pay(shop.safaricom, order, "1")
    assert "blocked" in pay(shop.safaricom, order, PIN)


# payouts


def test_a_payout_and_its_id_used_again(shop: Developer) -> None:
    answer = shop.ask("b2c").get_json()
    assert answer["OriginatorConversationID"] == "shop-1"
    shop.settle()
    assert result(shop)["ConversationID"] == answer["ConversationID"]
    assert shop.safaricom.books.balance(ASHA) == 6_000_00
    again = shop.ask("b2c")
    assert again.get_json()["errorMessage"] == "Duplicate OriginatorConversationID."
    assert again.status_code == 500
    assert "shop-1 was asked for before" in shop.wrong
    assert shop.safaricom.books.balance(ASHA) == 6_000_00
    assert shop.safaricom.customer(ASHA).messages[-1].endswith("New M-PESA balance is Ksh6,000.00.")


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"Amount": "10001"}, "1"),
        ({"PartyB": "254733000003"}, "2040"),
        ({"SecurityCredential": "bm8="}, "2001"),
    ],
)
def test_a_payout_that_fails_is_a_result_and_no_error(
    shop: Developer, other: dict[str, object], code: str
) -> None:
    assert shop.ask("b2c", **other).status_code == 200
    shop.settle()
    assert str(result(shop)["ResultCode"]) == code
    assert result(shop)["TransactionID"] == "UKL0000000"
    assert shop.safaricom.books.balance(SHORTCODE) == 10_000_00


def test_the_initiator_is_learnt_once(shop: Developer) -> None:
    shop.ask("balance")
    shop.ask("balance", SecurityCredential=sealed("another"))
    assert "another password" in shop.note
    shop.settle()
    assert str(result(shop)["ResultCode"]) == "2001"
    assert "certificate.pem" in _noted(shop, "bm8=")
    with shop.http.get("/safaricom/certificate.pem") as pem:
        assert pem.data.startswith(b"-----BEGIN CERTIFICATE")


def _noted(shop: Developer, credential: str) -> str:
    shop.ask("balance", SecurityCredential=credential)
    return shop.note


def test_a_reversal_gives_back_what_came_and_once(shop: Developer) -> None:
    receipt = buys(shop, amount_minor=500_00).split()[0]
    for code in ("0", "R000001"):
        shop.ask("reversal", TransactionID=receipt)
        shop.settle()
        assert str(result(shop)["ResultCode"]) == code
    shop.ask("reversal", TransactionID="UKK4X7PQ2M")
    shop.settle()
    assert str(result(shop)["ResultCode"]) == "R000002"
    assert shop.safaricom.books.balance(ASHA) == 5_000_00


def test_payments_that_came_can_be_pulled(shop: Developer) -> None:
    assert shop.ask("pull").get_json()["ResponseCode"] == "1001"
    receipt = buys(shop).split()[0]
    [[row]] = shop.ask("pull").get_json()["Response"]
    assert (row["transactionId"], row["billreference"], row["amount"]) == (receipt, "A 1", "250.00")
    assert (row["trxDate"], row["msisdn"]) == ("2026-11-21T06:00:00Z", 712000001)
    shop.clock.advance(seconds=49 * 3600)
    shop.new_token()
    assert shop.ask("pull").get_json()["Response"] == [[]]
    assert shop.ask("pull", EndDate="soon").status_code == 400


def test_when_a_sim_was_swapped(shop: Developer) -> None:
    assert shop.ask("swap").get_json()["lastSwapDate"] == "01-01-1900 00:00"
    shop.safaricom.customer(ASHA).swapped = DAWN
    assert shop.ask("swap").get_json()["lastSwapDate"] == "21-11-2026 09:00"


# misbehaving


def paid_out(shop: Developer) -> bool:
    return shop.safaricom.books.balance(ASHA) == 6_000_00


def test_silent(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["is silent"]
    assert shop.ask("b2c").status_code == 200
    shop.passes(3_600)
    assert (shop.listener.heard, paid_out(shop)) == ([], True)


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
    assert callback(shop)["ResultCode"] == 0


def test_timed_out_and_contradicting(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["says it timed out"]
    shop.ask("b2c")
    shop.settle()
    assert shop.listener.of("/timeout")[0]["Result"]["ResultType"] == 1
    assert shop.listener.of("/result") == []
    shop.passes(61)
    assert str(result(shop)["ResultCode"]) == "0"
    shop.safaricom.faults = WORDS["contradicts itself"]
    shop.ask("b2c", OriginatorConversationID="shop-2")
    shop.settle()
    assert str(result(shop)["ResultCode"]) == "17"
    shop.passes(61)
    assert str(result(shop)["ResultCode"]) == "0"


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
    assert paid_out(shop) is done


def test_a_payout_that_takes_its_time_can_be_asked_about(shop: Developer) -> None:
    shop.safaricom.faults = WORDS["takes its time"]
    shop.ask("b2c")
    for word in ("Initiated", "Completed"):
        shop.ask("status", OriginalConversationID="shop-1")
        shop.settle()
        rows = result(shop)["ResultParameters"]
        assert word in json.dumps(rows)
        shop.passes(61)
    assert paid_out(shop)


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


# names and memory


def test_receipts_tell_the_day_and_come_once() -> None:
    names = Names()
    receipts = [names.receipt(DAWN) for _ in range(2_000)]
    assert len(set(receipts)) == 2_000
    assert all(each.startswith("UKL") and len(each) == 10 for each in receipts)
    assert receipts[0] == Names().receipt(DAWN)


def test_the_books_outlive_a_run(shop: Developer, tmp_path: Path) -> None:
    buys(shop)
    shop.ask("b2c")
    Memory(shop.safaricom, tmp_path / "books.json").keep()
    after = Safaricom(shop.clock)
    Memory(after, tmp_path / "books.json").recall()
    assert after.books.balances == shop.safaricom.books.balances
    assert after.books.payments == shop.safaricom.books.payments
    assert after.books.asked["shop-1"].status == "Completed"
    (tmp_path / "torn.json").write_text("{")
    Memory(after, tmp_path / "torn.json").recall()


# the books, whatever happens

ACTS = st.sampled_from(("push", "wrong", "cancel", "menu", "b2c", "b2b", "give back", "a minute"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ACTS, st.integers(1, 4_000)), max_size=12), st.sampled_from([*WORDS]))
def test_money_is_neither_made_nor_lost_and_no_account_falls_below_nothing(
    acts: list[tuple[str, int]], how: str
) -> None:
    shop = Developer()
    books = shop.safaricom.books
    whole = sum(books.balances.values())
    shop.safaricom.faults = WORDS[how]
    for number, (act, amount) in enumerate(acts):
        _do(shop, act, amount, number)
        shop.settle()
        assert sum(books.balances.values()) == whole
        assert min(books.balances.values()) >= 0


def _do(shop: Developer, act: str, amount: int, number: int) -> None:
    match act:
        case "push" | "wrong" | "cancel":
            shop.ask("push", Amount=amount)
            shown = shop.prompts.on(ASHA)
            if shown is not None and act == "cancel":
                shop.prompts.cancel(shown)
            elif shown is not None:
                shop.prompts.enter(shown, PIN if act == "push" else "1")
            shop.safaricom.flush()
        case "menu":
            buys(shop, amount_minor=amount * 100)
        case "b2c":
            shop.ask("b2c", OriginatorConversationID=f"shop-{number}", Amount=str(amount))
        case "b2b":
            shop.ask("b2b", Amount=str(amount))
        case "give back":
            receipt = next(iter(shop.safaricom.books.payments), "UKL0000001")
            shop.ask("reversal", TransactionID=receipt, Amount=str(amount))
        case _:
            shop.passes(61)
