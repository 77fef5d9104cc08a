"""What the writer must do with held value: promised once, and settled, voided or expired once.

Each check is the killer of mutants too (test_mutants).
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.ledger.town import NOON, Town
from ussd_app.ledger.book import (
    AboveCeiling,
    AlreadyReversed,
    BelowFloor,
    Ceiling,
    EndOfHold,
    HoldNotOpen,
    NewHold,
)


def test_held_value_cannot_be_spent_and_comes_back(town: Town) -> None:
    asha = town["wallet/asha"]
    town.fund("wallet/asha", 1000)
    later = NOON + timedelta(minutes=5)
    with pytest.raises(BelowFloor):
        town.book.hold(town.draft(), NewHold(asha, 1001, later))
    held = town.book.hold(town.draft(), NewHold(asha, 800, later))
    assert (town.has("wallet/asha"), town.can_spend("wallet/asha")) == (1000, 200)
    with pytest.raises(BelowFloor):
        town.move("wallet/asha", "wallet/baraka", 201)
    with pytest.raises(BelowFloor):
        town.book.hold(town.draft(), NewHold(asha, 201, later))
    with pytest.raises(HoldNotOpen):
        town.book.expire(town.draft(), held.entry_id, asha)
    with pytest.raises(HoldNotOpen):
        town.book.settle(town.draft(("wallet/asha", "wallet/baraka", 801)), held.entry_id, asha)
    with pytest.raises(HoldNotOpen):
        town.book.void(town.draft(), held.entry_id, town["wallet/baraka"])
    settled = town.book.settle(
        town.draft(("wallet/asha", "wallet/baraka", 500)), held.entry_id, asha
    )
    assert settled.balances == {asha: 500, town["wallet/baraka"]: 500}
    assert town.can_spend("wallet/asha") == 500
    for end in (town.book.settle, town.book.void, town.book.expire):
        with pytest.raises(HoldNotOpen):
            end(town.draft(happened_at=later), held.entry_id, asha)
    second = town.book.hold(town.draft(), NewHold(asha, 500, later))
    town.book.expire(town.draft(happened_at=later), second.entry_id, asha)
    third = town.book.hold(town.draft(), NewHold(asha, 500, later))
    town.book.void(town.draft(), third.entry_id, asha)
    assert town.can_spend("wallet/asha") == 500
    states = "SELECT state FROM holds ORDER BY id"
    assert [row[0] for row in town.rows(states)] == ["settled", "expired", "voided"]
    town.must_be_clean()


@pytest.mark.parametrize("mode", ["wallet/asha", "till/duka_la_juma"])
def test_an_entry_is_undone_out_of_what_is_held(town: Town, mode: str) -> None:
    account, later = town[mode], NOON + timedelta(minutes=5)
    town.fund("wallet/baraka", 1000)
    paid = town.move("wallet/baraka", mode, 700)
    held = town.book.hold(town.draft(), NewHold(account, 700, later))
    with pytest.raises(BelowFloor):
        town.book.reverse(town.draft(), paid.entry_id)
    ends = EndOfHold(held.entry_id, account, "settled")
    draft = replace(town.draft(), reverses=paid.entry_id, ends=ends)
    undone = town.book.post(draft)
    assert town.book.post(draft) == replace(undone, replayed=True, usages={})
    assert (town.has(mode), town.can_spend(mode), town.has("wallet/baraka")) == (0, 0, 1000)
    with pytest.raises(AlreadyReversed):
        town.book.post(replace(town.draft(), reverses=paid.entry_id, ends=ends))
    town.must_be_clean()


def test_a_hold_on_a_tallied_account_gathers_its_tail(town: Town) -> None:
    till = town["till/duka_la_juma"]
    town.fund("till/duka_la_juma", 100)
    held = town.book.hold(town.draft(), NewHold(till, 60, NOON))
    assert town.can_spend("till/duka_la_juma") == 40
    with pytest.raises(BelowFloor):
        town.move("till/duka_la_juma", "wallet/asha", 41)
    town.book.settle(town.draft(("till/duka_la_juma", "wallet/asha", 60)), held.entry_id, till)
    assert town.can_spend("till/duka_la_juma") == 40
    town.must_be_clean()


def test_a_ceiling_holds_where_a_hold_is_settled(town: Town) -> None:
    asha, baraka = town["wallet/asha"], town["wallet/baraka"]
    town.fund("wallet/asha", 100)
    held = town.book.hold(town.draft(), NewHold(asha, 60, NOON))
    capture = town.draft(
        ("wallet/asha", "wallet/baraka", 60),
        ceilings=(Ceiling(baraka, 59),),
    )
    with pytest.raises(AboveCeiling):
        town.book.settle(capture, held.entry_id, asha)
    town.book.settle(replace(capture, ceilings=(Ceiling(baraka, 60),)), held.entry_id, asha)
    town.must_be_clean()
