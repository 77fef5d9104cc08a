"""Payments and pushes, as Safaricom tells of them."""

import hashlib
import json

import pytest

from tests.kernel.said import FIXTURES, JANE, changed, fixture, utc
from ussd_app.kernel import daraja
from ussd_app.kernel.daraja import NotUnderstood

# money in


def test_a_confirmation_is_read_with_exact_money_and_time() -> None:
    said = daraja.read_c2b(fixture("c2b/confirmation-v2-masked.json"))
    assert said.receipt == "UKK51ZDR4F"
    assert said.type == "Pay Bill"
    assert said.at == utc("2026-11-20 09:13:25")
    assert said.amount_minor == 500
    assert said.shortcode == "600984"
    assert said.account == "KBM0001"
    assert said.payer == "2547*****001"
    assert said.name == "JANE"
    assert said.balance_minor == 2_500
    assert daraja.read_c2b(fixture("c2b/validation-v2-masked.json")).balance_minor is None
    third = daraja.read_c2b(fixture("c2b/confirmation-third-party-id.json"))
    assert third.third_party_id == "kbm-req-000123"
    assert daraja.read_c2b(fixture("c2b/confirmation-buy-goods.json")).account == ""


@pytest.mark.parametrize("form", ["v2-masked", "v1-hashed", "plain-old"])
def test_a_payer_is_recognised_in_every_form_of_a_number(form: str) -> None:
    said = daraja.read_c2b(fixture(f"c2b/confirmation-{form}.json"))
    assert daraja.can_be(said.payer, JANE)
    assert not daraja.can_be(said.payer, "+254712000002")
    assert daraja.is_hashed(said.payer) == (form == "v1-hashed")


def test_masks_and_hashes_are_matched_exactly() -> None:
    assert daraja.msisdn_hash(JANE) == hashlib.sha256(b"254700000001").hexdigest()
    assert daraja.masked_matches("25470****149", "+254708374149")
    assert not daraja.masked_matches("25470****149", "+254718374149")
    assert daraja.masked_matches("2547 ***** 126", "+254711222126")
    assert not daraja.masked_matches("2547 ***** 126", "+254111222126")
    for nothing in ("", "*****", "254700000001", "2547xxxx001", "**"):
        assert not daraja.masked_matches(nothing, JANE)
    assert daraja.can_be("0700000001", JANE)
    assert not daraja.can_be("", JANE)


NAMES = [
    ({"FirstName": None, "MiddleName": None, "LastName": None}, ""),
    ({"FirstName": "JANE", "MiddleName": "", "LastName": "WANJIKU"}, "JANE WANJIKU"),
    ({"FirstName": " JANE\u0000\n ", "MiddleName": 7, "LastName": []}, "JANE 7"),
    ({"FirstName": "\ud800", "MiddleName": "x" * 500}, "x" * 60),
]


@pytest.mark.parametrize(("names", "meant"), NAMES)
def test_names_may_be_anything_and_stop_nothing(names: dict[str, object], meant: str) -> None:
    said = daraja.read_c2b(changed("c2b/confirmation-v2-masked.json", **names))
    assert said.name == meant


def test_a_confirmation_without_names_types_or_invoices_is_one() -> None:
    bare = json.loads(fixture("c2b/confirmation-v2-masked.json"))
    for field in ("FirstName", "MiddleName", "LastName", "InvoiceNumber", "ThirdPartyTransID"):
        del bare[field]
    del bare["TransactionType"], bare["OrgAccountBalance"], bare["MSISDN"], bare["BillRefNumber"]
    said = daraja.read_c2b(json.dumps(bare))
    assert (said.name, said.type, said.payer, said.account, said.balance_minor) == (*[""] * 4, None)


@pytest.mark.parametrize("amount", ['"0"', '"-5"', "0.00", "-1", "null", '"x"', "true"])
def test_nobody_pays_nothing(amount: str) -> None:
    body = fixture("c2b/confirmation-v2-masked.json").decode().replace('"5.00"', amount)
    with pytest.raises(NotUnderstood):
        daraja.read_c2b(body)


# pushes


def test_a_push_that_was_paid_says_so_with_receipt_amount_time_and_phone() -> None:
    said = daraja.read_stk(fixture("stk/callback-0-success.json"))
    assert said.paid
    assert said.checkout_request_id == "ws_CO_20112026084512617700000001"
    assert said.receipt == "UKK4X7PQ2M"
    assert said.amount_minor == 50_000
    assert said.at == utc("2026-11-20 05:45:31")
    assert said.msisdn == JANE


FAILED = sorted(
    path.name for path in FIXTURES.glob("stk/callback-*") if path.name != "callback-0-success.json"
)


@pytest.mark.parametrize("name", FAILED)
def test_a_push_that_was_not_paid_says_why_by_code(name: str) -> None:
    said = daraja.read_stk(fixture(f"stk/{name}"))
    assert not said.paid
    assert said.code == name.split("-")[1].removesuffix(".json")
    assert (said.receipt, said.amount_minor) == (None, None)


def _stk(*items: object, code: object = 0) -> str:
    callback = {"MerchantRequestID": "29115-34620561-1", "CheckoutRequestID": "ws_CO_DMZ_1_2"}
    callback |= {"ResultCode": code, "ResultDesc": "x"}  # type: ignore[dict-item]
    listed: object = items[0] if len(items) == 1 else list(items)
    callback["CallbackMetadata"] = {"Item": listed}  # type: ignore[assignment]
    return json.dumps({"Body": {"stkCallback": callback}})


AMOUNT = {"Name": "Amount", "Value": 1.5}
RECEIPT = {"Name": "MpesaReceiptNumber", "Value": "nlj7rt61sv"}


def test_a_push_is_read_in_any_order_with_a_balance_that_says_nothing() -> None:
    for balance in ({"Name": "Balance"}, {"Name": "Balance", "Value": "{Amount={BasicAmount=1}}"}):
        said = daraja.read_stk(_stk(RECEIPT, balance, AMOUNT))
        assert said.paid
        assert (said.receipt, said.amount_minor, said.at, said.msisdn) == (
            "NLJ7RT61SV", 150, None, None,
        )  # fmt: skip


def test_a_push_without_receipt_is_not_paid_whatever_its_code() -> None:
    assert not daraja.read_stk(_stk(AMOUNT)).paid
    assert not daraja.read_stk(_stk(AMOUNT, {"Name": "MpesaReceiptNumber"})).paid
    assert not daraja.read_stk(_stk()).paid
    assert not daraja.read_stk(_stk(AMOUNT, RECEIPT, code="1")).paid
    with pytest.raises(NotUnderstood):
        daraja.read_stk(_stk(RECEIPT))


CODES = [
    (0, "0"), ("0", "0"), ("00000000", "0"), (" 1032 ", "1032"), (1037, "1037"),
    ("SFC_IC0003", "SFC_IC0003"), ("E3008", "E3008"), ("4999", "4999"), ("007", "007"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "code"), CODES)
def test_codes_are_numbers_or_words(said: object, code: str) -> None:
    assert daraja.read_stk(_stk(AMOUNT, RECEIPT, code=said)).code == code
    body = changed("b2c/result-0-success.json", "Result", ResultCode=said)
    assert daraja.read_result(body).code == code


@pytest.mark.parametrize("code", [None, "", True, 0.0, [], {}, "a b", "é", "x" * 65])
def test_without_a_code_nothing_is_understood(code: object) -> None:
    with pytest.raises(NotUnderstood):
        daraja.read_stk(_stk(AMOUNT, RECEIPT, code=code))
    with pytest.raises(NotUnderstood):
        daraja.read_result(changed("b2c/result-0-success.json", "Result", ResultCode=code))


def test_a_push_that_stands_open_is_pending() -> None:
    standing = daraja.read_stk_standing(changed("stk/query-success.json", ResultCode="4999"))
    assert standing.pending
    for name, code in (("success", "0"), ("cancelled", "1032"), ("bad-debt-sandbox", "E3008")):
        standing = daraja.read_stk_standing(fixture(f"stk/query-{name}.json"))
        assert (standing.code, standing.pending) == (code, False)
