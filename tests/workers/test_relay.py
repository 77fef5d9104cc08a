"""The relay: what is due is said once, what cannot be said has an end, nothing is guessed."""

import threading
import time
from collections.abc import Sequence
from datetime import datetime

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from tests.workers.conftest import ASHA, BARAKA, Boxes
from tests.workers.gateway import Answer, Form, LocalGateway, taken
from ussd_app.bootstrap import App
from ussd_app.kernel.clock import FrozenClock
from workers import dead_letters, outbox
from workers.errands import Errands
from workers.relay import MOST_ATTEMPTS, Relay, backoff_s, drain
from workers.shop import Shop, open_shop


def hang_up(_form: Form, _provider_id: str) -> Answer:
    return 0, "", b""


def test_what_is_due_is_said_and_written_down(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    id_ = boxes.say(ASHA, "no_transactions", balance=99_300)
    drain(app)
    text = "You have no transactions yet. Balance KES 993.00."
    assert [heard[:2] for heard in gateway.heard] == [(ASHA, text)]
    row = boxes.out(id_)
    assert (row.state, row.text, row.segments, row.attempts) == ("done", text, 1, 1)
    assert row.provider_id == gateway.heard[0][2]
    assert row.cost == "KES 0.8000"
    assert row.ended_at == app.clock.now()


def test_messages_go_in_order_and_only_when_due(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    first, second, third = (boxes.say(address=number) for number in (ASHA, BARAKA, ASHA))
    boxes.change("UPDATE outbox SET due_at = due_at + interval '1 minute' WHERE id = %s", second)
    drain(app)
    assert [heard[0] for heard in gateway.heard] == [ASHA, ASHA]
    assert boxes.out(second).state == "queued"
    clock.advance(seconds=61)
    drain(app)
    assert [heard[0] for heard in gateway.heard] == [ASHA, ASHA, BARAKA]
    assert [boxes.out(id_).state for id_ in (first, second, third)] == ["done"] * 3


def test_a_one_time_code_is_wiped_once_sent(app: App, boxes: Boxes, gateway: LocalGateway) -> None:
    id_ = boxes.say(ASHA, "unlock_code", code="123456", minutes=10, service="*383#")
    drain(app)
    assert "123456" in gateway.heard[0][1]
    row = boxes.out(id_)
    assert row.state == "done"
    assert "123456" not in repr(tuple(row))


def test_a_row_that_cannot_be_written_harms_no_other(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    poison = [boxes.say(template="nonsense"), boxes.say(template="balance", balance="many")]
    good = boxes.say()
    drain(app)
    assert [boxes.out(id_).state for id_ in poison] == ["dead", "dead"]
    assert boxes.out(good).state == "done"
    assert len(gateway.heard) == 1
    assert {letter.id for letter in dead_letters.stopped(app.engine)} == set(poison)


def test_who_said_stop_gets_receipts_and_no_offers(
    app: App, boxes: Boxes, gateway: LocalGateway, engine: Engine
) -> None:
    from ussd_app.domain.seeds import plant

    plant(app.bank.desk)
    drain(app)
    gateway.heard.clear()
    boxes.change("UPDATE parties SET offers = false WHERE msisdn = %s", ASHA)
    offer, receipt = boxes.say(kind="offer"), boxes.say(kind="sms")
    to_baraka = boxes.say(BARAKA, kind="offer")
    drain(app)
    assert boxes.out(offer).state == "refused"
    assert boxes.out(receipt).state == "done"
    assert boxes.out(to_baraka).state == "done"


@pytest.mark.parametrize("code", [401, 402, 403, 404, 406])
def test_a_refusal_is_an_end(app: App, boxes: Boxes, gateway: LocalGateway, code: int) -> None:
    gateway.answer = lambda form, id_: taken(form, id_, code=code, status="x")
    id_ = boxes.say()
    drain(app)
    assert boxes.out(id_).state == "refused"
    assert len(gateway.forms) == 1


def test_not_now_is_tried_again_later_and_in_the_end_given_up(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    gateway.answer = lambda form, id_: taken(form, id_, code=405, status="InsufficientBalance")
    id_ = boxes.say()
    for attempt in range(1, MOST_ATTEMPTS):
        drain(app)
        row = boxes.out(id_)
        assert (row.state, row.attempts) == ("queued", attempt)
        assert row.due_at > clock.now()
        drain(app)
        assert boxes.out(id_).attempts == attempt, "not before its time"
        clock.advance(seconds=(row.due_at - clock.now()).total_seconds() + 1)
    drain(app)
    row = boxes.out(id_)
    assert (row.state, row.attempts, row.error) == ("dead", MOST_ATTEMPTS, "InsufficientBalance")
    gateway.answer = taken
    assert dead_letters.replay(app.engine, [id_], clock.now()) == [id_]
    drain(app)
    assert boxes.out(id_).state == "done"
    assert dead_letters.replay(app.engine, [id_], clock.now()) == [], "done is done"


def test_the_pause_doubles_with_jitter_up_to_an_hour() -> None:
    assert [backoff_s(n, 0.5) for n in (1, 2, 3)] == [30.0, 60.0, 120.0]
    assert backoff_s(1, 0.0) == 15.0
    assert backoff_s(1, 1.0) == 45.0
    assert backoff_s(30, 0.5) == 3600.0


def test_an_unknown_outcome_is_never_sent_again_blindly(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    gateway.answer = hang_up
    id_ = boxes.say()
    drain(app)
    assert boxes.out(id_).state == "unknown"
    gateway.answer = taken
    for _ in range(5):
        clock.advance(seconds=3600)
        drain(app)
    assert boxes.out(id_).state == "unknown"
    assert len(gateway.forms) == 1


def test_many_calls_are_in_flight_at_once(app: App, boxes: Boxes, gateway: LocalGateway) -> None:
    gateway.delay_s = 0.2
    for number in range(120):
        boxes.say(template="no_transactions", balance=number)
    shop = open_shop(app, lines=60)
    started = time.monotonic()
    Relay(shop).run()
    took = time.monotonic() - started
    shop.close()
    assert boxes.states() == {"done": 120}
    assert set(gateway.texts().values()) == {1}
    assert took < 5, "one after another it would be 24 seconds"


def test_two_relays_at_once_say_everything_once(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    gateway.delay_s = 0.01
    for number in range(200):
        boxes.say(template="no_transactions", balance=number)
    shops = [open_shop(app, lines=8) for _ in range(2)]
    threads = [threading.Thread(target=Relay(shop).run) for shop in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for shop in shops:
        shop.close()
    assert boxes.states() == {"done": 200}
    assert set(gateway.texts().values()) == {1}
    assert len(gateway.texts()) == 200


def test_a_slow_transaction_is_not_skipped(
    app: App, boxes: Boxes, gateway: LocalGateway, engine: Engine
) -> None:
    insert = (
        "INSERT INTO outbox (kind, address, template, language, facts, due_at)"
        " VALUES ('sms', %s, 'language_set', 'en', '{}', %s)"
    )
    with engine.connect() as slow:
        slow.exec_driver_sql(insert, (BARAKA, app.clock.now()))
        boxes.say(ASHA)
        drain(app)
        assert [heard[0] for heard in gateway.heard] == [ASHA]
        slow.commit()
    drain(app)
    assert [heard[0] for heard in gateway.heard] == [ASHA, BARAKA]


def test_a_slice_of_time_ends_and_says_that_there_is_more(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    for _ in range(5):
        boxes.say()
    shop = open_shop(app, lines=2)
    relay = Relay(shop)
    ends = []
    for seconds in (0, 10):
        relay.run(seconds)
        ends.append((relay.cut_short, boxes.states()))
    shop.close()
    assert ends == [(True, {"queued": 5}), (False, {"done": 5})]


def test_a_database_that_fails_while_calls_are_out_loses_no_outcome(
    app: App, boxes: Boxes, gateway: LocalGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.delay_s = 0.3
    for number in range(10):
        boxes.say(template="no_transactions", balance=number)
    real, asked = outbox.due, []

    def due(
        connection: Connection, now: datetime, kinds: Sequence[str], most: int
    ) -> list[outbox.Row]:
        asked.append(most)
        if len(asked) > 1:
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return real(connection, now, kinds, 5)

    monkeypatch.setattr(outbox, "due", due)
    shop = open_shop(app, lines=8)
    relay = Relay(shop)
    with pytest.raises(OperationalError):
        relay.run()  # asks a second time while the first five are in the air
    shop.close()
    assert boxes.states() == {"done": 5, "queued": 5}


def test_a_worker_asked_to_stop_takes_nothing_new(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    boxes.say()
    shop = open_shop(app, lines=2)
    shop.stopping.set()
    Relay(shop).run()
    shop.close()
    assert boxes.states() == {"queued": 1}


def test_the_text_of_a_message_is_in_no_log(
    app: App, boxes: Boxes, gateway: LocalGateway, capfd: pytest.CaptureFixture[str]
) -> None:
    gateway.answer = hang_up
    boxes.say(ASHA, "unlock_code", code="918273", minutes=10, service="*383#")
    boxes.say(ASHA, "no_transactions", balance="918273x")
    drain(app)
    said = capfd.readouterr()
    assert "918273" not in said.out + said.err


def test_a_gateway_client_that_breaks_leaves_the_outcome_unknown(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    class Broken:
        def send(self, msisdn: str, text: str) -> None:
            raise LookupError(msisdn)

        def close(self) -> None:
            """Nothing is open."""

    id_ = boxes.say()
    shop = Shop(app, Broken(), Errands(app, {}, "test", 1), "test", lines=1)  # type: ignore[arg-type]
    Relay(shop).run()
    assert boxes.out(id_).state == "unknown"
