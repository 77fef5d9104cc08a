"""A mixed day against a Kabambe as `make run` starts it: six visits in ten look, a quarter pays
(half of it to one biller), a tenth is cash at agents. Phones, servers and workers share the
machine, and the SMS are really handed over meanwhile.

Payments a second stand beside pgbench's TPC-B-like at as many clients on the same server; the two
take turns. At the end the books are proved.
"""

import sys

from sqlalchemy import create_engine

from bench import tpcb
from bench.dialogue import running
from bench.figures import Figure, interleaved
from bench.stage import Stage
from simulator import load
from simulator.planting import plant_people, plant_town
from ussd_app.ledger import audit

PEOPLE = 400
BALANCE_MINOR = 200_000_00
CLIENTS = 8
TURNS = 3


def run(seconds: float = 8.0, turns: int = TURNS, people_most: int = PEOPLE) -> list[Figure]:
    """Measure visits and payments a second, hops, and whether the books held."""
    people = [load.person(number) for number in range(people_most)]
    town, owners = load.town(people_most)
    payments: list[tuple[float, float]] = []
    with running() as (set_up, port, _):
        settings = set_up.settings()
        plant_people(settings, people, load.PIN, BALANCE_MINOR)
        plant_town(settings, town, owners, load.PIN)
        tpcb.prepare(set_up.postgres)
        seen = []
        for turn in range(turns):
            yardstick = tpcb.per_second(set_up.postgres, CLIENTS, seconds)
            before = _entries(set_up)
            plan = load.Plan(
                f"http://127.0.0.1:{port}/ussd",
                people,
                sessions=10**6,
                seconds=seconds,
                concurrency=CLIENTS,
                seed=turn,
                town=town,
            )
            result = load.run(plan)
            seen.append(result)
            payments.append(((_entries(set_up) - before) / result.seconds, yardstick))
            print(f"  {result.visits} {result.refused} {result.unexpected}", file=sys.stderr)
        faults = len(audit.run(create_engine(set_up.postgres.url("kabambe"))))
    busiest = max(seen, key=lambda each: each.hops / each.seconds)
    strays = sum(each.unexpected.total() + each.errors.total() for each in seen)
    visits = sum(busiest.visits.values()) / busiest.seconds
    return [
        Figure("a mixed day, visits", visits, "/s"),
        Figure("  hops", busiest.hops / busiest.seconds, "/s"),
        Figure("  a hop, p50", busiest.percentile(0.5), "ms"),
        Figure("  a hop, p99", max(each.percentile(0.99) for each in seen), "ms", most=100),
        interleaved("  entries against TPC-B", "/s", payments),
        Figure("  screens nobody expected", strays, "", most=0),
        Figure("  faults that the audit found", faults, "", most=0),
    ]


def _entries(set_up: Stage) -> int:
    engine = create_engine(set_up.postgres.url("kabambe"))
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()
    engine.dispose()
    return int(found)
