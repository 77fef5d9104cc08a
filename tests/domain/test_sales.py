"""Sales at a counter when something goes wrong: nobody came to begin one, its money comes late, it
cannot be paid by M-PESA, its phone is busy.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import redis as redis_py

from tests.domain import billed
from tests.domain.billed import BILLED, MAJI, bill, customer, mpesa
from tests.domain.trade import held
from tests.people import ASHA
from ussd_app.bootstrap import App, build
from ussd_app.domain.billing import journal, sales
from ussd_app.domain.billing.journal import NotToBeEntered
from ussd_app.domain.billing.sales import Sale
from ussd_app.domain.mpesa import validation
from ussd_app.domain.mpesa.validation import Verdict
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.daraja import C2b
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import SequentialIds
from ussd_app.reports import billing_proof
from ussd_app.settings import Settings

PRICE = 350_00


@pytest.fixture
def app(
    database_url: str, redis: redis_py.Redis, redis_server: Redis, clock: FrozenClock
) -> Iterator[App]:
    """A Kabambe that is at M-PESA."""
    settings = Settings(env="test", database_url=database_url, redis_url=redis_server.url())
    there = replace(settings, daraja_url="http://127.0.0.1:1/safaricom")
    app = build(there, clock=clock, ids=SequentialIds())
    yield app
    app.close()


@pytest.fixture(autouse=True)
def _town(app: App) -> None:
    plant(app.bank.desk, BILLED)


def drafted(app: App) -> int:
    own = billed.kept(app)
    with app.engine.begin() as connection:
        given = {"what": "Drum", "price_minor": PRICE, "msisdn": ASHA.msisdn}
        return sales.draft(app.bank.desk, connection, own, **given)  # type: ignore[arg-type]


def sell(app: App, minor: int = PRICE, key: str = "s:sale:1") -> dict[str, object]:
    """A sale as its seller makes it by phone."""
    args = {"biller": str(billed.kept(app).biller_id), "what": "Drum", "amount": minor}
    args |= {"phone": ASHA.msisdn, "pin": MAJI.pin}
    return app.bank.serve("add_sale", MAJI.msisdn, args, key)


def said_to(app: App, msisdn: str) -> list[str]:
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT template FROM outbox WHERE kind = 'sms' AND address = %s ORDER BY id", (msisdn,)
        )
        return list(rows.scalars())


def pushes(app: App) -> int:
    with app.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM pushes").scalar_one())


def state(app: App, sale_id: int) -> tuple[str, int, int]:
    now = sales.by_id(app.bank.desk, sale_id)
    return now.state, now.paid_minor, now.open_minor


def unplaced(app: App) -> int:
    return held(app, f"bill_unplaced/paybill-{billed.kept(app).biller_id}")


def revenue(app: App) -> int:
    return held(app, f"bill_revenue/paybill-{billed.kept(app).biller_id}")


def must_hold(app: App) -> None:
    billed.must_be_in_order(app)
    assert not billing_proof.verify(app.engine, app.catalogue, billed.kept(app))


def expired(app: App, clock: FrozenClock, paid: int = 0) -> Sale:
    sold = sales.begin(app.bank.desk, drafted(app))
    if paid:
        mpesa(app, sold.number, paid, "in time")
    clock.advance(seconds=900)
    assert sales.expire(app.bank.desk) == 1
    return sales.by_id(app.bank.desk, sold.id)


def test_nobody_is_asked_to_pay_before_the_sale_stands_in_the_books(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dies:
        dies.setattr(sales, "begin", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sell(app)
    assert (pushes(app), said_to(app, ASHA.msisdn)) == (0, [])
    for _ in range(2):
        assert sell(app)["sale"] == "POS1"
    assert (pushes(app), said_to(app, ASHA.msisdn)) == (1, ["bill_sale"])
    mpesa(app, "POS1", PRICE, "A")
    assert said_to(app, MAJI.msisdn) == ["bill_sale_paid"]
    must_hold(app)


def test_a_sale_that_nobody_came_to_begin_is_begun_once(app: App, clock: FrozenClock) -> None:
    sale_id = drafted(app)
    assert sales.begin_forgotten(app.bank.desk) == 0
    clock.advance(seconds=61)
    assert [sales.begin_forgotten(app.bank.desk) for _ in range(2)] == [1, 0]
    assert state(app, sale_id) == ("PENDING", 0, PRICE)
    assert said_to(app, ASHA.msisdn) == ["bill_sale"]


def test_one_that_is_begun_too_late_asks_nobody_and_ends(app: App, clock: FrozenClock) -> None:
    sale_id = drafted(app)
    clock.advance(seconds=900)
    assert sales.begin_forgotten(app.bank.desk) == 1
    assert said_to(app, ASHA.msisdn) == []
    assert sales.expire(app.bank.desk) == 1
    assert state(app, sale_id) == ("EXPIRED", 0, 0)
    must_hold(app)


def test_what_came_before_it_was_begun_is_told_and_matched(app: App, clock: FrozenClock) -> None:
    sale_id, own = drafted(app), billed.kept(app)
    receipt = mpesa(app, "POS1", PRICE, "early")
    assert said_to(app, MAJI.msisdn) == ["bill_sale_late"]
    clock.advance(seconds=61)
    sales.begin_forgotten(app.bank.desk)
    journal.match(app.bank.desk, own, receipt, "POS1")
    assert state(app, sale_id) == ("PAID", PRICE, 0)
    assert (unplaced(app), revenue(app)) == (0, PRICE)
    must_hold(app)


def test_nobody_is_let_pay_a_sale_that_wants_nothing_any_more(app: App, clock: FrozenClock) -> None:
    sold = sales.begin(app.bank.desk, drafted(app))
    account = f"{billed.NUMBER} POS1"
    typed = C2b("UKA1", "", clock.now(), PRICE, "174379", account, "", "", "", "", None)
    assert validation.judge(app.bank.desk, typed) is Verdict.ACCEPTED
    mpesa(app, "POS1", PRICE, "A")
    assert state(app, sold.id) == ("PAID", PRICE, 0)
    with pytest.raises(Refused) as refused:
        billed.wallet(app, ASHA, "POS1", PRICE)
    assert refused.value.code is RefusalCode.UNKNOWN_BILL_ACCOUNT
    assert validation.judge(app.bank.desk, typed) is Verdict.INVALID_ACCOUNT


@pytest.mark.parametrize("paid", [0, 100_00])
def test_a_late_payment_is_told_and_makes_a_sale_of_it_after_all(
    app: App, clock: FrozenClock, paid: int
) -> None:
    sold, own = expired(app, clock, paid), billed.kept(app)
    assert (sold.state, sold.paid_minor) == ("EXPIRED", paid)
    receipt = mpesa(app, "POS1", PRICE, "late")
    assert said_to(app, MAJI.msisdn)[-1] == "bill_sale_late"
    journal.match(app.bank.desk, own, receipt, "POS1")
    assert state(app, sold.id) == ("PAID", PRICE, 0)
    assert (unplaced(app), revenue(app)) == (paid, PRICE)
    with pytest.raises(NotToBeEntered):
        journal.match(app.bank.desk, own, receipt, "POS1")
    must_hold(app)


def test_what_is_left_of_it_is_matched_to_somebody_else(app: App, clock: FrozenClock) -> None:
    sold, own, whom = expired(app, clock, 100_00), billed.kept(app), customer(app)
    receipt = mpesa(app, "POS1", PRICE, "late")
    journal.match(app.bank.desk, own, receipt, "POS1")
    journal.match(app.bank.desk, own, receipt, "ACC12")
    assert (unplaced(app), billed.credit(app, whom)) == (0, 100_00)
    with pytest.raises(NotToBeEntered):
        journal.match(app.bank.desk, own, receipt, "ACC12")
    billed.take_back(app, receipt)
    assert state(app, sold.id) == ("EXPIRED", 100_00, 0)
    assert (unplaced(app), billed.credit(app, whom), revenue(app)) == (0, 0, 100_00)
    must_hold(app)


def test_what_was_paid_in_time_may_still_be_taken_back(app: App, clock: FrozenClock) -> None:
    own = billed.kept(app)
    sold = sales.begin(app.bank.desk, drafted(app))
    first = mpesa(app, "POS1", PRICE // 2, "in time")
    clock.advance(seconds=900)
    assert sales.expire(app.bank.desk) == 1
    billed.take_back(app, first)
    assert sales.expire(app.bank.desk) == 1
    assert state(app, sold.id) == ("EXPIRED", 0, 0)
    late = mpesa(app, "POS1", PRICE, "late")
    journal.match(app.bank.desk, own, late, "POS1")
    assert state(app, sold.id) == ("PAID", PRICE, 0)
    must_hold(app)


def test_two_late_payments_at_once_make_one_sale(app: App, clock: FrozenClock) -> None:
    sold, own = expired(app, clock), billed.kept(app)
    late = [mpesa(app, "POS1", PRICE, f"late {n}") for n in range(4)]

    def match(receipt: str) -> bool:
        try:
            return bool(journal.match(app.bank.desk, own, receipt, "POS1"))
        except NotToBeEntered:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(match, late)) == 1
    assert state(app, sold.id) == ("PAID", PRICE, 0)
    assert (unplaced(app), revenue(app)) == (3 * PRICE, PRICE)
    must_hold(app)


def test_what_came_for_a_draft_is_matched_to_it(app: App) -> None:
    sale_id, own = drafted(app), billed.kept(app)
    journal.match(app.bank.desk, own, mpesa(app, "POS1", PRICE, "early"), "POS1")
    assert state(app, sale_id) == ("PAID", PRICE, 0)
    must_hold(app)


def test_a_price_that_mpesa_cannot_be_paid_is_refused_at_once(app: App) -> None:
    with pytest.raises(Refused) as refused:
        sell(app, 350_50)
    assert refused.value.code is RefusalCode.WHOLE_SHILLINGS
    with pytest.raises(Refused) as refused:
        sell(app, 50, "s:sale:2")
    assert refused.value.code is RefusalCode.WHOLE_SHILLINGS
    assert pushes(app) == 0


def test_a_phone_that_is_asked_already_has_its_sms(app: App) -> None:
    sell(app)
    assert sell(app, key="s:sale:2")["sale"] == "POS2"
    assert (pushes(app), said_to(app, ASHA.msisdn)) == (1, ["bill_sale"] * 2)


def test_a_push_is_judged_like_every_payment(app: App) -> None:
    sent = [bill(app, whom, 450_000_00) for whom in [customer(app)] * 2]
    mpesa(app, "INV1", 400_000_00, "much")
    args: dict[str, object] = {"bill": f"i{sent[1].id}", "amount": 150_000_00}
    with pytest.raises(Refused) as refused:
        app.bank.serve("bill_push", ASHA.msisdn, args, "s:push:1")
    assert refused.value.code is RefusalCode.DAILY_LIMIT
    app.bank.serve("bill_push", ASHA.msisdn, args | {"amount": 100_000_00}, "s:push:2")
    assert pushes(app) == 1


def test_a_number_that_no_phone_has_room_for_is_not_cut_to_another_one(app: App) -> None:
    whom = customer(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE billers SET invoices = 99998, sales = 99999")
    fits, too_long = (bill(app, whom, 100_00) for _ in range(2))
    assert (fits.number, too_long.number) == ("INV99999", "INV100000")
    asked: dict[str, object] = {"bill": f"i{too_long.id}", "amount": 100_00}
    with pytest.raises(Refused) as refused:
        app.bank.serve("bill_push", ASHA.msisdn, asked, "s:push:1")
    assert refused.value.code is RefusalCode.ACCOUNT_TOO_LONG
    assert sell(app)["sale"] == "POS100000"
    assert (pushes(app), said_to(app, ASHA.msisdn)[-1]) == (0, "bill_sale")
    app.bank.serve("bill_push", ASHA.msisdn, asked | {"bill": f"i{fits.id}"}, "s:push:2")
    assert pushes(app) == 1
