"""What Safaricom is asked, held against captured requests, and errands that ask it."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.workers.safaricom import (
    JANE,
    Double,
    client,
    fixture,
)
from ussd_app.domain import payouts
from ussd_app.domain.mpesa import pushes
from ussd_app.settings import SIMULATED_CERTIFICATE
from workers.gateways.daraja import Daraja, NoRoom
from workers.gateways.errands import Declined, Errand, Open
from workers.gateways.mpesa import Back, ToBusiness, ToNumber

ASK = Callable[[Daraja], Any]


# every request is the captured one

REQUESTS: list[tuple[str, str, str, ASK, set[str]]] = [
    ("stk/request-paybill.json", "/mpesa/stkpush/v1/processrequest", "174379",
     lambda d: d.push(JANE, 500_00, "KBM0001", "Deposit"), set()),
    ("stk/request-till.json", "/mpesa/stkpush/v1/processrequest", "600001",
     lambda d: d.push(JANE, 500_00, "KBM0001", "Payment", till="5600001"), set()),
    ("stk/query-request.json", "/mpesa/stkpushquery/v1/query", "174379",
     lambda d: d.push_standing("ws_CO_20112026084512617700000001"), set()),
    ("c2b/register-request.json", "/mpesa/c2b/v2/registerurl", "600984",
     lambda d: d.register(unanswered="Cancelled"), set()),
    ("c2b/register-request.json", "/mpesa/c2b/v1/registerurl", "600984",
     lambda d: d.register(version=1, unanswered="Cancelled"), set()),
    ("c2b/simulate-request.json", "/mpesa/c2b/v2/simulate", "600984",
     lambda d: d.simulate("+254708374149", 5_00, "KBM0001"), set()),
    ("c2b/simulate-request.json", "/mpesa/c2b/v1/simulate", "600984",
     lambda d: d.simulate("+254708374149", 5_00, "KBM0001", version=1), set()),
    ("b2c/request-v3.json", "/mpesa/b2c/v3/paymentrequest", "600992",
     lambda d: d.b2c("kbm-out-000045-1", JANE, 1_000_00, "Withdrawal"), {"Occassion"}),
    ("b2c/request-v1.json", "/mpesa/b2c/v1/paymentrequest", "600992",
     lambda d: d.b2c("x", JANE, 1_000_00, "Withdrawal", version=1), {"Occassion"}),
    ("b2b/request-paybill.json", "/mpesa/b2b/v1/paymentrequest", "600992",
     lambda d: d.b2b("n", "600000", "353353", 190_00, "OK"),
     {"Requester", "OriginatorConversationID", "Occassion"}),
    ("b2b/request-buygoods.json", "/mpesa/b2b/v1/paymentrequest", "600992",
     lambda d: d.b2b("n", "5600001", "", 190_00, "OK"),
     {"Requester", "OriginatorConversationID", "Occassion", "AccountReference"}),
    ("balance/request.json", "/mpesa/accountbalance/v1/query", "600000",
     lambda d: d.balance(), {"Remarks"}),
    ("status/request-by-receipt.json", "/mpesa/transactionstatus/v1/query", "600992",
     lambda d: d.status(receipt="UKK632NMUB"), {"Remarks", "Occasion"}),
    ("status/request-by-conversation.json", "/mpesa/transactionstatus/v1/query", "600992",
     lambda d: d.status(name="kbm-out-000045-1"), {"Remarks", "Occasion"}),
    ("status/request-both-ids.json", "/mpesa/transactionstatus/v1/query", "600992",
     lambda d: d.status(receipt="UKK632NMUB", name="kbm-out-000045-1"), {"Remarks", "Occasion"}),
    ("reversal/request.json", "/mpesa/reversal/v1/request", "600992",
     lambda d: d.reverse("n", "UKK82PACB8", 200_00, "Payment reversal"), {"Occasion"}),
    ("pull/register-request.json", "/pulltransactions/v1/register", "600000",
     lambda d: d.register_pull(JANE), set()),
    ("pull/query-request.json", "/pulltransactions/v1/query", "600000",
     lambda d: d.pull(datetime(2026, 11, 19, 5, 36, tzinfo=UTC),
                      datetime(2026, 11, 20, 7, 10, tzinfo=UTC)), set()),
    ("sim-swap/request.json", "/imsi/v1/checkATI", "600992", lambda d: d.swapped(JANE), set()),
]  # fmt: skip
"""Fixture, path, our shortcode, the call, and the fields that are ours to choose."""


@pytest.mark.parametrize(("name", "path", "code", "ask", "ours"), REQUESTS)
def test_a_request_is_the_captured_one(
    safaricom: Double, name: str, path: str, code: str, ask: ASK, ours: set[str]
) -> None:
    ask(client(safaricom.url, code=code))
    captured, sent = fixture(name), safaricom.last
    assert safaricom.asked[-1].path == path
    assert set(sent) ^ set(captured) <= ours
    opened = {"SecurityCredential"} & set(sent)
    for field in set(sent) - ours - opened:
        assert (field, sent[field]) == (field, captured[field])
    for field in opened:
        assert _opened(sent[field]) == b"pass#word"


def _opened(credential: str) -> bytes:
    pem = SIMULATED_CERTIFICATE.with_name("key.pem").read_bytes()
    key: Any = load_pem_private_key(pem, password=None)
    return bytes(key.decrypt(base64.b64decode(credential), PKCS1v15()))


def test_a_token_is_asked_for_by_the_application_and_carried(
    daraja: Daraja, safaricom: Double
) -> None:
    daraja.balance()
    daraja.balance()
    pair = base64.b64encode(b"consumer-key:consumer-secret").decode()
    assert safaricom.basic == [f"Basic {pair}"]
    assert [asked.token for asked in safaricom.asked] == safaricom.tokens * 2


def test_a_credential_is_another_one_each_time(daraja: Daraja, safaricom: Double) -> None:
    daraja.balance()
    daraja.balance()
    first, second = (asked.body["SecurityCredential"] for asked in safaricom.asked)
    assert first != second


def test_texts_are_cut_to_what_fits_and_account_numbers_never(
    daraja: Daraja, safaricom: Double
) -> None:
    longest = "1" * pushes.LONGEST_ACCOUNT
    daraja.push(JANE, 1_00, longest, "A long description")
    assert safaricom.last["AccountReference"] == longest
    assert safaricom.last["TransactionDesc"] == "A long descri"
    longest_bill = "1" * payouts.LONGEST_ACCOUNT
    daraja.b2b("n", "600000", longest_bill, 1_00, "r" * 200)
    assert safaricom.last["AccountReference"] == longest_bill
    assert len(safaricom.last["Remarks"]) == 100
    asked = len(safaricom.asked)
    with pytest.raises(NoRoom):
        daraja.push(JANE, 1_00, f"{longest}1", "Top up")
    with pytest.raises(NoRoom):
        daraja.b2b("n", "600000", f"{longest_bill}1", 1_00, "Bill")
    facts = {"shortcode": "600000", "reference": "12345678901234567", "amount": 1_00}
    assert isinstance(ToBusiness(daraja).ask(Errand("n", facts)), Declined)
    assert len(safaricom.asked) == asked


@pytest.mark.parametrize("amount_minor", [0, -1_00, 50, 1_050])
def test_cents_are_refused_before_anybody_is_asked(
    daraja: Daraja, safaricom: Double, amount_minor: int
) -> None:
    with pytest.raises(NoRoom):
        daraja.push(JANE, amount_minor, "KBM0001", "Deposit")
    with pytest.raises(NoRoom):
        daraja.b2c("n", JANE, amount_minor, "Withdrawal")
    facts = {"reference": "0700000001", "amount": amount_minor}
    assert isinstance(ToNumber(daraja).ask(Errand("n", facts)), Declined)
    assert not safaricom.asked


# errands


def test_errands_are_taken_and_asked_about_by_name(daraja: Daraja, safaricom: Double) -> None:
    taken = Open("accepted", "AG_20261120_2010364430d9bbdaf872")
    carriers = [
        (ToNumber(daraja), {"reference": "0700000001"}, "b2c/v3"),
        (ToBusiness(daraja), {"shortcode": "600000", "reference": "353353"}, "b2b/v1"),
        (ToBusiness(daraja), {"shortcode": "5600001"}, "b2b/v1"),
        (Back(daraja), {"mpesa_receipt": "UKK82PACB8"}, "reversal/v1"),
    ]
    for carrier, facts, path in carriers:
        errand = Errand("KVLM000001", {**facts, "amount": 200_00})
        assert carrier.ask(errand) == taken
        assert path in safaricom.asked[-1].path
        guard = "Occasion" if carrier.__class__ is Back else "OriginatorConversationID"
        assert safaricom.last[guard] == "KVLM000001"
        assert safaricom.last["Amount"] == "200"
        assert carrier.look(errand) == Open("asked", taken.provider_id)
        assert safaricom.last["OriginalConversationID"] == "KVLM000001"
    assert safaricom.asked[4].body["CommandID"] == "BusinessBuyGoods"


def test_a_number_that_is_none_is_declined(daraja: Daraja) -> None:
    outcome = ToNumber(daraja).ask(Errand("n", {"reference": "12", "amount": 100}))
    assert isinstance(outcome, Declined)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_question_that_failed_says_nothing_of_the_errand(
    daraja: Daraja, safaricom: Double, status: int
) -> None:
    safaricom.answer = lambda _: (status, b"")
    seen = ToNumber(daraja).look(Errand("n", {"reference": "0700000001", "amount": 100}))
    assert isinstance(seen, Open)
    assert seen.provider_id is None
