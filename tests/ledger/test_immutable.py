"""Proof 12: nothing written changes, for the application or the owner; and tampering is named."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from tests.ledger.town import CHART, NOON, Town, wide_engine
from ussd_app.ledger import audit, folding, seals
from ussd_app.ledger.book import Book, NewHold, OutboxRow

TABLES = ["answers", "legs", "reversals", "tallies", "seals"]
CHANGES = ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"]
COLUMN = {"legs": "amount_minor", "reversals": "entry_id", "tallies": "delta_minor"} | {
    "seals": "digest",
    "answers": "facts",
}


def lived_in(town: Town) -> Town:
    """A little of everything; entries are numbered from 1, for no try is in vain."""
    town.book._hot.update(town[name] for name, (*_, mode, _) in CHART.items() if mode != "locked")
    town.fund("wallet/asha", 5000)
    town.book.post(town.sent(500, 7, 1, quote="q"))
    written = town.move("wallet/asha", "wallet/baraka", 100)
    town.book.reverse(town.draft(), written.entry_id)
    folding.fold(town.engine)
    seals.seal(town.engine)
    town.fund("wallet/asha", 1)
    seals.seal(town.engine)
    with town.engine.begin() as connection:
        row = OutboxRow("sms", "+254712000001", "hello", "en", {})
        town.book.say(connection, row, due_at=NOON)
    town.must_be_clean()
    return town


@pytest.fixture(scope="module")
def lived(scratch: str) -> Iterator[Town]:
    """One town for all that is rolled back."""
    engine = wide_engine(scratch)
    yield lived_in(Town(engine))
    engine.dispose()


@contextmanager
def undone(town: Town) -> Iterator[Connection]:
    """A transaction of which nothing stays, that no trigger guards."""
    with town.engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        connection.rollback()


def refused(engine: Engine, statement: str) -> str | None:
    """The SQLSTATE with which a statement is refused."""
    with engine.connect() as connection, pytest.raises(DBAPIError) as error:
        connection.exec_driver_sql(statement)
    assert isinstance(error.value.orig, psycopg2.Error)
    return error.value.orig.pgcode


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", TABLES)
def test_not_even_the_owner_changes_what_is_written(lived: Town, table: str, change: str) -> None:
    assert refused(lived.engine, change.format(table, COLUMN[table])) == "KB900"


def as_application(engine: Engine) -> Engine:
    """The same database in the application's role."""
    other = create_engine(engine.url)

    @event.listens_for(other, "connect")
    def drop(connection: psycopg2.extensions.connection, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET ROLE kabambe_app")
        connection.commit()

    return other


FORBIDDEN = [
    "UPDATE accounts SET balance_minor = balance_minor + 1",
    "INSERT INTO accounts (kind, owner, asset, book, side, mode)"
    " VALUES ('wallet', 'x', 'KES', 'emoney', 'credit', 'locked')",
    "DELETE FROM accounts",
    "UPDATE shards SET balance_minor = 1",
    "INSERT INTO shards (account_id, shard, balance_minor) VALUES (1, 99, 5)",
    "INSERT INTO tail (account_id, entry_id, delta_minor) VALUES (1, 1, 5)",
    "DELETE FROM tail",
    "INSERT INTO answers (id, scope, key, request_hash, receipt, type, code, catalogue,"
    " happened_at, facts, legs) VALUES (99, 'x', 'x', 'x', 'x', 'x', 1, 'x', now(), '{}', 0)",
    "UPDATE entries SET facts = '{}'",
    "INSERT INTO legs VALUES (1, 1, 2, 5, 1, 1, 1, 1, 9, 0, 0)",
    "UPDATE legs SET amount_minor = 1",
    "INSERT INTO reversals VALUES (1, 2)",
    "INSERT INTO tallies VALUES (1, 0, 99, 5, 5)",
    "UPDATE holds SET state = 'open'",
    "INSERT INTO holds (id, account_id, amount_minor, expires_at) VALUES (1, 1, 1, now())",
    "INSERT INTO idempotency (scope, key, request_hash) VALUES ('a', 'b', 'c')",
    "DELETE FROM idempotency",
    "UPDATE usages SET amount_minor = 0",
    "DELETE FROM outbox",
    "UPDATE outbox SET address = '+254700000000'",
    "UPDATE inbox SET natural_key = 'x'",
    "DELETE FROM seals",
    "UPDATE seals SET digest = ''",
    "ALTER TABLE legs DISABLE TRIGGER ALL",
    "SELECT ledger_take_row(1, 'locked', 5, 1, 0)",
    "SELECT ledger_spread_locked(1)",
    "SET session_replication_role = replica",
]


def test_the_application_moves_value_through_the_writer_only(town: Town) -> None:
    lived_in(town)
    other = as_application(town.engine)
    before = town.picture()
    for statement in FORBIDDEN:
        assert refused(other, statement) == "42501", statement
    assert town.picture() == before
    other.dispose()


def test_the_application_can_do_its_work(town: Town) -> None:
    lived_in(town)
    other = as_application(town.engine)
    mine, town.book = town.book, Book(other)
    asha = town["wallet/asha"]
    town.book.post(town.sent(500, 7, 1))
    held = town.book.hold(town.draft(), NewHold(asha, 5, NOON))
    town.book.void(town.draft(), held.entry_id, asha)
    town.book.remember("s", "k", b"12345678", {})
    assert town.book.recall("s", "k", b"12345678") == {}
    town.book.set_mode(town["till/duka_la_juma"], "locked")
    assert town.book.accounts(["wallet/asha", "wallet/x"]) == {"wallet/asha": asha}
    folding.fold(other)
    folding.level(other)
    seals.seal(other)
    with other.begin() as connection:
        row = OutboxRow("sms", "+254712000001", "hello", "en", {})
        town.book.say(connection, row, due_at=NOON)
        connection.exec_driver_sql("UPDATE outbox SET state = 'done', ended_at = now()")
    assert audit.run(other) == []
    town.book = mine
    other.dispose()


TAMPERING = [
    ("UPDATE legs SET amount_minor = 9 WHERE entry_id = 2 AND leg = 1", "entry 2 leg 1"),
    ("UPDATE legs SET to_id = 3 WHERE entry_id = 2 AND leg = 1", "entry 2 leg 1"),
    ("UPDATE entries SET facts = '{\"x\": 1}' WHERE id = 3", "entry 3"),
    ("UPDATE entries SET happened_at = happened_at - interval '1 day' WHERE id = 1", "entry 1"),
    ("DELETE FROM legs WHERE entry_id = 2 AND leg = 4", "entry 2"),
    ("UPDATE answers SET balances = NULL WHERE id = 3", "entry 3"),
    ("UPDATE answers SET request_hash = '' WHERE id = 1", "entry 1"),
    ("DELETE FROM entries WHERE id = 4", "entry 4"),
    ("UPDATE seals SET prints = prints || prints WHERE id = 1", "seal 1"),
    ("UPDATE seals SET previous = '\\x00' WHERE id = 2", "seal 2"),
    ("DELETE FROM seals WHERE id = 1", "seal 2"),
]


@pytest.mark.parametrize(("harm", "named"), TAMPERING)
def test_seals_name_the_row_that_was_tampered_with(lived: Town, harm: str, named: str) -> None:
    with undone(lived) as connection:
        connection.exec_driver_sql(harm)
        assert named in [fault.subject for fault in seals.verify(connection)]


HARM = [
    ("UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = {asha}", "account {asha}"),
    ("UPDATE accounts SET version = version + 1 WHERE id = {asha}", "account {asha} part 0"),
    ("UPDATE accounts SET held_minor = 1 WHERE id = {asha}", "account {asha} wallet/asha"),
    ("UPDATE legs SET from_balance = 0 WHERE entry_id = 3", "account {asha} part 0 version 3"),
    ("UPDATE legs SET to_id = {income} WHERE entry_id = 2 AND leg = 1", "entry 2 leg 1"),
    ("DELETE FROM tallies WHERE account_id = {income}", "account {income} part 0"),
    ("DELETE FROM reversals", "entry 4"),
    ("UPDATE answers SET twin_of = 1 WHERE id = 3", "key test "),
    ("UPDATE answers SET twin_of = 999, legs = -1 WHERE id = 3", "key test "),
    ("UPDATE answers SET balances[1] = 1 WHERE id = 3", "entry 3"),
    ("UPDATE entries SET legs = 9 WHERE id = 3", "entry 3"),
    ("INSERT INTO tail VALUES ({income}, 999, 1)", "tail of account {income}"),
    ("INSERT INTO shards VALUES (999, 1, 0, 0)", "shard 1 of account 999"),
    ("UPDATE outbox SET state = 'done', ended_at = NULL", "outbox 1"),
    ("UPDATE outbox SET entry_id = 999", "outbox 1"),
    ("UPDATE outbox SET due_at = '2020-01-01', created_at = '2020-01-01'", "outbox 1"),
    ("INSERT INTO holds VALUES (999, {asha}, 5, now(), 'open')", "hold 999"),
    ("UPDATE entries SET settles = 77 WHERE id = 3", "entry 3"),
    ("UPDATE accounts SET floor_minor = 1000000 WHERE id = {asha}", "account {asha} wallet/asha"),
]


@pytest.mark.parametrize(("harm", "named"), HARM)
def test_the_audit_names_what_is_wrong(lived: Town, harm: str, named: str) -> None:
    ids = {"asha": lived["wallet/asha"], "income": lived["income/transfer_fees"]}
    with undone(lived) as connection:
        connection.exec_driver_sql(harm.format(**ids))
        findings = audit.look(connection)
    assert any(named.format(**ids) in finding.subject for finding in findings), findings
    assert all(str(finding).startswith(finding.law) for finding in findings)


FAIR_LEG = "(98, {asha}, {baraka}, 1, {a_ver}, {a_bal}, {b_ver}, {b_bal}, 1, 0, 0)"
FALSE_LEGS = [
    "(99, {asha}, {income}, 1, {a_ver}, {a_bal}, 99, NULL, 1, 0, -1)",  # another book
    "(99, {asha}, 999999, 1, {a_ver}, {a_bal}, 1, 1, 1, 0, 0)",  # nobody
    "(99, 999999, {asha}, 1, 1, 1, {a_ver}, {a_bal}, 1, 0, 0)",
    "(99, {asha}, {asha}, 1, {a_ver}, {a_bal}, {a_ver}, {a_bal}, 1, 0, 0)",  # oneself
    "(99, {asha}, {baraka}, 0, {a_ver}, {a_bal}, {b_ver}, {b_bal}, 1, 0, 0)",  # nothing
    "(99, {asha}, {baraka}, -1, {a_ver}, {a_bal}, {b_ver}, {b_bal}, 1, 0, 0)",
    "(99, {asha}, {baraka}, 1, {a_ver}, {a_bal} + 1, {b_ver}, {b_bal}, 1, 0, 0)",  # false balances
    "(99, {asha}, {baraka}, 1, {a_ver}, {a_bal}, {b_ver}, {b_bal} - 1, 1, 0, 0)",
    "(99, {asha}, {baraka}, 1, {a_ver}, NULL, {b_ver}, {b_bal}, 1, 0, 0)",
    "(99, {asha}, {baraka}, 1, {a_ver} + 1, {a_bal}, {b_ver}, {b_bal}, 1, 0, 0)",  # false versions
    "(99, {asha}, {baraka}, 1, {a_ver}, {a_bal}, {b_ver} + 1, {b_bal}, 1, 0, 0)",
    "(99, {chege}, {baraka}, 1, {c_ver}, -5, {b_ver}, {b_bal}, 1, 0, 0)",  # below the floor
    "(99, {chege}, {baraka}, 1, 0, 0, {b_ver}, {b_bal}, 1, 0, 0)",
    "(99, {kapital}, {drawer}, 1, {k_ver}, 0, {d_ver}, -5, 1, 0, 0)",  # a debit account gives by to
]


@pytest.mark.parametrize("leg", FALSE_LEGS)
def test_the_second_proof_trusts_nobody(lived: Town, leg: str) -> None:
    """What the owner writes past the writer is proved all the same."""
    names = {"asha": "wallet/asha", "baraka": "wallet/baraka", "chege": "wallet/chege"}
    names |= {"drawer": "drawer/house", "kapital": "capital/house"}
    known = {"income": lived["income/transfer_fees"]}
    with lived.engine.connect() as connection:
        connection.exec_driver_sql(
            "UPDATE accounts SET balance_minor = -5, version = version + 1 WHERE id IN (%s, %s)",
            (lived["wallet/chege"], lived["drawer/house"]),
        )
        for short, name in names.items():
            row = connection.exec_driver_sql(
                "SELECT id, version, balance_minor FROM accounts WHERE id = %s", (lived[name],)
            ).one()
            known |= {short: row[0], f"{short[0]}_ver": row[1], f"{short[0]}_bal": row[2]}
        connection.exec_driver_sql("INSERT INTO legs VALUES" + FAIR_LEG.format(**known))
        with pytest.raises(DBAPIError) as error:
            connection.exec_driver_sql("INSERT INTO legs VALUES" + leg.format(**known))
        assert isinstance(error.value.orig, psycopg2.Error)
        assert error.value.orig.pgcode == "KB901"
        connection.rollback()
