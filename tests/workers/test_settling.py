"""What became of a message whose sending was cut short: reports and evidence, never a guess."""

import pytest

from tests.workers.conftest import ASHA, BARAKA, Boxes
from tests.workers.gateway import Answer, Form, LocalGateway, taken
from ussd_app.bootstrap import App
from ussd_app.kernel.clock import FrozenClock
from workers import settle
from workers.outbox import SENDING_LIMIT_S
from workers.relay import drain
from workers.settle import LONGEST_DOUBT_S, PATIENCE_S, WITNESSES, network_of, never_taken

AIRTEL = "+254733000003"


def hang_up(_form: Form, _provider_id: str) -> Answer:
    return 0, "", b""


def _doubt(app: App, boxes: Boxes, gateway: LocalGateway, address: str = ASHA) -> int:
    """A message whose call had no answer."""
    gateway.answer = hang_up
    id_ = boxes.say(address)
    drain(app)
    gateway.answer = taken
    assert boxes.out(id_).state == "unknown"
    return id_


def _witnesses(
    app: App, boxes: Boxes, clock: FrozenClock, *, count: int, reported: int, to: str = BARAKA
) -> None:
    """Later messages, of which some are reported on."""
    clock.advance(seconds=1)
    ids = [boxes.say(to) for _ in range(count)]
    drain(app)
    for id_ in ids[:reported]:
        boxes.report(boxes.out(id_).provider_id, phone=to)
    drain(app)


def test_a_report_is_written_onto_its_message(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    id_ = boxes.say()
    drain(app)
    came = boxes.report(gateway.heard[0][2])
    drain(app)
    row = boxes.out(id_)
    assert (row.state, row.report, row.reported_at) == ("done", "Success", app.clock.now())
    assert boxes.came(came).state == "done"


def test_reports_in_any_order_end_with_the_final_one(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    id_ = boxes.say()
    drain(app)
    for status in ("Buffered", "Failed", "Sent", "Submitted"):
        boxes.report(gateway.heard[0][2], status)
    drain(app)
    assert boxes.out(id_).report == "Failed"
    boxes.report(gateway.heard[0][2], "NewWord")
    drain(app)
    assert boxes.out(id_).report == "Failed"


def test_a_report_settles_an_unknown_message(app: App, boxes: Boxes, gateway: LocalGateway) -> None:
    older, newer = _doubt(app, boxes, gateway), _doubt(app, boxes, gateway)
    boxes.report("ATXid_never_learned", phone=ASHA)
    drain(app)
    assert boxes.out(older).state == "done"
    assert boxes.out(older).provider_id == "ATXid_never_learned"
    assert boxes.out(newer).state == "unknown"


def test_a_report_for_another_number_settles_nothing(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    id_ = _doubt(app, boxes, gateway)
    boxes.report("ATXid_never_learned", phone=BARAKA)
    drain(app)
    assert boxes.out(id_).state == "unknown"


def test_a_report_that_comes_before_the_answer_waits_for_it(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    id_ = boxes.say()
    boxes.change(
        "UPDATE outbox SET state = 'sending', claimed_at = %s WHERE id = %s", clock.now(), id_
    )
    came = boxes.report("ATXid_early")
    drain(app)
    assert boxes.out(id_).state == "sending"
    assert boxes.came(came).state == "queued"
    boxes.change("UPDATE outbox SET state = 'done', provider_id = 'ATXid_early' WHERE id = %s", id_)
    clock.advance(seconds=10)
    drain(app)
    assert boxes.out(id_).report == "Success"
    assert boxes.came(came).state == "done"


def test_a_report_about_nothing_of_ours_is_put_aside_in_time(
    app: App, boxes: Boxes, clock: FrozenClock
) -> None:
    came = boxes.report("ATXid_of_somebody_else")
    for _ in range(20):
        drain(app)
        clock.advance(seconds=120)
    row = boxes.came(came)
    assert (row.state, row.error) == ("done", "about no message of ours")


def test_a_lost_worker_makes_its_messages_unknown(
    app: App, boxes: Boxes, clock: FrozenClock, gateway: LocalGateway
) -> None:
    id_ = boxes.say()
    boxes.change(
        "UPDATE outbox SET state = 'sending', claimed_at = %s, claimed_by = 'gone' WHERE id = %s",
        clock.now(),
        id_,
    )
    clock.advance(seconds=SENDING_LIMIT_S - 1)
    drain(app)
    assert boxes.out(id_).state == "sending"
    clock.advance(seconds=2)
    drain(app)
    assert boxes.out(id_).state == "unknown"
    assert gateway.heard == []


def test_evidence_sends_it_again_and_only_then(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    id_ = _doubt(app, boxes, gateway)
    _witnesses(app, boxes, clock, count=WITNESSES, reported=WITNESSES)
    clock.advance(seconds=PATIENCE_S - 10)
    drain(app)
    assert boxes.out(id_).state == "unknown", "not before its patience is at an end"
    clock.advance(seconds=20)
    drain(app)
    assert boxes.out(id_).state == "done"
    assert [heard[0] for heard in gateway.heard].count(ASHA) == 1


@pytest.mark.parametrize(
    ("count", "reported", "to"),
    [
        pytest.param(WITNESSES - 1, WITNESSES - 1, BARAKA, id="too few"),
        pytest.param(10, 5, BARAKA, id="a network that reports on half"),
        pytest.param(5, 0, BARAKA, id="a network that never reports"),
        pytest.param(5, 5, AIRTEL, id="another network"),
    ],
)
def test_weak_evidence_is_none(
    app: App,
    boxes: Boxes,
    gateway: LocalGateway,
    clock: FrozenClock,
    count: int,
    reported: int,
    to: str,
) -> None:
    id_ = _doubt(app, boxes, gateway)
    _witnesses(app, boxes, clock, count=count, reported=reported, to=to)
    clock.advance(seconds=PATIENCE_S + 20)
    drain(app)
    assert boxes.out(id_).state == "unknown"
    clock.advance(seconds=LONGEST_DOUBT_S)
    drain(app)
    assert boxes.out(id_).state == "dead"
    assert [heard[0] for heard in gateway.heard].count(ASHA) == 0


def test_a_code_is_never_sent_again(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    gateway.answer = hang_up
    id_ = boxes.say(ASHA, "unlock_code", code="123456", minutes=10, service="*383#")
    drain(app)
    gateway.answer = taken
    _witnesses(app, boxes, clock, count=5, reported=5)
    clock.advance(seconds=PATIENCE_S + 20)
    drain(app)
    row = boxes.out(id_)
    assert row.state == "dead"
    assert "123456" not in repr(tuple(row))


def test_networks_are_told_apart_by_their_numbers() -> None:
    assert network_of(ASHA) == network_of(BARAKA) == "Safaricom"
    assert network_of(AIRTEL) != "Safaricom"
    assert network_of("x") == ""
    settle.network_of.cache_clear()


def test_the_rule_of_witnesses() -> None:
    assert not never_taken([])
    assert not never_taken([True] * (WITNESSES - 1))
    assert never_taken([True] * WITNESSES)
    assert never_taken([True] * 95 + [False] * 5)
    assert not never_taken([True] * 94 + [False] * 6)


def test_one_report_for_one_of_two_doubts_sends_neither_again(
    app: App, boxes: Boxes, gateway: LocalGateway, clock: FrozenClock
) -> None:
    """The older was never taken, the newer was; nobody can tell which the report is about."""
    older, newer = _doubt(app, boxes, gateway), _doubt(app, boxes, gateway)
    boxes.report("ATXid_of_the_newer", phone=ASHA)
    drain(app)
    _witnesses(app, boxes, clock, count=WITNESSES + 5, reported=WITNESSES + 5, to=BARAKA)
    sent = len(gateway.heard)
    for _ in range(5):
        clock.advance(seconds=PATIENCE_S + 60)
        drain(app)
    assert len(gateway.heard) == sent
    assert boxes.out(older).state == "done"
    assert boxes.out(newer).state == "unknown"
    clock.advance(seconds=LONGEST_DOUBT_S)
    drain(app)
    assert boxes.out(newer).state == "dead"


def test_two_reports_for_two_doubts_settle_both(
    app: App, boxes: Boxes, gateway: LocalGateway
) -> None:
    older, newer = _doubt(app, boxes, gateway), _doubt(app, boxes, gateway)
    for name in ("one", "another"):
        boxes.report(f"ATXid_{name}", phone=ASHA)
        drain(app)
    assert {boxes.out(older).state, boxes.out(newer).state} == {"done"}
