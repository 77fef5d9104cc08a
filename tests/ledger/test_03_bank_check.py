"""Proof 3: whoever adds up the whole bank while money flows sees the same total, in every mode."""

import random
from collections.abc import Callable
from functools import partial

import pytest

from tests.ledger.hands import all_well, deadlocks, together, until
from tests.ledger.town import Town
from ussd_app.ledger import folding
from ussd_app.ledger.book import BelowFloor
from ussd_app.ledger.drafts import Mode

PEOPLE = ("wallet/asha", "wallet/baraka", "wallet/chege", "till/duka_la_juma")
EACH = 250


def _move(town: Town, seed: int, going: Callable[[], bool]) -> int:
    dice = random.Random(seed)
    done = 0
    while going():
        source, target = dice.sample(PEOPLE, 2)
        try:
            town.move(source, target, dice.randint(1, 60))
            done += 1
        except BelowFloor:
            pass
    return done


def _fold(town: Town, going: Callable[[], bool]) -> int:
    done = 0
    while going():
        folding.fold(town.engine)
        folding.level(town.engine)
        done += 1
    return done


def _read(town: Town, going: Callable[[], bool]) -> int:
    """Look often, in both ways in which balances are read."""
    done = 0
    ids = [town[name] for name in PEOPLE]
    while going():
        total = sum(balance.total for balance in town.book.balances(ids).values())
        assert total == EACH * len(PEOPLE)
        whole = (
            "SELECT side, sum(ledger_balance(id)) FROM accounts WHERE book = 'emoney' GROUP BY 1"
        )
        assert set(town.rows(whole)) == {("credit", total), ("debit", total)}
        done += 1
    return done


def _checked(town: Town, mode: Mode, seconds: float) -> None:
    for name in PEOPLE:
        town.fund(name, EACH)
        town.book.set_mode(town[name], mode)
    going = until(seconds)
    movers = [partial(_move, town, seed, going) for seed in range(4)]
    rest = [partial(_fold, town, going), partial(_read, town, going), partial(_read, town, going)]
    assert all(done > 3 for done in all_well(together(*movers, *rest)))
    town.must_be_clean()
    assert deadlocks(town) == 0


@pytest.mark.parametrize("mode", ["locked", "tallied", "sharded"])
def test_the_bank_adds_up_at_every_look(town: Town, mode: Mode) -> None:
    _checked(town, mode, seconds=1)


@pytest.mark.soak
@pytest.mark.parametrize("mode", ["locked", "tallied", "sharded"])
def test_the_bank_adds_up_for_long(town: Town, mode: Mode) -> None:
    _checked(town, mode, seconds=60)
