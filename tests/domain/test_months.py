"""The month in sums and the statement on paper: they are the ledger's own, to the cent, and only
the one who asked can read them."""

import io
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from tests.people import ASHA, BARAKA, CAST, START
from ussd_app.bootstrap import App
from ussd_app.domain import parties, spending
from ussd_app.domain.papers import Account, make
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.money import format_minor
from ussd_app.reports import statements
from ussd_app.web import create_app
from workers import papers


@pytest.fixture(autouse=True)
def _cast(app: App) -> None:
    plant(app.bank.desk, CAST)


@pytest.fixture
def client(app: App) -> Iterator[FlaskClient]:
    with create_app(app).test_client() as client:
        yield client


def send(app: App, key: str, amount: int) -> None:
    args = {"type": "send_money", "payee": BARAKA.msisdn, "amount": amount}
    quote = app.bank.serve("quote", ASHA.msisdn, args)["quote_id"]
    app.bank.serve("accept_quote", ASHA.msisdn, {"quote": quote, "pin": ASHA.pin}, key)


def order(app: App, key: str = "p:1", months: int = 1) -> None:
    app.bank.serve("ask_statement", ASHA.msisdn, {"months": months, "pin": ASHA.pin}, key)


def told(app: App) -> tuple[str, str]:
    """The link's path and the code of the newest statement, from the SMS that wait."""
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT template, facts->>'code' AS code FROM outbox"
            " WHERE template IN ('statement_link', 'statement_code') ORDER BY id"
        )
        codes = {row.template: row.code for row in rows}
    return f"/statements/{codes['statement_link']}", codes["statement_code"]


def read(document: bytes, code: str) -> str:
    reader = PdfReader(io.BytesIO(document))
    assert reader.is_encrypted
    assert reader.decrypt(code)
    return "\n".join(page.extract_text() for page in reader.pages)


def test_a_statement_agrees_with_the_ledger_to_the_cent(
    app: App, client: FlaskClient, clock: FrozenClock
) -> None:
    send(app, "s:1", 500_00)
    clock.advance(seconds=86_400 * 40)
    send(app, "s:2", 101_01)
    send(app, "s:3", 49_99)
    order(app)
    assert papers.make(app) == 1
    path, code = told(app)
    text = read(client.get(path).data, code)
    party = parties.known(app.engine, ASHA.msisdn)
    now = app.book.balances([party.wallet_id])[party.wallet_id].total
    before = ASHA.balance_minor - 500_00 - 7_00
    for minor in (before, 101_01 + 7_00 + 49_99, 49_99, now):
        assert format_minor(minor) in text
    assert now == before - 101_01 - 7_00 - 49_99
    assert "500.00" not in text  # what happened before its days is only in the balance
    assert "BARAKA OTIENO" in text


def test_the_balance_of_every_line_is_that_of_the_books_row(app: App) -> None:
    for n in range(9):
        send(app, f"s:{n}", 10_00 + n)
    party = parties.known(app.engine, ASHA.msisdn)
    with app.engine.connect() as connection:
        lines = spending.since(connection, party, START)
        rows = connection.exec_driver_sql(
            "SELECT DISTINCT entry_id, balance_after FROM postings WHERE account_id = %s",
            (party.wallet_id,),
        )
        assert {line.entry_id: line.balance_minor for line in lines} == {
            row.entry_id: row.balance_after for row in rows
        }
    assert lines[-1].balance_minor == app.book.balances([party.wallet_id])[party.wallet_id].total


def test_a_link_opens_once_and_a_look_at_it_spends_nothing(app: App, client: FlaskClient) -> None:
    order(app)
    papers.make(app)
    path, code = told(app)
    assert client.head(path).status_code == 204
    first = client.get(path)
    assert first.status_code == 200
    assert first.content_type == "application/pdf"
    assert first.headers["X-Robots-Tag"].startswith("noindex")
    assert first.headers["Cache-Control"] == "no-store"
    again = client.get(path)
    assert (again.status_code, again.content_type) == (404, "text/plain; charset=utf-8")
    assert again.data == client.get("/statements/nobody").data
    assert client.get("/statements/" + "x" * 500).status_code == 404
    reader = PdfReader(io.BytesIO(first.data))
    for wrong in ("", ASHA.pin, ASHA.national_id, ASHA.national_id[-6:], code.lower()):
        assert not reader.decrypt(wrong)


def test_two_who_fetch_at_once_get_one_file(app: App) -> None:
    from concurrent.futures import ThreadPoolExecutor

    order(app)
    papers.make(app)
    path, _ = told(app)
    web = create_app(app)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: web.test_client().get(path).status_code, range(8)))
    assert sorted(answers) == [200] + [404] * 7


def test_a_link_grows_old_and_its_paper_is_forgotten(
    app: App, client: FlaskClient, clock: FrozenClock
) -> None:
    from ussd_app.domain.housekeeping import sweep

    order(app)
    papers.make(app)
    path, _ = told(app)
    clock.advance(seconds=48 * 3600)
    assert client.get(path).status_code == 404
    clock.advance(seconds=86_401)
    assert sweep(app.bank.desk)["statements"] == 1


def test_whoever_guesses_links_is_told_to_slow_down(app: App, client: FlaskClient) -> None:
    codes = [client.get(f"/statements/guess-{n}").status_code for n in range(25)]
    assert codes.count(429) >= 5


def test_the_books_keep_neither_the_link_nor_the_code(
    app: App, client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    order(app)
    papers.make(app)
    path, code = told(app)
    token = path.rpartition("/")[2]
    client.get(path)
    with app.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT s::text || coalesce(encode(s.paper, 'escape'), '') AS said FROM statements s"
        )
        kept = "\n".join(row.said for row in rows)
    out = capsys.readouterr()
    for text in (kept, out.out, out.err):
        assert token not in text
        assert code not in text


def test_a_statement_that_cannot_be_made_leaves_the_others_to_theirs(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(app, "p:1")
    order(app, "p:2")
    real = statements.printed
    tries = iter((True, False))

    def broken_once(*given: object) -> bytes:
        if next(tries):
            raise ValueError("the press stands still")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(papers, "printed", broken_once)
    assert papers.make(app) == 1
    monkeypatch.setattr(papers, "printed", real)
    assert papers.make(app) == 1
    assert papers.make(app) == 0


def test_while_a_statement_is_printed_nothing_is_locked_and_one_of_two_sends_it(app: App) -> None:
    order(app)
    made: list[bool] = []

    def press(account: Account, code: str) -> bytes:
        if len(made) == 0:
            made.append(True)  # a second worker, in the middle of the first one's printing
            made.append(make(app.bank.desk, "https://kabambe.example", press, 1))
        return b"%PDF"

    assert make(app.bank.desk, "https://kabambe.example", press, 1) is False
    assert made == [True, True]
    with app.engine.connect() as connection:
        said = connection.exec_driver_sql(
            "SELECT template FROM outbox WHERE template LIKE 'statement%%' ORDER BY id"
        ).scalars()
        assert list(said) == ["statement_link", "statement_code"]


def test_both_languages_print(app: App, client: FlaskClient) -> None:
    app.bank.serve("ask_statement", BARAKA.msisdn, {"months": 12, "pin": BARAKA.pin}, "p:9")
    papers.make(app)
    path, code = told(app)
    text = read(client.get(path).data, code)
    assert "Taarifa" in text
    assert re.search(r"Salio kabla\s*0\.00", text)


def test_letters_go_out_once_though_two_workers_write(app: App, clock: FrozenClock) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from ussd_app.domain.rounds import turn

    send(app, "s:1", 500_00)
    clock.advance(seconds=86_400 * 10 + 3600 * 19)  # the first of December at half past seven
    assert not turn(app.bank.desk).get("month_letters")
    clock.advance(seconds=1800)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: turn(app.bank.desk), range(6)))
    with app.engine.connect() as connection:
        count = connection.exec_driver_sql(
            "SELECT count(*) FROM outbox WHERE template LIKE 'month%%'"
        ).scalar_one()
        months = connection.exec_driver_sql("SELECT DISTINCT month FROM month_letters").scalars()
        assert list(months) == [date(2026, 11, 1)]
    assert count == 2


def test_a_month_begins_at_midnight_in_nairobi(app: App, clock: FrozenClock) -> None:
    clock.advance(seconds=timedelta(days=10, hours=11, minutes=29).total_seconds())
    send(app, "s:1", 500_00)  # 30 November, 23:59 in Nairobi
    clock.advance(seconds=120)
    send(app, "s:2", 101_00)  # 1 December, 0:01
    args = {"which": "this", "pin": ASHA.pin}
    month = app.bank.serve("month", ASHA.msisdn, args, "m:1")
    assert (month["month"], month["went"]) == ("12/2026", 101_00 + 7_00)
    last = app.bank.serve("month", ASHA.msisdn, args | {"which": "last"}, "m:2")
    assert (last["month"], last["went"]) == ("11/2026", 500_00 + 7_00)
