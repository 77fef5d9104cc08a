"""Errands: each asked for once and ended once, whatever is lost, late, doubled or contradicted."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row

from tests.workers.conftest import ASHA, BARAKA, Boxes
from tests.workers.gateway import Answer, Form, LocalGateway
from tests.workers.outside import Outside, buy, outside, send_to_bank
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers import errand_rows
from workers.errand_rows import SENDING_LIMIT_S
from workers.gateways.bank import BankSwitch
from workers.inbox import MOST_WAITS
from workers.relay import drain
from workers.shop import open_shop

PIN = "4826"


class Desk:
    """An application with the cast in it, and what its errands and its books have come to."""

    def __init__(self, app: App, boxes: Boxes) -> None:
        self.app, self.boxes = app, boxes

    def errand(self, reference: str) -> Row[Any]:
        with self.app.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT * FROM errands WHERE reference = %s", (reference,)
            )
            return found.one()

    def states(self) -> dict[str, int]:
        with self.app.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT state, count(*) FROM errands GROUP BY state")
            return {row[0]: row[1] for row in rows}

    def entries(self, kind: str) -> int:
        """How many entries of a type have moved money, but for those that give it back."""
        with self.app.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT count(*) FROM entries WHERE type = %s AND legs > 0 AND reverses IS NULL",
                (kind,),
            )
            return int(found.scalar_one())

    def available(self, msisdn: str) -> int:
        with self.app.engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT a.balance_minor - a.held_minor FROM parties p"
                " JOIN accounts a ON a.id = p.wallet_id WHERE p.msisdn = %s",
                (msisdn,),
            )
            return int(found.scalar_one())

    def status(self, id_: str, status: str, value: str = "KES 100.0000", times: int = 1) -> int:
        """The reseller reports on a purchase of Asha's."""
        body = {"id": id_, "phone": ASHA, "status": status, "value": value, "reason": ""}
        came = 0
        for number in range(times):
            came = self.boxes.hear("airtime_status", f"{id_}:{status}:{number}", **body)
        return came


@pytest.fixture
def desk(app: App, boxes: Boxes, engine: Any) -> Iterator[Desk]:
    plant(app.bank.desk)
    drain(app)
    yield Desk(app, boxes)
    assert not audit.run(engine)


def sent(request_id: str = "ATQid_00000001") -> bytes:
    recipient = {"errorMessage": "None", "status": "Sent", "requestId": request_id}
    return json.dumps({"errorMessage": "None", "responses": [recipient]}).encode()


def answers(gateway: LocalGateway, status: int, body: bytes = b"") -> None:
    """How the gateway answers purchases from here on; SMS are taken."""
    plain = LocalGateway.answer

    def answer(form: Form, provider_id: str) -> Answer:
        if "recipients" in form:
            return status, "application/json", body
        return plain(form, provider_id)

    gateway.answer = answer


def asked(gateway: LocalGateway) -> int:
    return sum("recipients" in form for form in gateway.forms)


def test_an_answer_settles_and_a_doubled_report_changes_nothing(
    desk: Desk, gateway: LocalGateway
) -> None:
    answers(gateway, 201, sent())
    receipt = buy(desk.app, ASHA, PIN, 100)
    drain(desk.app)
    assert desk.errand(receipt).state == "done"
    desk.status("ATQid_00000001", "Success", times=3)
    drain(desk.app)
    assert (desk.errand(receipt).state, desk.entries("buy_airtime")) == ("done", 1)
    assert desk.available(ASHA) == 1_400_00
    assert asked(gateway) == 1


def test_a_worker_that_dies_while_it_asks_leaves_a_doubt_that_nobody_guesses(
    desk: Desk, gateway: LocalGateway, clock: FrozenClock
) -> None:
    answers(gateway, 201, sent())
    receipt = buy(desk.app, ASHA, PIN, 100)
    shop = open_shop(desk.app, lines=1)
    with desk.app.engine.begin() as connection:
        errand_rows.adopt(connection, ["airtime"], clock.now(), 10)
        assert errand_rows.claim(connection, "one that dies", clock.now())
    shop.close()
    drain(desk.app)
    assert desk.errand(receipt).state == "sending"
    clock.advance(seconds=SENDING_LIMIT_S + 1)
    for _ in range(3):
        drain(desk.app)
        clock.advance(seconds=3600)
    assert (desk.errand(receipt).state, asked(gateway)) == ("unknown", 0)
    assert desk.available(ASHA) == 1_400_00
    desk.status("ATQid_00000009", "Success")
    drain(desk.app)
    assert (desk.errand(receipt).state, desk.entries("buy_airtime")) == ("done", 1)


def test_a_worker_that_dies_before_the_book_follows_is_followed_by_the_next(
    desk: Desk, gateway: LocalGateway, clock: FrozenClock
) -> None:
    answers(gateway, 500)
    receipt = buy(desk.app, ASHA, PIN, 100)
    drain(desk.app)
    row = desk.errand(receipt)
    with desk.app.engine.begin() as connection:
        assert errand_rows.said(connection, row.id, ["unknown"], "agreed", clock.now())
    drain(desk.app)
    assert (desk.errand(receipt).state, desk.entries("buy_airtime")) == ("done", 1)
    desk.boxes.change("UPDATE errands SET state = 'agreed' WHERE id = %s", row.id)
    drain(desk.app)
    assert (desk.errand(receipt).state, desk.entries("buy_airtime")) == ("done", 1)


def test_a_report_that_comes_before_the_answer_waits_for_it(
    desk: Desk, gateway: LocalGateway, clock: FrozenClock
) -> None:
    plain = LocalGateway.answer

    def answer(form: Form, provider_id: str) -> Answer:
        if "recipients" not in form:
            return plain(form, provider_id)
        desk.status("ATQid_00000001", "Success")
        return 201, "application/json", sent()

    gateway.answer = answer
    receipt = buy(desk.app, ASHA, PIN, 100)
    drain(desk.app)
    clock.advance(seconds=5)
    drain(desk.app)
    assert (desk.errand(receipt).state, desk.entries("buy_airtime")) == ("done", 1)


def test_of_two_alike_in_doubt_a_report_settles_neither(
    desk: Desk, gateway: LocalGateway, clock: FrozenClock
) -> None:
    answers(gateway, 500)
    receipts = [buy(desk.app, ASHA, PIN, 100) for _ in range(2)]
    drain(desk.app)
    came = desk.status("ATQid_00000001", "Success")
    for _ in range(MOST_WAITS + 2):
        drain(desk.app)
        clock.advance(seconds=70)
    assert desk.states() == {"unknown": 2}
    assert desk.boxes.came(came).error == "it may be about several"
    with desk.app.engine.begin() as connection:
        assert errand_rows.decide(connection, receipts[0], True, clock.now(), "joyce")
        assert errand_rows.decide(connection, receipts[1], False, clock.now(), "joyce")
    drain(desk.app)
    assert desk.states() == {"done": 1, "refused": 1}
    assert desk.available(ASHA) == 1_400_00


def test_done_and_then_failed_is_given_back_once_and_then_done_again_is_for_people(
    desk: Desk, gateway: LocalGateway
) -> None:
    answers(gateway, 201, sent())
    receipt = buy(desk.app, ASHA, PIN, 100)
    drain(desk.app)
    desk.status("ATQid_00000001", "Failed", times=2)
    drain(desk.app)
    assert desk.errand(receipt).state == "returned"
    assert desk.available(ASHA) == 1_500_00
    desk.status("ATQid_00000001", "Success")
    drain(desk.app)
    assert desk.errand(receipt).state == "disputed"
    assert desk.available(ASHA) == 1_500_00


def test_another_value_than_was_asked_for_settles_nothing(
    desk: Desk, gateway: LocalGateway
) -> None:
    answers(gateway, 500)
    receipt = buy(desk.app, ASHA, PIN, 100)
    drain(desk.app)
    desk.boxes.change("UPDATE errands SET provider_id = 'ATQid_00000001'")
    desk.status("ATQid_00000001", "Success", value="KES 10.0000")
    drain(desk.app)
    assert desk.errand(receipt).state == "unknown"


def test_an_answer_to_an_earlier_request_counts_no_more(
    desk: Desk, gateway: LocalGateway, clock: FrozenClock
) -> None:
    answers(gateway, 500)
    receipt = buy(desk.app, ASHA, PIN, 100)
    drain(desk.app)
    desk.boxes.change("UPDATE errands SET attempts = 2, tries = 2")
    with desk.app.engine.begin() as connection:
        last = errand_rows.doubtful(connection, ["airtime"], clock.now() + timedelta(days=1))
    assert last is not None
    told = (last.id, ["sending", "unknown"], "declined", clock.now())
    with desk.app.engine.begin() as connection:
        for earlier in (replace(last, attempts=1), replace(last, tries=1)):
            assert not errand_rows.said(connection, *told, request=earlier)
        assert errand_rows.said(connection, *told, request=last)
    drain(desk.app)
    assert desk.errand(receipt).state == "refused"


def test_a_database_that_fails_takes_no_line_away(
    desk: Desk, gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(gateway, 201, sent())
    receipt = buy(desk.app, ASHA, PIN, 100)
    shop = open_shop(desk.app, lines=1)
    with monkeypatch.context() as patch:
        patch.setattr(errand_rows, "claim", lambda *_: 1 / 0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                shop.errands.turn()
    shop.errands.turn()
    shop.close()
    assert desk.errand(receipt).state == "done"


def test_what_has_no_carrier_waits_and_no_message_is_made_of_it(
    desk: Desk, gateway: LocalGateway
) -> None:
    id_ = desk.boxes.say(template="airtime", kind="post_office", receipt="KB1")
    drain(desk.app)
    assert desk.boxes.out(id_).state == "queued"


def test_workers_that_race_ask_for_each_errand_once(
    desk: Desk, gateway: LocalGateway, clock: FrozenClock
) -> None:
    gateway.delay_s = 0.05
    answers(gateway, 201, sent())
    for amount in range(10, 22):
        buy(desk.app, BARAKA if amount == 10 else ASHA, "1111" if amount == 10 else PIN, amount)
    shops = [open_shop(desk.app, lines=2) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(4):
            list(pool.map(lambda shop: shop.errands.turn(), shops))
    for shop in shops:
        shop.close()
    assert asked(gateway) == 12
    references = [headers.get("idempotency-key") for headers in gateway.headers]
    assert len({reference for reference in references if reference}) == 12


@pytest.fixture
def world() -> Iterator[Outside]:
    with outside() as made:
        yield made


@pytest.fixture
def banked(
    settings: Settings, world: Outside, clock: FrozenClock, boxes: Boxes, engine: Any
) -> Iterator[Desk]:
    """An application whose bank switch is the simulator's."""
    known = world.settings(settings)
    names = BankSwitch(str(known.bank_url), known.bank_key)
    app = build(known, clock=clock, ids=SequentialIds(), account_names=names)
    plant(app.bank.desk)
    drain(app)
    yield Desk(app, boxes)
    app.close()
    assert not audit.run(engine)


def test_a_transfer_in_doubt_is_asked_about_until_it_is_final(
    banked: Desk, world: Outside, clock: FrozenClock
) -> None:
    receipt = send_to_bank(banked.app, ASHA, PIN, 500)
    world.switch.faults = replace(world.switch.faults, drop=True, pending=True)
    drain(banked.app)
    for _ in range(3):
        clock.advance(seconds=60)
        drain(banked.app)
        assert banked.errand(receipt).state == "unknown"
    world.switch.transfers[receipt] = replace(world.switch.transfers[receipt], status="rejected")
    clock.advance(seconds=600)
    drain(banked.app)
    assert (banked.errand(receipt).state, banked.entries("send_to_bank")) == ("refused", 0)
    assert banked.available(ASHA) == 1_500_00


def test_a_result_that_overtakes_the_answer_ends_it_once(banked: Desk, clock: FrozenClock) -> None:
    receipt = send_to_bank(banked.app, ASHA, PIN, 500)
    with banked.app.engine.begin() as connection:
        errand_rows.adopt(connection, ["bank"], clock.now(), 10)
        assert errand_rows.claim(connection, "one that dies", clock.now())
    for number in range(2):
        body = {"reference": receipt, "status": "accepted", "reason": ""}
        banked.boxes.hear("bank_result", f"{receipt}:{number}", **body)
    drain(banked.app)
    assert (banked.errand(receipt).state, banked.entries("send_to_bank")) == ("done", 1)
    assert banked.available(ASHA) == 1_500_00 - 505_00


def test_money_that_comes_is_entered_once_however_the_worker_dies(
    banked: Desk, clock: FrozenClock
) -> None:
    body = {"msisdn": ASHA, "amount_minor": "20000", "bank": "01", "sender": "Upendo"}
    came = banked.boxes.hear("bank_credit", "FT1", reference="FT1", **body)
    lost = {**body, "msisdn": "+254799000111"}
    kept = banked.boxes.hear("bank_credit", "FT2", reference="FT2", **lost)
    for _ in range(2):
        drain(banked.app)
        again = "UPDATE inbox SET state = 'queued' WHERE id = ANY (%s)"
        banked.boxes.change(again, [came, kept])
    banked.boxes.change("DELETE FROM unplaced")
    drain(banked.app)
    assert banked.available(ASHA) == 1_700_00
    assert (banked.entries("bank_deposit"), banked.entries("bank_unplaced")) == (1, 1)
    with banked.app.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT reference, because FROM unplaced").all()
    assert [tuple(row) for row in found] == [("FT2", "unknown customer")]


@pytest.mark.parametrize("to", [ASHA, "+254799000111"])
def test_another_amount_under_a_reference_of_the_banks_is_for_people(banked: Desk, to: str) -> None:
    body = {"reference": "FT1", "msisdn": to, "bank": "01", "sender": "Upendo"}
    banked.boxes.hear("bank_credit", "FT1:20000", amount_minor="20000", **body)
    drain(banked.app)
    before = banked.available(ASHA)
    other = banked.boxes.hear("bank_credit", "FT1:90000", amount_minor="90000", **body)
    drain(banked.app)
    assert banked.boxes.came(other).state == "dead"
    assert banked.available(ASHA) == before
    counted = banked.app.metrics.exposition().decode()
    assert 'kabambe_alarms_total{what="bank_contradicted"} 1.0' in counted
