"""Proof 8: whoever takes several rows takes them in one order, so nobody waits in a circle.

A broken circle is asked again and only the clock would notice: PostgreSQL keeps the count of them.
"""

import random
from functools import partial

import pytest

from tests.ledger.hands import all_well, deadlocks, together
from tests.ledger.town import NOON, Town
from ussd_app.ledger.book import BelowFloor, Ceiling, LimitPassed, Usage
from ussd_app.ledger.drafts import Draft, Mode

CLIENTS = 16
ACCOUNTS = ("wallet/asha", "wallet/baraka", "wallet/chege", "till/duka_la_juma", "float/airtime")
OWNERS = ("1", "2", "3")


def _tangled(town: Town, dice: random.Random) -> Draft:
    """Three to ten legs over five accounts in any direction, with limits and ceilings."""
    legs = []
    for _ in range(dice.randint(3, 10)):
        source, target = dice.sample(ACCOUNTS, 2)
        legs.append((source, target, dice.randint(1, 5)))
    owners = dice.sample(OWNERS, dice.randint(0, 3))
    capped = dice.sample(ACCOUNTS, dice.randint(0, 2))
    return town.draft(
        *legs,
        usages=tuple(Usage(owner, "sent", NOON.date(), 1, 1, 10**9, 10**6) for owner in owners),
        ceilings=tuple(Ceiling(town[name], 10**9) for name in capped),
    )


def _work(town: Town, seed: int, turns: int) -> int:
    dice = random.Random(seed)
    done = 0
    for _ in range(turns):
        try:
            town.book.post(_tangled(town, dice))
            done += 1
        except BelowFloor:
            pass
    return done


def _sixteen_tangled(town: Town, turns: int) -> None:
    for name in ACCOUNTS:
        town.fund(name, 400)
    done = all_well(together(*[partial(_work, town, seed, turns) for seed in range(CLIENTS)]))
    assert sum(done) > CLIENTS * turns // 4
    town.must_be_clean()
    assert deadlocks(town) == 0


def test_sixteen_tangled_clients(town: Town) -> None:
    _sixteen_tangled(town, turns=12)


@pytest.mark.soak
def test_sixteen_tangled_clients_for_long(town: Town) -> None:
    _sixteen_tangled(town, turns=2_000)


def _drain(town: Town, purse: str) -> int:
    taken = 0
    while True:
        try:
            town.move(purse, "wallet/baraka", 7)
            taken += 1
        except BelowFloor:
            return taken


@pytest.mark.parametrize("mode", ["locked", "tallied", "sharded"])
def test_sixteen_drain_one_purse(town: Town, mode: Mode) -> None:
    """Until the last shard is empty and all need the row."""
    town.fund("till/duka_la_juma", 1_000)
    town.book.set_mode(town["till/duka_la_juma"], mode)
    drain = partial(_drain, town, "till/duka_la_juma")
    assert sum(all_well(together(*[drain] * CLIENTS))) == 1_000 // 7
    assert town.has("till/duka_la_juma") == 1_000 % 7
    town.must_be_clean()
    assert deadlocks(town) == 0


def test_limits_are_taken_in_one_order_however_they_are_given(town: Town) -> None:
    town.fund("wallet/asha", 10_000)
    town.fund("wallet/baraka", 10_000)

    def use(source: str, target: str, seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(10):
            owners = dice.sample(OWNERS, 3)
            usages = tuple(Usage(o, "sent", NOON.date(), 1, 1, None, None) for o in owners)
            town.move(source, target, 1, usages=usages)

    jobs = [
        partial(use, "trust/house", target, seed)  # nothing in common but the limits
        for seed, target in enumerate(("wallet/asha", "wallet/baraka", "wallet/chege") * 2)
    ]
    all_well(together(*jobs))
    assert [town.book.usage(owner, "sent", NOON.date()) for owner in OWNERS] == [(60, 60)] * 3
    assert deadlocks(town) == 0


def test_what_is_passed_under_load_is_said_and_nothing_else(town: Town) -> None:
    town.fund("wallet/asha", 10_000)
    usage = Usage("1", "sent", NOON.date(), 1, 1, 40, None)

    def use() -> int:
        won = 0
        for _ in range(6):
            try:
                town.move("wallet/asha", "wallet/baraka", 1, usages=(usage,))
                won += 1
            except LimitPassed:
                pass
        return won

    assert sum(all_well(together(*[use] * CLIENTS))) == 40
    assert town.has("wallet/baraka") == 40
    assert deadlocks(town) == 0
