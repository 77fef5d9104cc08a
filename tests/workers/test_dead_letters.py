"""Dead letters: staff see which messages stopped and why, never what they say; they resend them."""

import pytest

from tests.workers.conftest import ASHA, Boxes
from tests.workers.gateway import LocalGateway, taken
from ussd_app import __main__ as command_line
from ussd_app import logs
from ussd_app.bootstrap import App
from ussd_app.settings import Settings
from workers.relay import drain

CENTURY_S = 100 * 365 * 86_400


@pytest.fixture
def _database(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(logs, "configure", lambda _production: None)
    monkeypatch.setenv("KABAMBE_ENV", "test")
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")


@pytest.mark.usefixtures("_database")
def test_staff_see_what_stopped_and_send_it_again(
    app: App, boxes: Boxes, gateway: LocalGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.answer = lambda form, id_: taken(form, id_, code=403, status="InvalidPhoneNumber")
    refused = boxes.say(ASHA, "no_transactions", balance=123_456)
    drain(app)
    fine = boxes.say(ASHA)
    boxes.change("UPDATE outbox SET state = 'done' WHERE id = %s", fine)

    assert command_line.main(["dead-letters"]) == 0
    said = capsys.readouterr().out
    assert "InvalidPhoneNumber" in said
    assert "0712***001" in said
    assert "1,234.56" not in said
    assert said.splitlines()[-1].startswith("1 messages")

    assert command_line.main(["dead-letters", "--replay", str(fine)]) == 1
    assert command_line.main(["dead-letters", "--replay", str(refused)]) == 0
    gateway.answer = taken
    boxes.clock.advance(seconds=CENTURY_S)  # the command line goes by the world's clock, not ours
    drain(app)
    assert boxes.out(refused).state == "done"
    assert [heard[0] for heard in gateway.heard] == [ASHA]
    assert command_line.main(["dead-letters", "--replay", "all"]) == 1
