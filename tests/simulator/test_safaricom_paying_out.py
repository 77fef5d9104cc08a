"""Money out by Safaricom and what may be asked of it: payouts, reversals, pulls, SIM swaps."""

import pytest

from tests.simulator.daraja_client import ASHA, DAWN, SHORTCODE, Developer, sealed


def test_a_payout_and_its_id_used_again(shop: Developer) -> None:
    answer = shop.ask("b2c").get_json()
    assert answer["OriginatorConversationID"] == "shop-1"
    shop.settle()
    assert shop.result()["ConversationID"] == answer["ConversationID"]
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
    assert str(shop.result()["ResultCode"]) == code
    assert shop.result()["TransactionID"] == "UKL0000000"
    assert shop.safaricom.books.balance(SHORTCODE) == 10_000_00


def test_the_initiator_is_learnt_once(shop: Developer) -> None:
    shop.ask("balance")
    shop.ask("balance", SecurityCredential=sealed("another"))
    assert "another password" in shop.note
    shop.settle()
    assert str(shop.result()["ResultCode"]) == "2001"
    assert "certificate.pem" in _noted(shop, "bm8=")
    with shop.http.get("/safaricom/certificate.pem") as pem:
        assert pem.data.startswith(b"-----BEGIN CERTIFICATE")


def _noted(shop: Developer, credential: str) -> str:
    shop.ask("balance", SecurityCredential=credential)
    return shop.note


def test_a_reversal_gives_back_what_came_and_once(shop: Developer) -> None:
    receipt = shop.sells(amount_minor=500_00).split()[0]
    for code in ("0", "R000001"):
        shop.ask("reversal", TransactionID=receipt)
        shop.settle()
        assert str(shop.result()["ResultCode"]) == code
    shop.ask("reversal", TransactionID="UKK4X7PQ2M")
    shop.settle()
    assert str(shop.result()["ResultCode"]) == "R000002"
    assert shop.safaricom.books.balance(ASHA) == 5_000_00


def test_payments_that_came_can_be_pulled(shop: Developer) -> None:
    assert shop.ask("pull").get_json()["ResponseCode"] == "1001"
    receipt = shop.sells().split()[0]
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
