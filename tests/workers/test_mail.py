"""Mail: what each end of a call means, sent once, an address that stands nowhere in the clear."""

import smtplib
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from simulator import mailroom
from simulator.mailroom import Mailroom
from tests.people import ASHA
from ussd_app.bootstrap import App, build
from ussd_app.domain import mail, papers
from ussd_app.domain.seeds import plant
from ussd_app.embedded import Redis
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.settings import Settings
from workers.gateways.sms import Done, Postponed, Refused, Unknown
from workers.gateways.smtp import Mailer
from workers.relay import Relay, drain
from workers.shop import open_shop

FROM, TO = "kabambe@example.com", "asha.wanjiku@example.com"
LETTER = "Your statement\nIt is here."


@pytest.fixture
def room() -> Iterator[Mailroom]:
    with mailroom.opened(Mailroom()) as opened:
        yield opened


@pytest.fixture
def app(
    database_url: str, redis_server: Redis, clock: FrozenClock, room: Mailroom
) -> Iterator[App]:
    settings = Settings(
        env="test", database_url=database_url, redis_url=redis_server.url(), smtp_url=room.url
    )
    app = build(settings, clock=clock, ids=SequentialIds())
    plant(app.bank.desk, (ASHA,))
    yield app
    app.close()


def tell(app: App, words: str) -> None:
    """An SMS of Asha's, stored and understood."""
    app.inbox.hear(
        "sms_incoming", f"message of {len(words)}", {"phone": ASHA.msisdn, "text": words}
    )
    drain(app)


def order(app: App, key: str) -> None:
    app.bank.serve("ask_statement", ASHA.msisdn, {"months": 1, "pin": ASHA.pin}, key)


def states(app: App) -> list[str]:
    with app.engine.connect() as connection:
        rows = connection.execute(text("SELECT state FROM outbox WHERE kind = 'email' ORDER BY id"))
        return list(rows.scalars())


# the gateway


def test_a_letter_arrives_with_its_subject_and_a_name_of_its_own(room: Mailroom) -> None:
    outcome = Mailer(room.url, FROM).send(TO, LETTER)
    (letter,) = room.letters
    assert isinstance(outcome, Done)
    assert str(outcome.provider_id).endswith("@example.com>")
    assert (letter.to, letter.subject, letter.body) == (TO, "Your statement", "It is here.")
    assert letter.sender == FROM


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ("refuses", Refused("SMTP 550")),
        ("is busy", Postponed("SMTP 451")),
        ("drops the answer", Unknown("SMTPServerDisconnected")),
    ],
)
def test_each_end_of_a_call_means_one_thing(room: Mailroom, how: str, outcome: object) -> None:
    assert room.behave(how)
    assert Mailer(room.url, FROM).send(TO, LETTER) == outcome


def test_nobody_there_is_for_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"smtp://127.0.0.1:{taken.getsockname()[1]}"
        assert Mailer(url, FROM).send(TO, LETTER) == Postponed("ConnectionRefusedError")


def test_no_password_goes_over_an_open_line(room: Mailroom) -> None:
    url = room.url.replace("://", "://kabambe:secret@")
    assert Mailer(url, FROM).send(TO, LETTER) == Postponed(smtplib.SMTPNotSupportedError.__name__)
    assert room.letters == []


# the whole way


def test_a_letter_goes_once_however_many_are_at_it(app: App, room: Mailroom) -> None:
    keep(app)
    order(app, "s")
    papers.make(app.bank.desk, "https://kabambe.example", lambda account, code: b"pdf", 1)
    shops = [open_shop(app, lines=1) for _ in range(3)]
    for shop in shops:
        Relay(shop).run()
        shop.close()
    assert [letter.to for letter in room.letters] == [TO]
    assert states(app) == ["done"]


def test_a_lost_answer_is_never_sent_again(app: App, room: Mailroom, clock: FrozenClock) -> None:
    keep(app)
    room.behave("drops the answer")
    order(app, "s")
    drain(app)
    assert (len(room.letters), states(app)) == (1, ["unknown"])
    room.behave("works")
    clock.advance(seconds=90_000)
    drain(app)
    assert (len(room.letters), states(app)) == (1, ["dead"])


def test_whoever_took_the_address_back_gets_nothing(
    app: App, room: Mailroom, clock: FrozenClock
) -> None:
    keep(app)
    room.behave("is busy")
    order(app, "s")
    drain(app)
    with app.engine.begin() as connection:
        connection.execute(text("DELETE FROM mail_addresses"))
    room.behave("works")
    clock.advance(seconds=60)
    drain(app)
    assert (room.letters, states(app)) == ([], ["refused"])


def test_without_a_mail_server_nothing_is_offered_or_queued(app: App) -> None:
    keep(app)
    desk = replace(app.bank.desk, mails=False)
    alone = replace(app.settings, smtp_url=None)
    order(app, "s")
    papers.make(desk, alone.public_url, lambda account, code: b"pdf", 1)
    assert states(app) == []


def keep(app: App) -> None:
    tell(app, f"EMAIL {TO}")


def test_an_address_stands_nowhere_in_the_clear(app: App, engine: Engine) -> None:
    keep(app)
    order(app, "s")
    drain(app)
    with engine.connect() as connection:
        tables = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        for table in list(tables):
            rows = connection.execute(text(f'SELECT t::text FROM "{table}" t'))
            assert not any("wanjiku@" in row for row in rows.scalars()), table


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Asha@Example.COM", "Asha@example.com"),
        ("a.b+c@mail.co.ke", "a.b+c@mail.co.ke"),
        ("asha", None),
        ("asha@", None),
        ("asha@localhost", None),
        ("a@b.com, c@d.com", None),
        ("asha@example.com\nBcc: x@y.com", None),
    ],
)
def test_addresses_are_read_strictly(typed: str, read: str | None) -> None:
    assert mail.read(typed) == read
