"""How requests of ours ended, and what is answered to them at once."""

import json

import pytest

from tests.kernel.said import changed, fixture, utc
from ussd_app.kernel import daraja
from ussd_app.kernel.daraja import NotUnderstood

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
    assert result.reference["BillReferenceNumber"] == "19008"
    assert result.reference.get("Occassion", "") == ""


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
