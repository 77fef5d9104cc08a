"""A mixed day: each kind of visit ends as it is meant to on the menus as they are, and a screen
that nobody expected is no refusal."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random

import pytest

from simulator import load
from simulator.backstage import Backstage
from simulator.load import day
from simulator.load.day import DAY, Pick, Town, Visit
from simulator.planting import plant_people, plant_town
from ussd_app.embedded import Redis
from ussd_app.ledger import audit

NOWHERE = "http://127.0.0.1:9"
PEOPLE = [load.person(number) for number in range(12)]
EACH = 2
"""So many visits of each kind."""

Play = Callable[[Sequence[day.Chooser]], load.Result]


@pytest.fixture
def play(database_url: str, redis_server: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Play one visit after the other before a Kabambe whose town has two outlets and two tills."""
    town, owners = load.town(len(PEOPLE), outlets=2, tills=2)
    backstage = Backstage(database_url, redis_server.url())

    def play(choosers: Sequence[day.Chooser]) -> load.Result:
        left = iter(choosers)

        def next_visit(dice: Random, people: Sequence[str], town: Town, pin: str) -> Visit:
            return next(left)(dice, people, town, pin)

        monkeypatch.setattr(day, "visit", next_visit)
        plan = load.Plan(url, PEOPLE, len(choosers), seconds=60, concurrency=1, town=town)
        return load.run(plan)

    try:
        url = f"{backstage.start(NOWHERE)}/ussd"
        settings = backstage.app.settings
        plant_people(settings, PEOPLE, load.PIN, 10_000_00)
        plant_town(settings, town, owners, load.PIN)
        yield play
        assert [str(finding) for finding in audit.run(backstage.app.engine)] == []
    finally:
        backstage.stop()


def test_every_kind_of_visit_ends_as_it_is_meant_to(play: Play) -> None:
    result = play([chooser for _, chooser in DAY] * EACH)
    assert (result.unexpected, result.refused, result.errors) == (Counter(), Counter(), Counter())
    assert len(result.visits) == len(DAY)
    assert set(result.visits.values()) == {EACH}


def changed(chooser: day.Chooser, **changes: object) -> day.Chooser:
    """Visits of a kind, with something of them changed."""

    def visit(dice: Random, people: Sequence[str], town: Town, pin: str) -> Visit:
        return replace(chooser(dice, people, town, pin), **changes)  # type: ignore[arg-type]

    return visit


def test_what_is_called_otherwise_is_no_refusal(play: Play) -> None:
    renamed = changed(day._balance, answers=[Pick("Account balance")])
    elsewhere = changed(day._till, meant="nobody's number")
    wrong = changed(day._balance, pin="0000")
    poor = changed(day._send, answers=[Pick("Send money"), "0711000003", "9999999"])
    result = play([renamed, elsewhere, wrong, poor])
    assert not result.visits
    assert [name.split(":")[0] for name in result.unexpected] == ["balance", "till"]
    assert [name.split(":")[0] for name in result.refused] == ["balance", "send"]
    assert result.summary()["unexpected"].keys() == result.unexpected.keys()
