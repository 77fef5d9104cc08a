"""What the USSD door does when something around it goes wrong: deploys, dead lock holders, a bank
that fails, falls silent or is slow. Dialogues cannot show these: a customer only sees a screen."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis as redis_py
from flask.testing import FlaskClient
from sqlalchemy import Engine

from menus.book import Book
from menus.machine import Machine
from tests.people import ASHA, BARAKA, CAST
from tests.ways import dialled
from ussd_app.bootstrap import MENUS, App, build, connect
from ussd_app.channels import sessions as store
from ussd_app.channels.sessions import PREFIX
from ussd_app.domain import bank as vocabulary
from ussd_app.domain.bank import Bank
from ussd_app.domain.commands import Command
from ussd_app.domain.counter import COMMANDS
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.seeds import plant
from ussd_app.kernel.errors import Unavailable
from ussd_app.web import create_app

DOWN = "END Service is down."
CONFIRM = "1*0722000002*500"
PAID = f"{CONFIRM}*{ASHA.pin}"
STRANGER = "+254733000003"


@dataclass
class Phone:
    """Somebody's phone, at one application."""

    client: FlaskClient
    msisdn: str = ASHA.msisdn
    session: str = "ATUid_1"

    def send(self, text: str) -> str:
        """The answer to one hop."""
        form = {
            "phoneNumber": self.msisdn,
            "serviceCode": "*383#",
            "text": text,
            "sessionId": self.session,
            "networkCode": "63902",
        }
        answer = self.client.post("/ussd", data=form)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def walk(self, text: str) -> str:
        """Every hop up to this transcript, one after the other; the last answer."""
        said, parts = self.send(""), text.split("*")
        for length in range(1, len(parts) + 1):
            said = self.send("*".join(parts[:length]))
        return said


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


@pytest.fixture
def asha(app: App) -> Phone:
    return Phone(create_app(app).test_client())


@pytest.fixture
def entries(engine: Engine) -> Callable[[], int]:
    """How many entries the ledger has beyond the opening ones."""

    def count() -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()) - 2

    return count


def change(engine: Engine, statement: str, *given: object) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement, given)


def count(app: App, name: str) -> float:
    lines = app.metrics.exposition().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


# -- a deploy in the middle of a session


def deployed(app: App, folder: Path, flow: str, *, keep_the_old: bool) -> FlaskClient:
    """The application after a deploy that changed a flow, with its old version or without."""
    flows = folder / "flows"
    (flows / "retired").mkdir(parents=True)
    for file in (MENUS / "flows").glob("*.yaml"):
        (flows / file.name).write_text(file.read_text())
    old = (flows / f"{flow}.yaml").read_text()
    assert "version: 1\n" in old
    new = old.replace("version: 1\n", "version: 2\n").replace("Enter", "Kindly enter")
    (flows / f"{flow}.yaml").write_text(new)
    if keep_the_old:
        (flows / "retired" / f"{flow}.v1.yaml").write_text(old)
    machine = Machine(Book.load(flows, MENUS / "text"))
    return create_app(replace(app, machine=machine)).test_client()


def test_a_session_ends_in_the_version_in_which_it_began(
    app: App, asha: Phone, tmp_path: Path, entries: Callable[[], int]
) -> None:
    asha.walk("1*0722000002")
    asha.client = deployed(app, tmp_path, "send_money", keep_the_old=True)
    again = asha.send("1*0722000002*x")
    assert "Enter amount in KES" in again
    assert "Kindly" not in again
    assert asha.send("1*0722000002*x*500").startswith("CON Send KES 500.00 to BARAKA")
    assert asha.send(f"1*0722000002*x*500*{ASHA.pin}").startswith("END KB")
    assert entries() == 1
    fresh = Phone(asha.client, session="ATUid_2")
    assert "Kindly enter amount" in fresh.walk("1*0722000002")


def test_a_session_of_a_version_that_is_gone_starts_anew(
    app: App, asha: Phone, tmp_path: Path, entries: Callable[[], int]
) -> None:
    home = asha.send("")
    asha.walk("1*0722000002")
    asha.client = deployed(app, tmp_path, "send_money", keep_the_old=False)
    assert asha.send(CONFIRM) == home
    assert asha.send(CONFIRM) == home, "and the repeat too"
    assert asha.send(f"{CONFIRM}*1").startswith("CON Kindly enter phone number")
    assert asha.send(f"{CONFIRM}*1*0722000002").startswith("CON Kindly enter amount")
    assert entries() == 0


def test_a_session_that_starts_anew_never_reuses_a_key(
    app: App, asha: Phone, tmp_path: Path
) -> None:
    """A wrong PIN at the second hop, a deploy, the right PIN at what would be the second again."""
    first, again = dialled("balance", "0000"), dialled("balance")
    assert "Wrong PIN" in asha.walk(first)
    asha.client = deployed(app, tmp_path, "balance", keep_the_old=False)
    assert asha.send(f"{first}*9").startswith("CON Kabambe")
    assert asha.send(f"{first}*9*{again}").startswith("CON Kindly enter PIN")
    said = asha.send(f"{first}*9*{again}*{ASHA.pin}")
    assert said.startswith("END Your balance is KES 1,500.00")


# -- locks


def test_a_dead_lock_holder_holds_the_phone_only_for_a_while(
    app: App, asha: Phone, redis: redis_py.Redis, entries: Callable[[], int]
) -> None:
    """A process took the hop, moved the money, and was killed before it could answer."""
    asha.walk(CONFIRM)
    lock = f"{PREFIX}b:{ASHA.msisdn}"
    record = redis.dump(f"{PREFIX}s:{asha.session}")
    assert record is not None
    paid = asha.send(PAID)
    redis.restore(f"{PREFIX}s:{asha.session}", 60_000, record, replace=True)
    redis.set(lock, "whoever was killed", px=700)
    began = time.monotonic()
    assert asha.send(PAID) == paid
    assert 0.3 < time.monotonic() - began < 5
    assert entries() == 1


def test_whoever_waits_too_long_is_told_that_we_still_work(
    asha: Phone, redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "WAIT_FOR_TWIN_S", 0.2)
    asha.walk(CONFIRM)
    redis.set(f"{PREFIX}b:{ASHA.msisdn}", "somebody", px=5_000)
    assert asha.send(PAID).startswith("END Still working on your answer.")
    redis.delete(f"{PREFIX}b:{ASHA.msisdn}")
    assert asha.send(PAID).startswith("END KB")


def test_locks_are_shorter_than_the_gateways_patience() -> None:
    assert store.LOCK_LIFE_MS < store.WAIT_FOR_TWIN_S * 1_000 < 10_000


# -- a bank that fails


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[Desk, Ask], Facts]], None]:
    """Replace who serves a command of the bank."""

    def spoil(name: str, serve: Callable[[Desk, Ask], Facts]) -> None:
        command = COMMANDS[name]
        spoiled: Mapping[str, Command] = {
            **COMMANDS,
            name: replace(command, serve=serve),
        }
        monkeypatch.setattr(vocabulary, "COMMANDS", spoiled)

    return spoil


Spoil = Callable[[str, Callable[[Desk, Ask], Facts]], None]


def fails(_desk: Desk, ask: Ask) -> Facts:
    raise RuntimeError(f"a mistake of ours about {ask.args}")


def test_an_unexpected_exception_is_an_apology_and_the_next_delivery_works(
    app: App,
    asha: Phone,
    spoil: Spoil,
    redis: redis_py.Redis,
    monkeypatch: pytest.MonkeyPatch,
    entries: Callable[[], int],
) -> None:
    asha.walk(CONFIRM)
    with monkeypatch.context() as broken:
        spoil("accept_quote", fails)
        for _ in range(3):
            assert asha.send(PAID).startswith(DOWN)
        assert not redis.exists(f"{PREFIX}b:{ASHA.msisdn}"), "the lock is given back"
        assert count(app, 'kabambe_rejected_total{door="web",reason="unexpected"}') == 3
        broken.undo()
    monkeypatch.undo()
    assert asha.send(PAID).startswith("END KB")
    assert entries() == 1


def test_a_silent_bank_is_said_honestly_and_asked_again(
    app: App, asha: Phone, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_desk: Desk, _ask: Ask) -> Facts:
        raise Unavailable("ledger", unknown=True)

    asha.walk(CONFIRM)
    spoil("accept_quote", silent)
    assert asha.send(PAID).startswith(DOWN)
    assert count(app, "kabambe_hops_total{") > 0
    monkeypatch.undo()
    assert asha.send(PAID).startswith("END KB")


def test_a_twin_waits_for_a_slow_bank(
    asha: Phone, spoil: Spoil, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    serve, calls = COMMANDS["accept_quote"].serve, []

    def slow(desk: Desk, ask: Ask) -> Facts:
        calls.append(ask.key)
        time.sleep(0.5)
        return serve(desk, ask)

    spoil("accept_quote", slow)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: asha.send(PAID), range(4)))
    assert len(set(answers)) == 1
    assert answers[0].startswith("END KB")
    assert len(calls) == 1
    assert entries() == 1


def test_a_bank_slower_than_the_lock_still_pays_once(
    asha: Phone, spoil: Spoil, entries: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_LIFE_MS", 200)
    asha.walk(CONFIRM)
    serve, first = COMMANDS["accept_quote"].serve, threading.Event()

    def slow(desk: Desk, ask: Ask) -> Facts:
        if not first.is_set():
            first.set()
            time.sleep(0.8)
        return serve(desk, ask)

    spoil("accept_quote", slow)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: asha.send(PAID), range(3)))
    assert len(set(answers)) == 1
    assert answers[0].startswith("END KB")
    assert entries() == 1


# -- servers that are away


NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"


@pytest.fixture
def without_postgres(app: App) -> Iterator[App]:
    """The same application when its database does not answer."""
    away = connect(NOWHERE)
    desk = replace(
        app.bank.desk,
        engine=away,
        reads=away.execution_options(isolation_level="AUTOCOMMIT"),
        book=type(app.book)(away),
    )
    yield replace(
        app, engine=away, book=desk.book, bank=Bank(desk), inbox=type(app.inbox)(away, app.clock)
    )
    away.dispose()


@pytest.fixture
def without_redis(app: App) -> Iterator[App]:
    """The same application when Redis does not answer."""
    settings = replace(app.settings, redis_url="redis://127.0.0.1:1/0")
    away = build(settings, clock=app.clock, ids=app.ids)
    yield away
    away.close()


def test_without_postgresql_hops_end_honestly_and_the_session_survives(
    asha: Phone, without_postgres: App, entries: Callable[[], int]
) -> None:
    confirm = asha.walk(CONFIRM)
    away = Phone(create_app(without_postgres).test_client())
    began = time.monotonic()
    assert away.send(PAID).startswith(DOWN)
    assert time.monotonic() - began < 5
    assert Phone(away.client, session="ATUid_new").send("").startswith(DOWN)
    assert away.send(CONFIRM) == confirm, "what needs no bank is still answered"
    assert entries() == 0
    assert asha.send(PAID).startswith("END KB")
    assert entries() == 1


def test_without_redis_hops_end_honestly(
    asha: Phone, without_redis: App, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    away = Phone(create_app(without_redis).test_client())
    began = time.monotonic()
    for text in ("", CONFIRM, PAID):
        assert away.send(text).startswith(DOWN)
    assert time.monotonic() - began < 6
    assert entries() == 0
    assert asha.send(PAID).startswith("END KB")


def test_redis_lost_between_the_commit_and_the_close(
    asha: Phone, redis: redis_py.Redis, entries: Callable[[], int], spoil: Spoil
) -> None:
    """The money has moved and the session is gone: no second payment, an honest farewell."""
    asha.walk(CONFIRM)
    serve = COMMANDS["accept_quote"].serve

    def lost(desk: Desk, ask: Ask) -> Facts:
        facts = serve(desk, ask)
        redis.flushall()
        return facts

    spoil("accept_quote", lost)
    assert asha.send(PAID).startswith("END Session lost.")
    assert asha.send(PAID).startswith("END Session lost.")
    assert entries() == 1


def test_the_ops_doors_answer_while_servers_are_away(
    asha: Phone, without_postgres: App, without_redis: App
) -> None:
    asha.send("")
    assert asha.client.get("/healthz").get_data(as_text=True) == "alive\n"
    said = asha.client.get("/metrics")
    assert said.content_type.startswith("text/plain")
    assert 'kabambe_hops_total{flow="home",outcome="shown",step="main"} 1.0' in said.get_data(
        as_text=True
    )
    for away in (without_postgres, without_redis):
        client = create_app(away).test_client()
        assert client.get("/healthz").status_code == 200
        assert client.get("/metrics").status_code == 200, "wanted most when something is away"


def test_callbacks_ask_to_be_delivered_again_while_postgresql_is_away(
    without_postgres: App,
) -> None:
    client = create_app(without_postgres).test_client()
    message = {"from": ASHA.msisdn, "id": "m1", "text": "BAL", "to": "22383", "date": ""}
    answer = client.post("/sms/incoming", data=message)
    assert answer.status_code == 500
    assert answer.get_data(as_text=True) == "Something went wrong on our side.\n"
    event = {"sessionId": "ATUid_1", "status": "Success"}
    assert client.post("/ussd/events", data=event).status_code == 500


# -- phones and parties


def test_a_double_begin_is_a_repeat(asha: Phone) -> None:
    home = asha.send("")
    assert asha.send("") == home
    amount = asha.walk("1*0722000002")
    assert asha.send("") == amount, "a late begin changes nothing"
    assert asha.send(CONFIRM).startswith("CON Send KES 500.00")


def test_a_begin_with_the_dialled_code_is_a_begin(asha: Phone) -> None:
    assert asha.send("*383#") == asha.send("")


def test_another_phone_is_turned_away_and_disturbs_nobody(
    app: App, asha: Phone, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    thief = Phone(asha.client, msisdn=BARAKA.msisdn)
    assert thief.send(PAID).startswith("END This session is not yours.")
    assert count(app, 'kabambe_rejected_total{door="ussd",reason="stranger"}') == 1
    assert asha.send(PAID).startswith("END KB")
    assert entries() == 1


def test_after_the_end_nothing_more_happens(asha: Phone, entries: Callable[[], int]) -> None:
    paid = asha.walk(PAID)
    for more in (f"{PAID}*1", f"{PAID}*1*2", "1", ""):
        assert asha.send(more) == paid
    assert entries() == 1


def test_resume_offers_where_the_line_dropped(asha: Phone) -> None:
    confirm = asha.walk(CONFIRM)
    again = Phone(asha.client, session="ATUid_2")
    assert "1 " in again.send("")
    assert again.send("1") == confirm
    assert again.send(f"1*{ASHA.pin}").startswith("END KB")


def test_resume_never_goes_past_an_executed_command(
    asha: Phone, entries: Callable[[], int]
) -> None:
    home = asha.send("")
    asha.walk(PAID)
    assert Phone(asha.client, session="ATUid_2").send("") == home
    assert entries() == 1


def test_a_stranger_whose_registration_redis_forgot(asha: Phone, redis: redis_py.Redis) -> None:
    stranger = Phone(asha.client, msisdn=STRANGER)
    assert stranger.walk("1*Juma Ali*4826").startswith("CON Enter the same PIN again")
    redis.flushall()
    assert stranger.send("1*Juma Ali*4826*4826").startswith("END Session lost.")


@pytest.mark.parametrize(
    ("status", "greeted"), [("frozen", "END Your account is on hold."), ("closed", "CON Karibu")]
)
def test_an_account_that_may_not_act(
    asha: Phone, engine: Engine, status: str, greeted: str
) -> None:
    asha.walk(CONFIRM)
    change(engine, "UPDATE parties SET status = %s WHERE msisdn = %s", status, ASHA.msisdn)
    assert asha.send(PAID).startswith("END Your account is on hold.")
    again = Phone(asha.client, session="ATUid_2").send("")
    assert again.startswith(greeted)


def test_a_payee_frozen_between_the_price_and_the_pin(
    asha: Phone, engine: Engine, entries: Callable[[], int]
) -> None:
    asha.walk(CONFIRM)
    change(engine, "UPDATE parties SET status = 'frozen' WHERE msisdn = %s", BARAKA.msisdn)
    assert asha.send(PAID).startswith("CON They cannot receive money now.")
    assert entries() == 0


def test_a_language_is_spoken_from_the_next_screen_on(asha: Phone, engine: Engine) -> None:
    asha.walk("1*0722000002")
    change(engine, "UPDATE parties SET language = 'sw' WHERE msisdn = %s", ASHA.msisdn)
    assert asha.send(CONFIRM).startswith("CON Send KES"), "a session keeps its language"
    home = Phone(asha.client, session="ATUid_2").send(dialled("balance"))
    assert home.startswith("CON Weka PIN")


# -- the end of a session


def test_the_end_of_a_session_is_noted_once_with_its_step(
    app: App, asha: Phone, engine: Engine, redis: redis_py.Redis
) -> None:
    asha.walk("1*0722000002")
    event = {"sessionId": asha.session, "status": "Incomplete", "hopsCount": "3"}
    for _ in range(3):
        assert asha.client.post("/ussd/events", data=event).status_code == 200
    redis.flushall()
    labelled = event | {"sessionId": "ATUid_2", "hopsMetadata": "home.main|send_money.confirm"}
    asha.client.post("/ussd/events", data=labelled)
    unknown = event | {"sessionId": "ATUid_3", "hopsMetadata": "home.main|<script>"}
    asha.client.post("/ussd/events", data=unknown)
    with engine.connect() as connection:
        ends = connection.exec_driver_sql(
            "SELECT session_id, step, status FROM session_ends ORDER BY session_id"
        ).all()
    assert [tuple(end) for end in ends] == [
        ("ATUid_1", "send_money.amount", "Incomplete"),
        ("ATUid_2", "send_money.confirm", "Incomplete"),
        ("ATUid_3", "unknown", "Incomplete"),
    ]
    assert count(app, "kabambe_sessions_ended_total") == 3


def test_the_end_of_a_session_is_noted_without_redis(without_redis: App, engine: Engine) -> None:
    client = create_app(without_redis).test_client()
    event = {"sessionId": "ATUid_1", "status": "Failed", "hopsMetadata": "home.main"}
    assert client.post("/ussd/events", data=event).status_code == 200
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT step, status FROM session_ends").one()
    assert tuple(found) == ("home.main", "Failed")


# -- a database that was restarted


def test_a_line_that_died_in_between_is_not_the_customers_business(
    app: App, asha: Phone, engine: Engine, entries: Callable[[], int]
) -> None:
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    asha.walk(CONFIRM.rpartition("*")[0])
    change(engine, cut)
    assert asha.send(CONFIRM).startswith("CON Send KES 500.00")
    change(engine, cut)
    assert asha.send(PAID).startswith("END KB")
    change(engine, cut)
    assert replace(asha, session="ATUid_2").send("").startswith("CON Kabambe")
    assert entries() == 1
    assert count(app, "kabambe_hops_total") == 6
