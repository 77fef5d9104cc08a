"""Every address that we tell Safaricom has a door of ours behind it; and what it lists for us may
be longer than what anybody may bring to a door."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine

from tests.workers import safaricom as double
from tests.workers.mpesa.till import Till
from tests.workers.safaricom import JANE, NOW, Double
from ussd_app.channels.daraja import RESULTS
from ussd_app.kernel.daraja import TOO_LONG
from ussd_app.web import create_app
from workers.gateways.daraja import Daraja
from workers.gateways.errands import Open


def told(safaricom: Double, app_doors: str) -> set[str]:
    """The paths of all addresses in all requests that we ever make."""
    account = replace(
        double.account(safaricom.url), callbacks=f"https://kabambe.example{app_doors}"
    )
    daraja = Daraja(account, double.Pocket(), now=lambda: NOW)
    daraja.push(JANE, 500_00, "KBM0001", "Deposit")
    daraja.register()
    daraja.register_pull(JANE)
    daraja.b2c("n", JANE, 500_00, "Withdrawal")
    daraja.b2b("n", "600000", "353353", 500_00, "OK")
    daraja.reverse("n", "UKK82PACB8", 500_00, "OK")
    daraja.status(name="n")
    daraja.balance()
    values = [value for asked in safaricom.asked for value in asked.body.values()]
    found = (urlsplit(str(value)) for value in values)
    return {url.path for url in found if url.scheme == "https"}


def test_every_address_answers(till: Till, safaricom: Double) -> None:
    paths = told(safaricom, till.app.settings.daraja_doors)
    assert len(paths) == 2 + 2 + 2 * len(RESULTS)
    client = create_app(till.app).test_client()
    for path in paths:
        answer = client.post(path, data=b"{}", content_type="application/json")
        assert (path, answer.status_code) == (path, 200)


def test_a_notice_of_the_list_is_kept_and_enters_nothing(till: Till, engine: Engine) -> None:
    row = {"transactionId": "UKN1", "amount": "5.00", "billreference": "0712000001"}
    client = create_app(till.app).test_client()
    for _ in range(2):
        path = f"{till.app.settings.daraja_doors}/pull"
        answer = client.post(path, json={"ResponseCode": "1000", "Response": [[row]]})
        assert answer.get_json() == {"ResultCode": 0, "ResultDesc": "Success"}
    till.work()
    (kept,) = till.rows("SELECT state, error FROM inbox WHERE kind = 'mpesa_pull'")
    assert tuple(kept) == ("done", "a notice of the list")
    assert till.receipts() == {}


def rows(count: int) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(
        (double.FIXTURES / "pull/query-response.unverified.json").read_text()
    )
    ((row,),) = listed["Response"]
    return listed | {"Response": [[row | {"transactionId": f"UKK{n}"} for n in range(count)]]}


def test_a_list_may_be_long_and_nothing_else_may(daraja: Daraja, safaricom: Double) -> None:
    answer = json.dumps(rows(3_000)).encode()
    assert len(answer) > 500_000
    safaricom.answer = lambda _: (200, answer)
    listed = daraja.pull(NOW - timedelta(days=1), NOW)
    assert isinstance(listed, tuple)
    assert [row.receipt for row in listed] == [f"UKK{n}" for n in range(3_000)]
    assert isinstance(daraja.balance(), Open)
    safaricom.answer = lambda _: (200, json.dumps(rows(22_000)).encode())
    assert daraja.pull(NOW - timedelta(days=1), NOW) == Open(TOO_LONG)
