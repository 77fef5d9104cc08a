"""What Safaricom says, read: every fixture, every shape that is only told of, and the hostile."""

import hashlib
import json
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ussd_app.kernel import daraja
from ussd_app.kernel.daraja import NotUnderstood

FIXTURES = Path(__file__).parent.parent / "fixtures" / "daraja"
JANE = "+254700000001"

READERS = (
    daraja.read_c2b,
    daraja.read_stk,
    daraja.read_express,
    daraja.read_result,
    daraja.conversation_of,
    daraja.read_token,
    daraja.read_error,
    daraja.read_accepted,
    daraja.read_stk_accepted,
    daraja.read_stk_standing,
    daraja.read_pulled,
    daraja.read_pull_registered,
    daraja.read_swapped,
)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def changed(name: str, *path: str | int, **values: object) -> str:
    """A fixture with other values in one of its objects."""
    said = json.loads(fixture(name))
    inner: Any = said
    for step in path:
        inner = inner[step]
    inner.update(values)
    return json.dumps(said)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# every fixture that Safaricom says has one reader

READ = {
    "ack.json": None,
    "b2b-express/callback-*.json": daraja.read_express,
    "b2b-express/response.json": None,
    "b2b/response-*.json": daraja.read_accepted,
    "b2b/result-*.json": daraja.read_result,
    "b2c/response-*.json": daraja.read_accepted,
    "b2c/result-*.json": daraja.read_result,
    "b2c/timeout.unverified.json": daraja.read_result,
    "balance/response-*.json": daraja.read_accepted,
    "balance/result-*.json": daraja.read_result,
    "c2b/confirmation-ack.json": None,
    "c2b/confirmation-*.json": daraja.read_c2b,
    "c2b/register-*.http500.json": daraja.read_error,
    "c2b/register-response.json": daraja.read_accepted,
    "c2b/simulate-response.json": daraja.read_accepted,
    "c2b/validation-reply-*.json": None,
    "c2b/validation-*.json": daraja.read_c2b,
    "errors/*.json": daraja.read_error,
    "oauth/error-*.json": daraja.read_error,
    "oauth/error-wrong-environment.http400.txt": None,
    "oauth/ok-*.json": daraja.read_token,
    "pull/query-response.unverified.json": daraja.read_pulled,
    "pull/register-response.json": daraja.read_pull_registered,
    "reversal/response-*.json": daraja.read_accepted,
    "reversal/result-*.json": daraja.read_result,
    "sim-swap/response-*.json": daraja.read_swapped,
    "status/response-*.json": daraja.read_accepted,
    "status/result-*.json": daraja.read_result,
    "stk/callback-*.json": daraja.read_stk,
    "stk/query-request.json": None,
    "stk/query-*.json": daraja.read_stk_standing,
    "stk/response-*.json": daraja.read_stk_accepted,
}
"""By pattern, the first that fits; None is what we say, or what has nothing in it to read."""


def _reader_of(path: Path) -> Any:
    name = path.relative_to(FIXTURES)
    if "request" in path.stem.split("-"):
        return None
    return next(reader for pattern, reader in READ.items() if name.match(pattern))


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.rglob("*.*")), ids=lambda path: str(path.relative_to(FIXTURES))
)
def test_every_fixture_is_read_by_its_reader_and_harms_no_other(path: Path) -> None:
    reader = _reader_of(path)
    if reader is not None:
        assert reader(path.read_bytes()) == reader(path.read_text())
    for other in READERS:
        if other is not reader:
            with suppress(NotUnderstood):
                other(path.read_bytes())


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


AMOUNTS = [
    ('"10"', 1_000),
    ('"5.00"', 500),
    ("500.00", 50_000),
    ("500", 50_000),
    ('"0.01"', 1),
    ("1E+3", 100_000),
    ('"1.0E7"', 1_000_000_000),
    ("0.1", 10),
    ("19.99", 1_999),
    ("1.1000", 110),
]


@pytest.mark.parametrize(("text", "minor"), AMOUNTS)
def test_amounts_are_exact(text: str, minor: int) -> None:
    assert daraja.minor(daraja.read_json(f'{{"a": {text}}}')["a"]) == minor


NO_AMOUNTS: list[Any] = [
    None, True, False, "", " ", "five", "5,",
    "1,500", "0x10", "٥", "1e400", "9" * 13, "-", "--1", "1.", ".5",
    "NaN", "Infinity", "0.001", Decimal("NaN"), Decimal("Infinity"), Decimal("1E+99999"),
    Decimal("1E-99999"), 10**20, [], {}, "1E99", "5.00 KES",
]  # fmt: skip


@pytest.mark.parametrize("value", NO_AMOUNTS)
def test_what_is_no_amount_is_none(value: Any) -> None:
    with pytest.raises(NotUnderstood):
        daraja.minor(value)


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


# results


def test_a_payout_is_read_with_receipt_amount_time_and_receiver() -> None:
    result = daraja.read_result(fixture("b2c/result-0-success.json"))
    assert result.done
    assert result.originator_id == "kbm-out-000045-1"
    assert result.conversation_id == "AG_20261120_2010364430d9bbdaf872"
    paid = daraja.moved(result)
    assert paid.receipt == result.receipt == "UKK632NMUB"
    assert paid.amount_minor == 100_000
    assert paid.at == utc("2026-11-20 19:48:52")
    assert paid.party == daraja.Party("254700000001", "JANE WANJIKU")
    assert result.parameters["B2CUtilityAccountAvailableFunds"] == "8959269.60"
    assert daraja.minor(result.parameters["B2CChargesPaidAccountAvailableFunds"]) == -198_000
    assert "QueueTimeoutURL" in result.reference


@pytest.mark.parametrize("form", ["int", "string"])
def test_a_bill_that_was_paid_is_read_in_both_forms(form: str) -> None:
    result = daraja.read_result(fixture(f"b2b/result-success-{form}-codes.json"))
    assert result.done
    paid = daraja.moved(result)
    assert (paid.receipt, paid.amount_minor) == ("UKK81LK5CY", 19_000)
    assert paid.at == utc("2026-11-20 08:07:17")
    assert paid.party == daraja.Party("600000", "Mfano Biller")
    assert paid.charges_minor == (7_700 if form == "int" else 0)
    assert daraja.braced_minor(result.parameters["DebitAccountBalance"]) == 618_683
    assert result.reference["BillReferenceNumber"] == "19008"
    assert result.reference.get("Occassion", "") == ""


def test_braces_are_not_json() -> None:
    assert daraja.braced_minor("{Amount={CurrencyCode=KES, MinimumAmount=618683}}") == 618_683
    for nothing in ("", "{}", "{Amount={BasicAmount=}}", "{Amount={BasicAmount=1.2.3}}", None, 7):
        assert daraja.braced_minor(nothing) is None


def test_a_reversal_names_what_it_gave_back() -> None:
    back = daraja.moved(daraja.read_result(fixture("reversal/result-success.json")))
    assert (back.receipt, back.original_receipt) == ("UKK52PAWR9", "UKK82PACB8")
    assert (back.amount_minor, back.charges_minor) == (20_000, 0)
    assert back.party.name == "JANE WANJIKU"


REFUSED = [
    ("b2c/result-1-insufficient.json", "1"),
    ("b2c/result-2001-initiator.json", "2001"),
    ("b2c/result-2040-unregistered.json", "2040"),
    ("b2c/result-8-max-balance.json", "8"),
    ("b2c/result-8006-locked.json", "8006"),
    ("reversal/result-r000001-already-reversed.json", "R000001"),
    ("reversal/result-r000002-invalid-id.json", "R000002"),
    ("status/result-2032-unknown-receipt.json", "2032"),
    ("balance/result-8006-with-parameters.json", "8006"),
]


@pytest.mark.parametrize(("name", "code"), REFUSED)
def test_a_refusal_has_no_receipt_and_moved_nothing(name: str, code: str) -> None:
    result = daraja.read_result(fixture(name))
    assert result.final
    assert not result.done
    assert result.code == code
    assert result.receipt is None, "OAK0000000 is nobody's"
    for reader in (daraja.moved, daraja.status_of, daraja.balances_of):
        with pytest.raises(NotUnderstood):
            reader(result)


def test_a_time_out_is_not_final_and_names_its_conversation() -> None:
    body = fixture("b2c/timeout.unverified.json")
    assert not daraja.read_result(body).final
    assert daraja.conversation_of(body) == (
        "kbm-out-000045-1",
        "AG_20261120_2010364430d9bbdaf872",
    )
    assert daraja.conversation_of('{"what": [1, {"ConversationID": "AG_1"}]}') == ("", "AG_1")
    assert daraja.conversation_of('{"ConversationID": {"ConversationID": "AG_1"}}') == ("", "AG_1")
    assert daraja.conversation_of("{}") == ("", "")


@pytest.mark.parametrize("form", ["success", "success-string-codes"])
def test_balances_are_read_account_by_account(form: str) -> None:
    told = daraja.balances_of(daraja.read_result(fixture(f"balance/result-{form}.json")))
    utility = next(each for each in told if each.name == "Utility Account")
    assert len(told) == 5
    assert (utility.current_minor, utility.available_minor) == (34_656_883, 618_683)
    assert utility.reserved_minor == 34_038_200
    assert utility.current_minor == utility.available_minor + utility.reserved_minor
    charges = next(each for each in told if each.name == "Charges Paid Account")
    assert charges.available_minor == -154_000


@pytest.mark.parametrize("text", ["Working Account", "A|KES|1|2|3", "A|KES|1|2|3|x", "A|KES|||| "])
def test_balances_of_another_form_are_not_guessed(text: str) -> None:
    with pytest.raises(NotUnderstood):
        daraja.balances(text)


def test_the_status_of_a_payment_is_read_with_spaces_and_without() -> None:
    completed = daraja.status_of(
        daraja.read_result(fixture("status/result-completed-keys-without-spaces.json"))
    )
    assert completed.completed
    assert completed.amount_minor == 100_000
    declined = daraja.status_of(daraja.read_result(fixture("status/result-declined.json")))
    assert declined.failed
    assert not declined.completed
    for status in (completed, declined):
        assert status.originator_id == "kbm-out-000045-1"
        assert status.conversation_id == "AG_20261120_2010364430d9bbdaf872"
        assert status.receipt == "UKK632NMUB"
        assert status.at == utc("2026-11-20 19:48:52")
        assert status.charges_minor == 3_300
        assert status.credit.number == "254700000001"


@pytest.mark.parametrize("word", ["Initiated", "Authorized", "Pending", "completed "])
def test_a_status_that_is_not_final_is_neither(word: str) -> None:
    said = json.loads(fixture("status/result-declined.json"))
    for pair in said["Result"]["ResultParameters"]["ResultParameter"]:
        if pair["Key"] == "TransactionStatus":
            pair["Value"] = word
    status = daraja.status_of(daraja.read_result(json.dumps(said)))
    assert not status.failed
    assert status.completed == (word == "completed ")


def _result(**more: object) -> str:
    said = {"ResultType": "0", "ResultCode": "0", "ConversationID": "AG_1"}
    return json.dumps({"Result": said | more})


PAIR = {"Key": " Conversation ID ", "Value": 7}


@pytest.mark.parametrize(
    "nested",
    [
        {"ResultParameters": {"ResultParameter": [PAIR]}},
        {"ResultParameters": {"ResultParameter": PAIR}},
        {"ResultParameter": {"ResultParameters": [PAIR]}},
        {"ResultParameter": {"ResultParameters": PAIR}},
        {"ResultParameters": {"ResultParameter": [PAIR, {"Key": "ConversationID", "Value": 8}]}},
        {"ResultParameters": {"ResultParameter": [None, 5, [], "x", {"Value": 1}, PAIR]}},
    ],
)
def test_parameters_are_found_in_every_nesting(nested: dict[str, object]) -> None:
    assert daraja.read_result(_result(**nested)).parameters == {"ConversationID": "7"}


@pytest.mark.parametrize(
    "nested", [{}, {"ResultParameters": None}, {"ResultParameters": []}, {"ResultParameters": {}}]
)
def test_a_result_needs_no_parameters(nested: dict[str, object]) -> None:
    assert daraja.read_result(_result(**nested)).parameters == {}


def test_one_failure_is_a_single_object_and_a_party_named_twice_is_two() -> None:
    single = {"ResultParameter": {"Key": "BOCompletedTime", "Value": 20261120125710}}
    said = daraja.read_result(_result(ResultCode=2001, ResultParameters=single))
    assert said.parameters == {"BOCompletedTime": "20261120125710"}
    twice = [{"Key": "DebitPartyName", "Value": "1234 - A"}, {"Key": "Debit Party Name"}]
    twice[1]["Value"] = "254700000001 - B"
    said = daraja.read_result(_result(ResultParameters={"ResultParameter": twice}))
    assert said.parameters["CreditPartyName"] == "254700000001 - B"


def test_a_result_without_a_conversation_is_about_nothing() -> None:
    with pytest.raises(NotUnderstood):
        daraja.read_result('{"Result": {"ResultCode": 0}}')
    with pytest.raises(NotUnderstood):
        daraja.moved(daraja.read_result(_result(TransactionID="OAK0000000")))


# answers at once


def test_a_token_lives_as_long_as_a_text_or_a_number_says() -> None:
    for form in ("string", "number"):
        token = daraja.read_token(fixture(f"oauth/ok-{form}.json"))
        assert (token.text, token.life_s) == ("AbCdEfGhIjKlMnOpQrStUvWxYz01", 3599)
        assert token.text not in repr(token)
    for wrong in ('""', "null", "7", '"a b"', '"a\\nb"', f'"{"x" * 2001}"'):
        with pytest.raises(NotUnderstood):
            daraja.read_token(f'{{"access_token": {wrong}, "expires_in": "3599"}}')
    for wrong in ('""', "null", "-1", '"soon"', "3.5"):
        with pytest.raises(NotUnderstood):
            daraja.read_token(f'{{"access_token": "x", "expires_in": {wrong}}}')
    assert daraja.read_token('{"access_token": "x", "expires_in": 1000000}').life_s == 86_400


def test_errors_are_read_with_code_and_message() -> None:
    said = daraja.read_error(fixture("errors/duplicate-originator.http500.json"))
    assert said.code == "500.002.1001"
    assert said.message == "Duplicate OriginatorConversationID."
    with pytest.raises(NotUnderstood):
        daraja.read_error(fixture("oauth/error-wrong-environment.http400.txt"))


def test_the_misspelt_key_is_their_id_too() -> None:
    said = daraja.read_accepted(fixture("c2b/register-response.json"))
    assert said.originator_id == "6e86-45dd-91ac-fd5d4178ab523408729"
    paid = daraja.read_accepted(fixture("b2c/response-accepted.json"))
    assert (paid.code, paid.originator_id) == ("0", "kbm-out-000045-1")
    assert paid.conversation_id == "AG_20261120_2010364430d9bbdaf872"


def test_rows_are_pulled_from_any_depth_of_arrays() -> None:
    (row,) = daraja.read_pulled(fixture("pull/query-response.unverified.json"))
    assert (row.receipt, row.amount_minor, row.account) == ("UKK51ZDR4F", 500, "KBM0001")
    assert row.at == utc("2026-11-20 09:13:25")
    said = json.loads(fixture("pull/query-response.unverified.json"))
    inner = said["Response"][0][0]
    for nested in (inner, [inner], [[inner]], [[[inner]]]):
        assert daraja.read_pulled(json.dumps(said | {"Response": nested})) == (row,)
    assert daraja.read_pulled('{"ResponseCode": "1001"}') == ()
    with pytest.raises(NotUnderstood):
        daraja.read_pulled('{"ResponseCode": "1002"}')


def test_a_sim_that_was_never_swapped_has_no_day() -> None:
    assert daraja.read_swapped(fixture("sim-swap/response-not-swapped.json")) is None
    swapped = changed("sim-swap/response-not-swapped.json", lastSwapDate="20-11-2026 10:30")
    assert daraja.read_swapped(swapped) == utc("2026-11-20 07:30")
    with pytest.raises(NotUnderstood):
        daraja.read_swapped(changed("sim-swap/response-not-swapped.json", responseCode="400"))


# times


TIMES = [
    (20261120084531, "2026-11-20 05:45:31"),
    ("20261120084531", "2026-11-20 05:45:31"),
    ("20261120010203", "2026-11-19 22:02:03"),
    ("20.11.2026 22:48:52", "2026-11-20 19:48:52"),
    ("20-11-2026 10:30", "2026-11-20 07:30:00"),
    ("2026-11-20T09:13:25Z", "2026-11-20 09:13:25"),
]


@pytest.mark.parametrize(("said", "meant"), TIMES)
def test_times_are_east_african_unless_they_say_so(said: str | int, meant: str) -> None:
    assert daraja.moment(said) == utc(meant)


NO_TIMES: list[Any] = [
    None, True, "", 0, "2026112008453", "20261320084531", "20261120246060", "00010101000000",
    "20.13.2026 22:48:52", "٢٠٢٦١١٢٠٠٨٤٥٣١", [], {}, "2026-11-20",
]  # fmt: skip


@pytest.mark.parametrize("said", NO_TIMES)
def test_what_is_no_time_is_none(said: Any) -> None:
    with pytest.raises(NotUnderstood):
        daraja.moment(said)


def test_requests_are_stamped_in_east_africa() -> None:
    assert daraja.stamp(utc("2026-11-20 22:45:12")) == "20261121014512"
    assert daraja.moment(daraja.stamp(utc("2026-11-20 22:45:12"))) == utc("2026-11-20 22:45:12")


# what a payer types as an account number


PHONES = [
    "0712000001", "712000001", "254712000001", "+254712000001", "+254 712 000 001",
    "0712-000-001", " 0712 000001 ", "#0712000001", "*0712000001#", "254 0712000001",
    "０７１２０００００１",
]  # fmt: skip


@pytest.mark.parametrize("typed", PHONES)
def test_a_phone_number_is_one_however_it_is_typed(typed: str) -> None:
    assert daraja.account_meant(typed).msisdn == "+254712000001"


BILLS = [
    ("880011 ACC12", "880011", "ACC12"),
    ("880011-INV17", "880011", "INV17"),
    ("880011#inv-17", "880011", "INV17"),
    ("880011*inv 17", "880011", "INV17"),
    ("8 8 0 0 1 1 inv17", "880011", "INV17"),
    ("123456", "123456", ""),
    ("12-34-56", "123456", ""),
    ("712000001", "712000", "001"),
    ("12345", None, ""),
    ("", None, ""),
    ("KBM0001", None, ""),
    ("Mama Njeri", None, ""),
]


@pytest.mark.parametrize(("typed", "number", "rest"), BILLS)
def test_a_number_of_ours_comes_first_and_the_rest_behind_it(
    typed: str, number: str | None, rest: str
) -> None:
    meant = daraja.account_meant(typed)
    assert (meant.number, meant.rest) == (number, rest)
    assert meant.text == daraja.account_number(typed) == daraja.account_number(typed.lower())


@given(st.text(max_size=200))
def test_no_account_number_harms(typed: str) -> None:
    meant = daraja.account_meant(typed)
    assert meant.text.isascii()
    assert len(meant.text) <= 400
    assert daraja.account_meant(meant.text) == meant


PARTIES = [
    ("254700000001 - JANE WANJIKU", "254700000001", "JANE WANJIKU"),
    ("0700000001 - JANE", "0700000001", "JANE"),
    ("600992 - Kabambe - Test", "600992", "Kabambe - Test"),
    ("254700000001", "254700000001", ""),
    ("JANE", "", "JANE"),
    ("", "", ""),
    (None, "", ""),
]


@pytest.mark.parametrize(("said", "number", "name"), PARTIES)
def test_parties_are_a_number_and_a_name(said: str | None, number: str, name: str) -> None:
    assert daraja.party(said) == daraja.Party(number, name)


# the hostile

HOSTILE: list[bytes] = [
    b"", b" ", b"null", b"7", b'"x"', b"[]", b"{", b"{}", b"\xff\xfe", b"\x00", b"{]", b"{'a':1}",
    b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1, "a": 2}',
    b'{"a": {"b": 1, "b": 1}}', b"[" * 100_000, b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    b'{"a":' * 20 + b"1" + b"}" * 20, b'{"a": ' + b"9" * 5_000 + b"}",
    b'{"a": 1.' + b"0" * 5_000 + b"}", b'{"a": 1e9999999999999999999}',
    b'{"a": 1e' + b"9" * 50 + b"}",
    b'{"a": "' + b"x" * 70_000 + b'"}', b"TransID=UKK51ZDR4F", b"<xml/>", b'{"a": "\\ud800"} x',
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.__name__))
@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:20]))
def test_a_hostile_body_is_not_understood_and_nothing_else(reader: Any, body: bytes) -> None:
    harmless = reader is daraja.conversation_of and body == b"{}"
    if harmless:
        assert reader(body) == ("", "")
        return
    with pytest.raises(NotUnderstood):
        reader(body)
    with pytest.raises(NotUnderstood):
        reader(body.decode("latin-1"))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=30),
    st.sampled_from(["", "0", "-1", "5.00", "20261120084531", "\ud800", "\u0000", "1e5", "NaN"]),
    st.just([]),
    st.just({}),
    st.just([[{"Key": 1}]]),
    st.just({"Key": "Amount"}),
)
SAMPLES = [path for path in sorted(FIXTURES.rglob("*.json")) if _reader_of(path) is not None]


@given(st.sampled_from(SAMPLES), st.data())
def test_any_value_in_any_place_is_read_or_not_understood(path: Path, data: st.DataObject) -> None:
    said = json.loads(path.read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        inner: Any = said
        while True:
            step = data.draw(
                st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner)))
            )
            deeper = inner[step]
            if not isinstance(deeper, dict | list) or not deeper or data.draw(st.booleans()):
                break
            inner = deeper
        inner[step] = deepcopy(data.draw(ODD))
    try:
        read = _reader_of(path)(json.dumps(said))
        if isinstance(read, daraja.Result):
            for reader in (daraja.moved, daraja.status_of, daraja.balances_of):
                try:
                    reader(read)
                except NotUnderstood:
                    continue
    except NotUnderstood:
        return
    _holds_no_float(read)


def _holds_no_float(read: object) -> None:
    assert not isinstance(read, float)
    for value in getattr(read, "__dict__", {}).values():
        _holds_no_float(value)


@given(st.binary(max_size=300), st.sampled_from(READERS))
def test_any_bytes_are_read_or_not_understood(body: bytes, reader: Any) -> None:
    with suppress(NotUnderstood):
        reader(body)


@given(st.integers(1, 10**11))
def test_cents_come_back_as_they_went(minor: int) -> None:
    text = f"{minor // 100}.{minor % 100:02d}"
    assert daraja.minor(text) == minor
    assert daraja.minor(daraja.read_json(f'{{"a": {text}}}')["a"]) == minor
