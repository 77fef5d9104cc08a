"""M-PESA confirmations to one pay bill number, against a Kabambe as `make run` starts it.

First as fast as they are acknowledged; pgbench's TPC-B-like stands beside it, taking turns. Then
ten thousand within a minute, evenly, as at noon on the first of the month: how long Safaricom waits
for us, how long a customer waits for the receipt, and whether each is in the books just once.
"""

import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Engine, create_engine

from bench import tpcb
from bench.dialogue import running
from bench.figures import Figure, interleaved
from bench.phones import Conversation, Hop, Played, beside, post
from simulator import load
from simulator.planting import plant_people, plant_town
from ussd_app.kernel.clock import nairobi
from ussd_app.ledger import audit
from ussd_app.settings import Settings

CONFIRMATIONS = 10_000
MINUTE_S = 60.0
CLIENTS = 8
LINES = 100
"""Connections of the even flood: so many confirmations can be on their way at once."""

SPARE = 0.85
"""Pauses are drawn: with a little less between them, even the last line is done in its minute."""

TURNS = 3
PEOPLE = 200
A_WALLET_IN = 10
"""One payment in so many is to a customer's own wallet, whose number is known: that is whom a
receipt can be sent to. The others are to the pay bill number."""

AMOUNT = 150
WAIT_S = 180.0

_ENTERED = "SELECT count(*) FROM mpesa_receipts WHERE mpesa LIKE %s"
_HELD = "SELECT ledger_balance(id) FROM accounts WHERE kind = 'mpesa' AND owner = 'house'"
_BOOKED = """
FROM inbox i
JOIN mpesa_receipts m ON m.mpesa = split_part(i.natural_key, ':', 1)
JOIN entries e ON e.receipt = m.receipt
"""
_LAG = f"""
SELECT percentile_cont(%s) WITHIN GROUP (
    ORDER BY extract(epoch FROM e.written_at - i.received_at) * 1000)
{_BOOKED} WHERE i.kind = 'mpesa_c2b' AND m.mpesa LIKE %s
"""
_TOLD = f"""
SELECT percentile_cont(%s) WITHIN GROUP (
    ORDER BY extract(epoch FROM o.ended_at - i.received_at) * 1000)
{_BOOKED} JOIN outbox o ON o.entry_id = e.id
WHERE i.kind = 'mpesa_c2b' AND m.mpesa LIKE %s AND o.state = 'done'
"""


def run(
    confirmations: int = CONFIRMATIONS,
    minute_s: float = MINUTE_S,
    seconds: float = 5.0,
    turns: int = TURNS,
) -> list[Figure]:
    """Measure acknowledgements and receipts, and count what was lost or doubled."""
    people = [load.person(number) for number in range(PEOPLE)]
    town, owners = load.town(PEOPLE)
    with running() as (set_up, port, _):
        settings = set_up.settings()
        plant_people(settings, people, load.PIN, 0)
        plant_town(settings, town, owners, load.PIN)
        tpcb.prepare(set_up.postgres)
        engine = create_engine(set_up.postgres.url("kabambe"))
        acknowledged: list[tuple[float, float]] = []
        posted = 0
        stream = _confirmations("F", people, town.biller)
        for _ in range(turns):
            yardstick = tpcb.per_second(set_up.postgres, CLIENTS, seconds)
            enough = list(itertools.islice(stream, int(seconds * 4_000)))
            fast = beside(None, port, enough, CLIENTS, seconds)
            posted += len(fast.hops)
            acknowledged.append((len(fast.hops) / fast.seconds, yardstick))
        backlog, began = posted - _entered(engine, "F"), time.monotonic()
        _until_entered(engine, "F", posted)
        entered = backlog / max(time.monotonic() - began, 0.001)

        flood = list(itertools.islice(_confirmations("M", people, town.biller), confirmations))
        think = SPARE * LINES * minute_s / confirmations
        even = beside(None, port, flood, LINES, 2 * minute_s, think)
        _until_entered(engine, "M", len(even.hops))
        _until_told(engine)
        figures = _figures(engine, even)
        faults = len(audit.run(engine))
        engine.dispose()
    return [
        interleaved("M-PESA confirmations acknowledged, to TPC-B", "/s", acknowledged),
        Figure("  entered, of those that waited", entered, "/s", least=confirmations / minute_s),
        *figures,
        Figure("  faults that the audit found", faults, "", most=0),
    ]


def _figures(engine: Engine, even: Played) -> list[Figure]:
    sent = len(even.hops)
    with engine.connect() as connection:
        ask = connection.exec_driver_sql
        entered = {name: ask(_ENTERED, (f"{name}%",)).scalar_one() for name in "FM"}
        held = ask(_HELD).scalar_one() // (AMOUNT * 100)
        lags = [ask(_LAG, (share, "M%")).scalar_one() for share in (0.5, 0.99)]
        told = [ask(_TOLD, (share, "M%")).scalar_one() for share in (0.5, 0.99)]
    return [
        Figure(f"  {sent:,} evenly, offered", sent / even.seconds, "/s"),
        Figure("  an acknowledgement of them, p99", even.percentile_ms(0.99), "ms", most=1_000),
        Figure("  confirmed to entered, p50", lags[0], "ms"),
        Figure("  confirmed to entered, p99", lags[1], "ms"),
        Figure("  confirmed to receipt sent, p50", told[0], "ms"),
        Figure("  confirmed to receipt sent, p99", told[1], "ms"),
        Figure("  lost", sent - entered["M"], "", most=0),
        Figure("  doubled", held - sum(entered.values()), "", most=0),
    ]


def _confirmations(run_name: str, people: list[str], biller: str) -> Iterator[Conversation]:
    """Each a conversation of one hop: the confirmation, and Safaricom's word for thanks."""
    shortcode = Settings.read({}).daraja_shortcode
    paid_at = nairobi(datetime.now(UTC)).strftime("%Y%m%d%H%M%S")
    for number in itertools.count():
        own = number % A_WALLET_IN == 0
        account = people[number % len(people)] if own else f"{biller} ACC{number % 5_000:05d}"
        body = {
            "TransactionType": "Pay Bill",
            "TransID": f"{run_name}{number:09d}",
            "TransTime": paid_at,
            "TransAmount": f"{AMOUNT}.00",
            "BusinessShortCode": shortcode,
            "BillRefNumber": account.removeprefix("+"),
            "InvoiceNumber": "",
            "OrgAccountBalance": "49197.00",
            "ThirdPartyTransID": "",
            "MSISDN": "2547 ***** 126",
            "FirstName": "JANE",
            "MiddleName": "",
            "LastName": "",
        }
        request = post("/daraja/c2b/confirmation", json.dumps(body), "application/json")
        yield [Hop(request, b'"ResultCode"')]


def _entered(engine: Engine, run_name: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(_ENTERED, (f"{run_name}%",)).scalar_one())


def _until_entered(engine: Engine, run_name: str, wanted: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while _entered(engine, run_name) < wanted and time.monotonic() < deadline:
        time.sleep(0.1)


def _until_told(engine: Engine) -> None:
    waiting = "SELECT count(*) FROM outbox WHERE state IN ('queued', 'claimed', 'sending')"
    deadline = time.monotonic() + WAIT_S
    with engine.connect() as connection:
        while connection.exec_driver_sql(waiting).scalar_one() and time.monotonic() < deadline:
            time.sleep(0.2)
            connection.rollback()
