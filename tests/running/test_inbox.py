"""What no machine understood, at a terminal: seen without secrets, understood again, left."""

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.workers.conftest import ASHA
from tests.workers.looks import rows, wallet
from tests.workers.mpesa.till import confirmation
from ussd_app.__main__ import main
from ussd_app.bootstrap import App, build
from ussd_app.domain.seeds import plant
from ussd_app.kernel.ids import SequentialIds
from ussd_app.running.inbox import SAYINGS
from workers import callbacks
from workers.kept import NotKept
from workers.shop import open_shop

Say = Callable[..., str]


@pytest.fixture
def app(app: App) -> Iterator[App]:
    """Kabambe with a pay bill at M-PESA."""
    settings = replace(app.settings, daraja_url="http://127.0.0.1:1/safaricom")
    paid_in = build(settings, clock=app.clock, ids=SequentialIds())
    yield paid_in
    paid_in.close()


@pytest.fixture
def say(app: App) -> Say:
    plant(app.bank.desk)

    def said(what: str, number: int = 0) -> str:
        return SAYINGS[what](app, Namespace(number=number, staff="joyce"))

    return said


def hear(app: App, kind: str, key: str, **body: str) -> int:
    app.inbox.hear(kind, key, body)
    work(app)
    (row,) = rows(app, "SELECT id FROM inbox WHERE natural_key = %s", key)
    return int(row.id)


def work(app: App) -> None:
    shop = open_shop(app, lines=1)
    callbacks.hear(shop)
    shop.close()


def test_there_is_nothing(say: Say) -> None:
    assert say("list") == "0 wait for people."
    for what in ("show", "replay", "leave"):
        with pytest.raises(NotKept):
            say(what, 7)


def test_a_contradiction_is_seen_and_left(app: App, say: Say) -> None:
    hear(app, "mpesa_c2b", "UKK1:a", raw=confirmation("UKK1", "0712000001", "500.00"))
    body = confirmation("UKK1", "0712000001", "900.00", MSISDN="254722000002")
    id_ = hear(app, "mpesa_c2b", "UKK1:b", raw=body)
    lines = say("list").splitlines()
    assert lines[0].split()[:2] == [str(id_), "mpesa_c2b"]
    assert "UKK1 " in lines[0]
    assert lines[0].endswith("another amount was entered under its receipt")
    assert lines[1] == "1 wait for people."
    shown = say("show", id_)
    assert "900.00" in shown
    assert '"BillRefNumber": "0712000001"' in shown, "people need what was typed"
    assert "0722***002" in shown
    assert "254722000002" not in shown
    say("leave", id_)
    assert say("list") == "0 wait for people."
    assert "left by joyce" in say("show", id_)
    with pytest.raises(NotKept):
        say("replay", id_)


def test_what_failed_is_understood_again(app: App, say: Say) -> None:
    before = wallet(app, ASHA)
    id_ = hear(app, "mpesa_c2b", "UKK2:a", raw=confirmation("UKK2", "0712000001", "5.00",
               BusinessShortCode="600984"))  # fmt: skip
    say("replay", id_)
    work(app)
    assert str(id_) in say("list"), "nothing was mended yet"
    with app.engine.begin() as connection:
        mended = {"raw": confirmation("UKK2", "0712000001", "5.00")}
        connection.exec_driver_sql("UPDATE inbox SET body = %s", (json.dumps(mended),))
    for _ in range(2):
        say("replay", id_)
        work(app)
        assert wallet(app, ASHA) == before + 5_00
        with app.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE inbox SET state = 'dead', ended_at = now()")


def test_a_shape_that_is_known_by_now_is_read_as_what_its_door_is_for(app: App, say: Say) -> None:
    before = wallet(app, ASHA)
    body = confirmation("UKK3", "0712000001", "5.00")
    id_ = hear(app, "mpesa_unknown", "mpesa_c2b:abc", raw=body)
    assert "a shape that nobody knows" in say("list")
    say("replay", id_)
    work(app)
    assert wallet(app, ASHA) == before + 5_00
    assert say("list") == "0 wait for people."


def test_what_a_customer_wrote_is_wiped_and_cannot_be_repeated(app: App, say: Say) -> None:
    id_ = hear(app, "sms_incoming", "A:1", id="A", phone="nobody", text="PIN 4826")
    for _ in range(5):
        with app.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE inbox SET due_at = received_at")
        work(app)
    if str(id_) in say("list"):
        with pytest.raises(NotKept, match="wiped"):
            say("replay", id_)
    assert "4826" not in say("show", id_)


@pytest.mark.parametrize(
    "said",
    [
        '{"PIN": "4826"}',
        '{"pin": 4826}',
        "pin=4826&x=1",
        '{"SecurityCredential":"4826=="}',
        '{"deep": {"Password" : "a\\"4826"}}',
        '{"MSISDN": "+254712004826"}',
        '{"MSISDN": 254712004826}',
        "call 0712004826 now",
    ],
)
def test_secrets_and_phones_are_not_shown(app: App, say: Say, said: str) -> None:
    id_ = hear(app, "mpesa_unknown", "mpesa_stk:x", raw=said)
    shown = say("show", id_)
    assert "4826" not in shown.replace("***826", "")
    assert "raw: " in shown


def test_a_terminal_is_not_told_what_to_do(app: App, say: Say) -> None:
    id_ = hear(app, "mpesa_unknown", "mpesa_stk:\x1b[2J:x", raw="\x1b]0;mine\x07 \n\r gone")
    assert "\x1b" not in say("show", id_) + say("list")
    assert "\r" not in say("show", id_)


def test_at_a_terminal(
    app: App, say: Say, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    id_ = hear(app, "mpesa_unknown", "mpesa_stk:x", raw="[1]")
    for name in ("database_url", "redis_url"):
        monkeypatch.setenv(name.upper(), str(getattr(app.settings, name)))
    assert main(["inbox"]) == 0
    assert "1 wait for people." in capsys.readouterr().out
    assert main(["inbox", "show", str(id_)]) == 0
    assert "raw: [1]" in capsys.readouterr().out
    assert main(["inbox", "replay", str(id_ + 1)]) == 1
    assert main(["inbox", "leave", str(id_), "--staff", "nobody"]) == 1
    assert "nobody" in capsys.readouterr().out
    assert say("list").endswith("1 wait for people.")
