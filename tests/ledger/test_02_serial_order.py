"""Proof 2: what many did at once could have been done one after the other.

The versions of every account say who came before whom. If these orders fit into one, and a page
of Python that follows it finds each balance that was written and never one below its floor, then
that one is a serial order that explains the book.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from graphlib import TopologicalSorter
from itertools import pairwise

import pytest

from tests.ledger.hands import all_well, together
from tests.ledger.laws import Row, Tables, faults_of, tables
from tests.ledger.town import NOON, Town
from ussd_app.ledger.book import AlreadyReversed, BelowFloor, LimitPassed, Usage

PEOPLE = tuple(f"wallet/person_{number}" for number in range(6))
WORKERS = 12
EACH = 100
MOST_SENT = 2_000


def _work(town: Town, seed: int, turns: int) -> None:
    """Send along some legs, within a limit, and now and then undo what one sent."""
    dice = random.Random(seed)
    mine: list[int] = []
    for _ in range(turns):
        try:
            if mine and dice.random() < 0.2:
                town.book.reverse(town.draft(), dice.choice(mine))
                continue
            pairs = [dice.sample(PEOPLE, 2) for _ in range(dice.randint(1, 4))]
            legs = [(source, target, dice.randint(1, 40)) for source, target in pairs]
            owner = str(dice.randint(1, 2))
            usage = Usage(owner, "sent", NOON.date(), 10, 1, MOST_SENT, None)
            mine.append(town.book.post(town.draft(*legs, usages=(usage,))).entry_id)
        except (BelowFloor, LimitPassed, AlreadyReversed):
            pass


def _serial(book: Tables) -> Iterator[int]:
    """Entries in an order that all accounts agree with; a CycleError when there is none."""
    turns: dict[int, dict[int, int]] = defaultdict(dict)
    for leg in book["legs"]:
        for end in ("from", "to"):
            if leg[f"{end}_shard"] == 0:
                turns[leg[f"{end}_id"]][leg[f"{end}_version"]] = leg["entry_id"]
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for entry in book["entries"]:
        before = [entry["reverses"]] if entry["reverses"] else []
        sorter.add(entry["id"], *before)
    for versions in turns.values():
        order = [versions[version] for version in sorted(versions)]
        for earlier, later in pairwise(order):
            sorter.add(later, earlier)
    return iter(sorter.static_order())


def _follow(book: Tables) -> dict[int, int]:
    """Balances of a page that does the entries one after the other."""
    legs: dict[int, list[Row]] = defaultdict(list)
    for leg in book["legs"]:
        legs[leg["entry_id"]].append(leg)
    floors = {row["id"]: row["floor_minor"] for row in book["accounts"]}
    sides = {row["id"]: 1 if row["side"] == "credit" else -1 for row in book["accounts"]}
    page: dict[int, int] = defaultdict(int)
    for entry in _serial(book):
        for leg in legs[entry]:
            page[leg["from_id"]] -= sides[leg["from_id"]] * leg["amount_minor"]
            page[leg["to_id"]] += sides[leg["to_id"]] * leg["amount_minor"]
        for leg in legs[entry]:
            for end in ("from", "to"):
                account, after = leg[f"{end}_id"], leg[f"{end}_balance"]
                assert after in (page[account], None)
                assert floors[account] is None or page[account] >= floors[account]
    return page


def _explained(town: Town, turns: int) -> None:
    for name in PEOPLE:
        town.ids[name] = town.open(name, "emoney", "credit", "locked", 0)
        town.fund(name, EACH)
    all_well(together(*[partial(_work, town, seed, turns) for seed in range(WORKERS)]))
    book = tables(town.engine)
    assert not [*faults_of(book)]
    page = _follow(book)
    assert {name: page[id_] for name, id_ in town.ids.items()} == town.balances()
    sent = sum(1 for row in book["entries"] if not row["reverses"]) - len(PEOPLE)
    used = [town.book.usage(owner, "sent", NOON.date()) for owner in ("1", "2")]
    assert sum(times for _, times in used) == sent
    assert all(minor == times * 10 <= MOST_SENT for minor, times in used)


def test_some_serial_order_explains_the_book(town: Town) -> None:
    _explained(town, turns=25)


@pytest.mark.soak
def test_some_serial_order_explains_a_long_book(town: Town) -> None:
    _explained(town, turns=3_000)
