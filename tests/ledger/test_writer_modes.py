"""What the writer must do with tallied and sharded accounts, and while a mode changes.

Each check is the killer of mutants too (test_mutants).
"""

import pytest

from tests.ledger.town import NOON, Town
from ussd_app.ledger import folding
from ussd_app.ledger.book import (
    BelowFloor,
    NewHold,
)


def test_a_tallied_account_spends_what_it_has_and_no_more(town: Town) -> None:
    for _ in range(3):
        town.fund("till/duka_la_juma", 100)
    assert town.has("till/duka_la_juma") == 300
    assert town.one("SELECT count(*) FROM tail WHERE account_id = %s", town["till/duka_la_juma"])
    written = town.move("till/duka_la_juma", "wallet/asha", 250)
    assert written.balances == {town["wallet/asha"]: 250}
    with pytest.raises(BelowFloor):
        town.move("till/duka_la_juma", "wallet/asha", 51)
    town.fund("till/duka_la_juma", 1)
    town.move("till/duka_la_juma", "wallet/asha", 51)
    assert (town.has("till/duka_la_juma"), town.has("wallet/asha")) == (0, 301)
    town.must_be_clean()


def test_a_sharded_account_spends_what_it_has_and_no_more(town: Town) -> None:
    town.fund("float/airtime", 1000)
    folding.level(town.engine)
    assert town.has("float/airtime") == 1000
    for _ in range(3):
        town.move("float/airtime", "wallet/asha", 10)
    town.move("float/airtime", "wallet/asha", 900)
    with pytest.raises(BelowFloor):
        town.move("float/airtime", "wallet/asha", 71)
    town.move("float/airtime", "wallet/asha", 70)
    assert (town.has("float/airtime"), town.has("wallet/asha")) == (0, 1000)
    town.must_be_clean()


def test_a_mode_changes_and_no_cent_is_lost(town: Town) -> None:
    asha = town["wallet/asha"]
    for mode in ("tallied", "sharded", "locked", "sharded", "tallied", "locked"):
        town.fund("wallet/asha", 100)
        town.book.set_mode(asha, mode)
        town.fund("wallet/asha", 11)
        town.move("wallet/asha", "wallet/baraka", 50)
    assert (town.has("wallet/asha"), town.has("wallet/baraka")) == (6 * 61, 300)
    with pytest.raises(BelowFloor):
        town.move("wallet/asha", "wallet/baraka", 6 * 61 + 1)
    town.move("wallet/asha", "wallet/baraka", 6 * 61)
    town.must_be_clean()


def test_what_is_known_of_modes_is_corrected_before_a_lock_is_taken(town: Town) -> None:
    asha, till = town["wallet/asha"], town["till/duka_la_juma"]
    town.fund("wallet/asha", 100)
    town.book._hot.clear()
    town.move("wallet/asha", "till/duka_la_juma", 10)
    assert town.book._hot == {till}
    town.book._hot.add(asha)
    written = town.move("wallet/asha", "till/duka_la_juma", 10)
    assert (town.book._hot, written.balances) == ({till}, {asha: 80})
    town.book._hot.add(asha)
    held = town.book.hold(town.draft(), NewHold(asha, 5, NOON))
    assert (town.book._hot, held.balances) == ({till}, {asha: 80})
    town.book._hot.clear()
    town.book.hold(town.draft(), NewHold(till, 5, NOON))
    assert town.book._hot == {till}


def test_a_sharded_account_is_debited_beside_an_appended_credit(town: Town) -> None:
    town.fund("float/airtime", 100)
    town.move("float/airtime", "till/duka_la_juma", 40)
    assert (town.has("float/airtime"), town.has("till/duka_la_juma")) == (60, 40)
    town.must_be_clean()
