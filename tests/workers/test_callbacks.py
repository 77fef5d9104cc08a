"""What customers write: one reply each, whatever they write, and nothing of it is kept."""

import pytest

from tests.workers.conftest import ASHA, BARAKA, Boxes
from tests.workers.gateway import LocalGateway
from ussd_app.bootstrap import App
from ussd_app.domain import keywords
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from workers.callbacks import MOST_ATTEMPTS
from workers.relay import drain


@pytest.fixture
def _people(app: App, gateway: LocalGateway) -> None:
    plant(app.bank.desk)
    drain(app)
    gateway.heard.clear()


@pytest.mark.usefixtures("_people")
@pytest.mark.parametrize(
    ("words", "reply"),
    [
        ("BAL", "Balance KES 1,500.00"),
        ("  bal ", "Balance KES 1,500.00"),
        ("what is this", "HELP"),
        ("", "HELP"),
        ("4826", "HELP"),
    ],
)
def test_a_keyword_has_one_reply(
    app: App, boxes: Boxes, gateway: LocalGateway, words: str, reply: str
) -> None:
    came = boxes.hear("sms_incoming", "m1", phone=ASHA, text=words, to="22383", id="m1")
    drain(app)
    assert [heard[0] for heard in gateway.heard] == [ASHA]
    assert reply in gateway.heard[0][1]
    row = boxes.came(came)
    assert row.state == "done"
    assert "text" not in row.body


@pytest.mark.usefixtures("_people")
def test_stop_by_the_gateway_is_stop(app: App, boxes: Boxes, gateway: LocalGateway) -> None:
    boxes.hear("sms_opt_out", "k", phone=BARAKA, sender="KABAMBE")
    drain(app)
    offer = boxes.say(BARAKA, kind="offer")
    drain(app)
    assert boxes.out(offer).state == "refused"


def test_a_stranger_is_answered_too(app: App, boxes: Boxes, gateway: LocalGateway) -> None:
    boxes.hear("sms_incoming", "m1", phone="+254799999999", text="BAL", to="22383", id="m1")
    drain(app)
    assert len(gateway.heard) == 1


def test_what_cannot_be_understood_is_tried_and_then_put_aside(
    app: App, boxes: Boxes, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LookupError("x")

    monkeypatch.setattr(keywords, "answer", fail)
    came = boxes.hear("sms_incoming", "m1", phone=ASHA, text="BAL", to="22383", id="m1")
    other = boxes.hear("telegram", "m2", text="BAL")
    for _ in range(MOST_ATTEMPTS):
        drain(app)
        clock.advance(seconds=3600)
    row = boxes.came(came)
    assert (row.state, row.attempts, row.error) == ("dead", MOST_ATTEMPTS, "LookupError")
    assert boxes.came(other).state == "dead"
    assert "text" not in row.body, "somebody always sends a PIN"
