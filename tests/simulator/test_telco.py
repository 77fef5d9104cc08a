"""The telco's wire against the recorded shapes, and the network's rules and faults."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote

import pytest

from simulator import networks, wire
from simulator.phones import NO_SERVICE, Phone, Service
from simulator.serving import Served
from simulator.telco import NotNow, Telco
from tests.simulator.plain_app import PlainApp
from ussd_app.kernel.clock import FrozenClock

FIXTURES = Path(__file__).parents[1] / "fixtures" / "at-ussd"
NINE = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)


def names(body: str) -> list[str]:
    return [name for name, _ in parse_qsl(body, keep_blank_values=True)]


@pytest.fixture
def plain() -> PlainApp:
    return PlainApp()


@pytest.fixture
def telco(plain: PlainApp) -> Iterator[Telco]:
    with Served(plain.flask) as served:
        yield Telco(FrozenClock(NINE), Service.at(served.url, "*384*44135#", "22383"))


@pytest.fixture
def asha(telco: Telco) -> Phone:
    return telco.add("asha", "+254700000001", networks.SAFARICOM)


def test_a_hop_is_the_recorded_request_to_the_byte() -> None:
    call = wire.Call(
        "ATUid_5b1f6c0e9d7a4c2fb83e6a10d4c95f27", "*384*44135#", "+254700000001", "63902"
    )
    for fixture, text in {
        "01-begin": "",
        "02-menu-choice": "1",
        "05-pin-entered": "1*0700000002*500*1234",
        "07-empty-reply": "1*",
    }.items():
        recorded = (FIXTURES / f"{fixture}.form").read_bytes().strip()
        assert wire.encode(wire.hop(call, text)) == recorded


def test_an_event_has_the_recorded_fields_in_the_recorded_order() -> None:
    call = wire.Call(
        "ATUid_5b1f6c0e9d7a4c2fb83e6a10d4c95f27", "*384*44135#", "+254700000001", "63902"
    )
    ending = wire.Ending(
        status=wire.SUCCESS,
        at=datetime(2026, 11, 20, 5, 30, 12, tzinfo=UTC),
        duration_ms=41250,
        hops=6,
        labels=["main", "send-phone", "send-amount", "pin", "confirm", "done"],
        text="1*0700000002*500*1234*1",
        last_response="END Request received. You will get an SMS.",
    )
    recorded = (FIXTURES / "40-event-success.form").read_bytes().strip()
    assert wire.encode(wire.event(call, ending)) == recorded


def test_headers_are_the_gateways_and_the_label_is_echoed(
    plain: PlainApp, telco: Telco, asha: Phone
) -> None:
    telco.dial(asha, "*384*44135#")
    telco.answer(asha, "1")
    first, second = plain.headers
    assert first["User-Agent"] == "at-ussd-api/1.0"
    assert first["Accept-Encoding"] == "gzip"
    assert first["Content-Type"] == "application/x-www-form-urlencoded"
    assert "At-Ussd-Hop-Metadata" not in first
    assert second["At-Ussd-Hop-Metadata"] == "hop-1"


def test_a_whole_session_and_its_end(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    telco.dial(asha, "*384*44135#")
    assert (asha.display.kind, asha.display.screen) == ("menu", "Hello\n1 Go")
    for typed in ("1", "0700000002", "4826"):
        telco.answer(asha, typed)
    assert (asha.display.kind, asha.display.screen) == ("end", "Bye")
    path, event = plain.told[-1]
    assert path == "/ussd/events"
    assert event["status"] == "Success"
    assert event["input"] == "1*0700000002*4826"
    assert event["hopsCount"] == "4"
    assert event["hopsMetadata"] == "hop-1|hop-2|hop-3|hop-4"
    assert event["lastAppResponse"] == "END Bye"
    with pytest.raises(NotNow):
        telco.answer(asha, "1")


def test_no_pin_is_in_the_traffic_that_is_shown(telco: Telco, asha: Phone) -> None:
    telco.dial(asha, "*384*44135*1*0700000002*4826#")
    telco.dial(asha, "*384*44135#")
    for typed in ("1", "0700000002", "90817263"):
        telco.answer(asha, typed)
    seen = repr(list(asha.traffic))
    assert "4826" not in seen
    assert "90817263" not in seen
    assert quote(wire.MASK) in seen


def test_a_shortcut_is_a_first_text_that_is_not_empty(
    plain: PlainApp, telco: Telco, asha: Phone
) -> None:
    telco.dial(asha, "*384*44135*1*2#")
    assert b"&text=1%2A2&" in plain.bodies[0]
    telco.dial(asha, "*999#")
    assert asha.display.screen == NO_SERVICE
    assert len(plain.bodies) == 1


def test_an_empty_answer_and_a_star_are_carried_as_typed(
    plain: PlainApp, telco: Telco, asha: Phone
) -> None:
    telco.dial(asha, "*384*44135#")
    telco.answer(asha, "1")
    telco.answer(asha, "")
    assert b"&text=1%2A&" in plain.bodies[-1]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b" CON Kabambe", "body begins with"),
        (200, b'{"message":"CON Kabambe"}', "body begins with"),
        (200, b"con Kabambe", "body begins with"),
        (200, b"", "body begins with"),
        (200, b"CON \xff\xfe", "not UTF-8"),
        (200, b"CON " + b"x" * 9000, "more than"),
        (404, b"CON Kabambe", "HTTP 404"),
        (500, b"CON Kabambe", "HTTP 500"),
    ],
)
def test_other_bodies_end_the_session_as_failed(
    plain: PlainApp, telco: Telco, asha: Phone, status: int, body: bytes, why: str
) -> None:
    plain.say = [(status, body)]
    telco.dial(asha, "*384*44135#")
    assert asha.display.screen == NO_SERVICE
    event = plain.told[-1][1]
    assert event["status"] == "Failed"
    assert why in event["errorMessage"]
    assert not asha.in_session


def test_an_answer_after_the_budget_is_a_failure(
    plain: PlainApp, telco: Telco, asha: Phone
) -> None:
    plain.delay_s = 0.4
    telco.answer_within_s = 0.1
    telco.dial(asha, "*384*44135#")
    assert asha.display.screen == NO_SERVICE
    telco.answer_within_s = 5
    assert "timed out" in asha.traffic[0].answer


def test_nobody_at_the_callback_is_a_failure(telco: Telco) -> None:
    telco.service = Service.at("http://127.0.0.1:9", "*1#", "1")
    phone = telco.add("baraka", "+254700000002", networks.AIRTEL)
    telco.dial(phone, "*1#")
    assert phone.display.screen == NO_SERVICE


@pytest.mark.parametrize(
    ("network", "seconds", "open_"),
    [
        (networks.SAFARICOM, 29, True),
        (networks.SAFARICOM, 30, False),
        (networks.EQUITEL, 30, False),
        (networks.AIRTEL, 59, True),
        (networks.AIRTEL, 60, False),
    ],
)
def test_silence_ends_a_session(
    plain: PlainApp, telco: Telco, network: networks.Network, seconds: int, open_: bool
) -> None:
    phone = telco.add("someone", "+254700000003", network)
    telco.dial(phone, "*384*44135#")
    clock = telco.clock
    assert isinstance(clock, FrozenClock)
    clock.advance(seconds=seconds)
    telco.tick()
    assert phone.in_session is open_
    if not open_:
        assert plain.told[-1][1]["status"] == "Incomplete"
        assert plain.told[-1][1]["durationInMillis"] == str(seconds * 1000)


def test_a_session_lasts_180_seconds_at_most(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    clock = telco.clock
    assert isinstance(clock, FrozenClock)
    plain.say = [(200, b"CON more")] * 20
    telco.dial(asha, "*384*44135#")
    for _ in range(6):
        telco.answer(asha, "1")
        clock.advance(seconds=29)
        telco.tick()
    assert asha.in_session
    telco.answer(asha, "1")
    clock.advance(seconds=6)
    telco.tick()
    assert not asha.in_session


def test_hanging_up_is_incomplete_and_said_once(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    telco.dial(asha, "*384*44135#")
    telco.hang_up(asha)
    telco.hang_up(asha)
    assert [event["status"] for _, event in plain.told] == ["Incomplete"]
    assert asha.display.kind == "idle"


def test_repeats_are_the_same_bytes(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    telco.dial(asha, "*384*44135#")
    telco.answer(asha, "1")
    again = telco.repeat(asha, copies=4)
    assert len(again) == 4
    assert len(set(plain.bodies[1:])) == 1
    assert len(plain.bodies) == 6
    telco.repeat(asha, back=1)
    assert plain.bodies[-1] == plain.bodies[0]
    with pytest.raises(NotNow):
        telco.repeat(asha, back=2)


def test_a_hop_may_be_delivered_four_times_at_once(
    plain: PlainApp, telco: Telco, asha: Phone
) -> None:
    asha.faults.copies = 4
    telco.dial(asha, "*384*44135#")
    assert len(plain.bodies) == 4
    telco.answer(asha, "1")
    assert len(plain.bodies) == 5


def test_a_lost_hop_is_in_the_next_transcript(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    telco.dial(asha, "*384*44135#")
    asha.faults.lose_hop = True
    telco.answer(asha, "1")
    assert asha.display.screen == NO_SERVICE
    assert len(plain.bodies) == 1
    telco.answer(asha, "2")
    assert b"&text=1%2A2&" in plain.bodies[-1]


def test_a_lost_reply_was_heard(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    asha.faults.lose_reply = True
    telco.dial(asha, "*384*44135#")
    assert asha.display.screen == NO_SERVICE
    assert len(plain.bodies) == 1
    assert asha.in_session


def test_another_phone_can_claim_a_session(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    thief = telco.add("baraka", "+254700000002", networks.AIRTEL)
    telco.dial(asha, "*384*44135#")
    telco.hijack(thief, asha, "1")
    form = dict(parse_qsl(plain.bodies[-1].decode(), keep_blank_values=True))
    assert form["phoneNumber"] == "+254700000002"
    assert asha.session is not None
    assert form["sessionId"] == asha.session.id
    assert form["text"] == "1"


def test_the_operator_pages_a_long_screen(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    lines = "\n".join(f"{n} Option number {n}" for n in range(1, 13))
    plain.say = [(200, f"CON {lines}".encode()), (200, b"END done")]
    telco.dial(asha, "*384*44135#")
    assert len(asha.display.pages) > 1
    assert asha.display.screen.endswith("98:More")
    telco.answer(asha, "98")
    assert "00:Back" in asha.display.screen
    telco.answer(asha, "00")
    assert asha.display.page == 0
    assert len(plain.bodies) == 1
    telco.answer(asha, "3")
    assert b"&text=3&" in plain.bodies[-1]


def test_input_has_the_networks_limit(telco: Telco, asha: Phone) -> None:
    telco.dial(asha, "*384*44135#")
    with pytest.raises(NotNow):
        telco.answer(asha, "1" * 81)
    telco.answer(asha, "1" * 80)


def test_two_answers_at_once_are_one_answer(plain: PlainApp, telco: Telco, asha: Phone) -> None:
    plain.delay_s = 0.2
    telco.dial(asha, "*384*44135#")
    refused = []

    def answer() -> None:
        try:
            telco.answer(asha, "1")
        except NotNow as refusal:
            refused.append(str(refusal))

    fingers = [threading.Thread(target=answer) for _ in range(8)]
    for finger in fingers:
        finger.start()
    for finger in fingers:
        finger.join()
    assert refused == ["the last answer is still on its way"] * 7
    assert len(plain.bodies) == 2
