"""Proof 10: the folder may be killed at its work, work twice at once, or stay away for an hour."""

import threading
from functools import partial

import pytest
from sqlalchemy.exc import DBAPIError

from tests.ledger.hands import all_well, together
from tests.ledger.town import Town
from ussd_app.ledger import folding
from ussd_app.ledger.book import BelowFloor

TILL = "till/duka_la_juma"


def _sold(town: Town, times: int) -> None:
    for _ in range(times):
        town.fund(TILL, 3)


def test_a_folder_killed_at_its_work_has_done_nothing(town: Town) -> None:
    _sold(town, 20)
    before = town.picture(town.tables())
    with town.engine.connect() as dying:
        folded = dying.exec_driver_sql("SELECT ledger_fold(%s)", (town[TILL],)).scalar_one()
        pid = dying.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        assert folded == 20
        assert town.one("SELECT pg_terminate_backend(%s, 5000)", pid)
        with pytest.raises(DBAPIError):
            dying.exec_driver_sql("SELECT 1")
    assert town.picture(town.tables()) == before
    assert folding.fold(town.engine) == 40  # the till's and the trust's
    assert town.has(TILL) == 60
    town.must_be_clean()


def test_many_folders_at_once_fold_each_row_once(town: Town) -> None:
    _sold(town, 60)
    counts = all_well(together(*[partial(folding.fold, town.engine)] * 6))
    assert sum(counts) + folding.fold(town.engine) == 120  # the till's and the trust's
    assert town.one("SELECT count(*) FROM tail") == 0
    assert town.has(TILL) == 180
    assert town.one("SELECT sum(rows) FROM tallies WHERE account_id = %s", town[TILL]) == 60
    town.must_be_clean()


def test_folders_among_writers(town: Town) -> None:
    over = threading.Event()

    def fold() -> int:
        rows = 0
        while not over.is_set():
            rows += folding.fold(town.engine)
        return rows

    folders = [threading.Thread(target=fold) for _ in range(2)]
    for folder in folders:
        folder.start()
    all_well(together(*[partial(_sold, town, 30)] * 4))
    for _ in range(7):
        town.move(TILL, "wallet/asha", 50)
    with pytest.raises(BelowFloor):
        town.move(TILL, "wallet/asha", 50)
    over.set()
    for folder in folders:
        folder.join()
    assert (town.has("wallet/asha"), town.has(TILL)) == (350, 10)
    town.must_be_clean()


def test_nobody_folds_for_an_hour(town: Town) -> None:
    """A debit folds what it needs, however long the tail has grown."""
    _sold(town, 300)
    assert town.one("SELECT count(*) FROM tail WHERE account_id = %s", town[TILL]) == 300
    assert town.has(TILL) == 900
    town.move(TILL, "wallet/asha", 900)
    with pytest.raises(BelowFloor):
        town.move(TILL, "wallet/asha", 1)
    assert (town.has(TILL), town.has("wallet/asha")) == (0, 900)
    town.must_be_clean()


def test_a_part_of_a_tail_may_be_folded(town: Town) -> None:
    _sold(town, 10)
    for left in (6, 2, 0):
        with town.engine.begin() as connection:
            connection.exec_driver_sql("SELECT ledger_fold(%s, 4)", (town[TILL],))
        waiting = town.one("SELECT count(*) FROM tail WHERE account_id = %s", town[TILL])
        assert (waiting, town.has(TILL)) == (left, 30)
        town.must_be_clean()
