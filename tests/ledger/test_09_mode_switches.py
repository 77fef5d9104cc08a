"""Proof 9: how accounts are kept changes while money flows, and nobody notices."""

import random
import threading
from collections.abc import Callable
from functools import partial

import pytest

from tests.ledger.hands import all_well, together, until
from tests.ledger.town import NOON, Town
from ussd_app.kernel.errors import Unavailable
from ussd_app.ledger import folding
from ussd_app.ledger.book import BelowFloor, NewHold
from ussd_app.ledger.drafts import Mode

MODES: tuple[Mode, ...] = ("locked", "tallied", "sharded")
HOT = ("wallet/chege", "till/duka_la_juma", "float/airtime")
WORKERS = 6
Deltas = dict[str, int]


def _work(town: Town, seed: int, going: Callable[[], bool]) -> Deltas:
    """Move money between hot accounts and one's own; what was acknowledged, by account."""
    dice = random.Random(seed)
    own = dice.choice(("wallet/asha", "wallet/baraka"))
    moved: Deltas = dict.fromkeys((*HOT, own), 0)
    while going():
        legs = []
        for _ in range(dice.randint(1, 3)):
            hot, amount = dice.choice(HOT), dice.randint(1, 9)
            legs.append((own, hot, amount) if dice.random() < 0.5 else (hot, own, amount))
        try:
            town.book.post(town.draft(*legs))
        except (BelowFloor, Unavailable):
            continue
        for source, target, amount in legs:
            moved[source] -= amount
            moved[target] += amount
    return moved


def _hold(town: Town, seed: int, going: Callable[[], bool]) -> Deltas:
    """Promise what hot accounts hold, and settle or call off the promise."""
    dice = random.Random(seed)
    moved: Deltas = dict.fromkeys((*HOT, "wallet/baraka"), 0)
    while going():
        hot = dice.choice(HOT)
        try:
            held = town.book.hold(town.draft(), NewHold(town[hot], 5, NOON)).entry_id
        except (BelowFloor, Unavailable):
            continue
        if dice.random() < 0.5:
            _surely(partial(town.book.void, town.draft(), held, town[hot]))
        else:
            capture = town.draft((hot, "wallet/baraka", 4))
            _surely(partial(town.book.settle, capture, held, town[hot]))
            moved[hot] -= 4
            moved["wallet/baraka"] += 4
    return moved


def _surely(ask: Callable[[], object]) -> None:
    """Ask until the book has time: a promise that was made is kept."""
    while True:
        try:
            ask()
        except Unavailable:
            continue
        return


def _switch(town: Town, seed: int, busy: threading.Event) -> int:
    dice = random.Random(seed)
    switches = 0
    while not busy.wait(0.005):
        town.book.set_mode(town[dice.choice(HOT)], dice.choice(MODES))
        switches += 1
        if switches % 3 == 0:
            folding.fold(town.engine)
        elif switches % 5 == 0:
            folding.level(town.engine)
    return switches


def _switched_under_load(town: Town, seconds: float) -> None:
    for name in (*HOT, "wallet/asha", "wallet/baraka"):
        town.fund(name, 300)
    before = town.balances()
    over = threading.Event()
    switches: list[int] = []
    switcher = threading.Thread(target=lambda: switches.append(_switch(town, 7, over)))
    switcher.start()
    going = until(seconds)
    workers = [partial(_work, town, seed, going) for seed in range(WORKERS)]
    results = together(*workers, partial(_hold, town, 99, going))
    over.set()
    switcher.join()
    for moved in all_well(results):
        for name, delta in moved.items():
            before[name] += delta
    assert town.balances() == before
    assert switches[0] > 10
    assert town.one("SELECT count(*) FROM entries") > 50
    town.must_be_clean()


def test_modes_change_while_money_flows(town: Town) -> None:
    _switched_under_load(town, seconds=2)


@pytest.mark.soak
def test_modes_change_for_long_while_money_flows(town: Town) -> None:
    _switched_under_load(town, seconds=60)
