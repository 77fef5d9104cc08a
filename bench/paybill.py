"""M-PESA confirmations to one biller, against a Kabambe as `make run` starts it.

The biller keeps books here, with customers and open invoices: each payment is entered with what it
pays of them, and its customer is told. First as fast as they are acknowledged; pgbench's TPC-B-like
stands beside it, taking turns. Then ten thousand within a minute, evenly, as at noon on the first
of the month, some of them told twice: how long Safaricom waits for us, how long a customer waits
for the receipt, and whether each is in the books just once.
"""

import itertools
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, create_engine

from bench import tpcb
from bench.dialogue import running, worked
from bench.figures import Figure, interleaved
from bench.phones import Conversation, Hop, Played, beside, post
from simulator import load
from simulator.planting import plant_bills, plant_town
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

MOST_ACKNOWLEDGED_MS = 100
"""Safaricom is acknowledged in milliseconds, not in tenths of a second, under that flood too."""

TURNS = 3
CUSTOMERS = 1_000
BILLS, BILL = 4, 900
"""Invoices of each customer: what a run pays of them is in parts, and over two of them at times."""

NAMES_A_BILL = 4
"""One payer in so many types the number of an invoice, the others that of their account."""

TOLD_TWICE = 20
"""One payment in so many is told again, in other words, as Safaricom does."""

AMOUNT = 150
WAIT_S = 180.0

_ENTERED = "SELECT count(*) FROM mpesa_receipts WHERE mpesa LIKE %s"
_HELD = "SELECT ledger_balance(id) FROM accounts WHERE kind = 'mpesa' AND owner = 'house'"
_SETTLED = """
SELECT coalesce(sum(CASE kind WHEN 'bill_credit' THEN 1 ELSE -1 END * ledger_balance(id)), 0)
FROM accounts WHERE kind IN ('bill_credit', 'bill_receivable')
"""
"""What customers have in credit, less what they still owe."""

_TOLD = """
WITH came AS (
    SELECT m.receipt, min(i.received_at) AS at
    FROM inbox i JOIN mpesa_receipts m ON m.mpesa = split_part(i.natural_key, ':', 1)
    WHERE i.kind = 'mpesa_c2b' AND m.mpesa LIKE %s GROUP BY m.receipt
), each AS (
    SELECT came.at, e.written_at, count(o.id) AS receipts, max(o.ended_at) AS told_at
    FROM came JOIN entries e ON e.receipt = came.receipt
    LEFT JOIN outbox o ON o.entry_id = e.id AND o.kind = 'sms' AND o.state = 'done'
    GROUP BY e.id, came.at, e.written_at
)
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
           ORDER BY extract(epoch FROM written_at - at) * 1000) AS entered_ms,
       percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
           ORDER BY extract(epoch FROM told_at - at) * 1000) AS told_ms,
       extract(epoch FROM max(written_at) - min(at)) AS last_s,
       coalesce(sum(receipts), 0) AS receipts,
       count(*) FILTER (WHERE receipts <> 1) AS odd
FROM each
"""


@dataclass(frozen=True)
class Biller:
    """Whom is paid: the number, and how many customers have bills."""

    number: str
    customers: int

    @property
    def billed(self) -> int:
        """Shillings of all invoices."""
        return self.customers * BILLS * BILL

    def typed(self, dice: random.Random) -> str:
        """What some payer types as the account number."""
        who = dice.randrange(self.customers)
        if dice.randrange(NAMES_A_BILL) == 0:
            return f"{self.number}-INV{who * BILLS + dice.randrange(BILLS) + 1}"
        return f"{self.number} ACC{who + 1}"


def run(
    confirmations: int = CONFIRMATIONS,
    minute_s: float = MINUTE_S,
    seconds: float = 5.0,
    turns: int = TURNS,
    customers: int = CUSTOMERS,
) -> list[Figure]:
    """Measure acknowledgements and receipts, and count what was lost or doubled."""
    town, owners = load.town(customers, outlets=0, tills=0)
    biller = Biller(town.biller, customers)
    with running() as (set_up, port, manager):
        settings = set_up.settings()
        plant_town(settings, town, owners, load.PIN)
        phones = [load.person(number) for number in range(customers)]
        plant_bills(settings, biller.number, phones, BILLS, BILL * 100)
        tpcb.prepare(set_up.postgres)
        engine = create_engine(set_up.postgres.url("kabambe"))
        _until_told(engine)
        acknowledged: list[tuple[float, float]] = []
        posted = 0
        stream = _confirmations("F", biller)
        for _ in range(turns):
            yardstick = tpcb.per_second(set_up.postgres, CLIENTS, seconds)
            enough = list(itertools.islice(stream, int(seconds * 4_000)))
            fast = beside(None, port, enough, CLIENTS, seconds)
            posted += len(fast.hops)
            acknowledged.append((len(fast.hops) / fast.seconds, yardstick))
        accepted = interleaved("M-PESA confirmations acknowledged, to TPC-B", "/s", acknowledged)
        backlog, began = posted - _entered(engine, "F"), time.monotonic()
        _until_entered(engine, "F", posted)
        rate = backlog / max(time.monotonic() - began, 0.001)
        _until_told(engine)

        flood = list(itertools.islice(_confirmations("M", biller), confirmations))
        told = _some_twice(flood)
        think = SPARE * LINES * minute_s / len(told)
        before = worked(manager)
        even = beside(None, port, told, LINES, 2 * minute_s, think)
        _until_entered(engine, "M", confirmations)
        _until_told(engine)
        after = worked(manager)
        spent = {name: after[name] - before.get(name, 0.0) for name in after}
        print(f"  { ({name: round(each, 1) for name, each in spent.items()}) } s", file=sys.stderr)
        wanted = confirmations / minute_s
        with engine.connect() as connection:
            seen = connection.exec_driver_sql(_TOLD, ("M%",)).one()
        figures = [
            accepted,
            Figure("  entered, of those that waited", rate, "/s", accepted.yardstick, least=wanted),
            *_times(seen, even, confirmations, minute_s),
            Figure("  processor time of each", 1000 * sum(spent.values()) / confirmations, "ms"),
            *_counts(engine, seen, biller, confirmations),
        ]
        engine.dispose()
    return figures


def _times(seen: Any, even: Played, offered: int, minute_s: float) -> list[Figure]:
    """How fast the even flood came, was acknowledged, entered and told."""
    entered, told = seen.entered_ms or (0, 0), seen.told_ms or (0, 0)
    rate = offered / even.seconds
    return [
        Figure(f"  {offered:,} evenly, offered", rate, "/s", least=offered / minute_s),
        Figure("  an acknowledgement of them, p50", even.percentile_ms(0.5), "ms"),
        Figure(
            *("  an acknowledgement of them, p99", even.percentile_ms(0.99), "ms"),
            most=MOST_ACKNOWLEDGED_MS,
        ),
        Figure("  the last entered, after the first came", seen.last_s or 0, "s"),
        Figure("  confirmed to entered, p50", entered[0], "ms"),
        Figure("  confirmed to entered, p99", entered[1], "ms"),
        Figure("  confirmed to receipt sent, p50", told[0], "ms"),
        Figure("  confirmed to receipt sent, p99", told[1], "ms"),
    ]


def _counts(engine: Engine, seen: Any, biller: Biller, offered: int) -> list[Figure]:
    """What must be there just once: in the books, on invoices, at customers."""
    with engine.connect() as connection:
        ask = connection.exec_driver_sql
        entered = {name: ask(_ENTERED, (f"{name}%",)).scalar_one() for name in "FM"}
        held = ask(_HELD).scalar_one() / 100
        settled = ask(_SETTLED).scalar_one() / 100 + biller.billed
    every = sum(entered.values())
    return [
        Figure("  lost", offered - entered["M"], "", most=0),
        Figure("  doubled", float(held) / AMOUNT - every, "", most=0),
        Figure("  not on an invoice or in credit", every - float(settled) / AMOUNT, "", most=0),
        Figure("  receipts sent, to what was entered", seen.receipts, "", entered["M"], 1.0),
        Figure("  not told just once", seen.odd, "", most=0),
        Figure("  faults that the audit found", len(audit.run(engine)), "", most=0),
    ]


def _confirmations(run_name: str, biller: Biller) -> Iterator[Conversation]:
    """Each a conversation of one hop: the confirmation, and Safaricom's word for thanks."""
    dice = random.Random(run_name)
    for number in itertools.count():
        yield [_confirmation(f"{run_name}{number:09d}", biller.typed(dice))]


def _confirmation(mpesa: str, account: str) -> Hop:
    body = {
        "TransactionType": "Pay Bill",
        "TransID": mpesa,
        "TransTime": nairobi(datetime.now(UTC)).strftime("%Y%m%d%H%M%S"),
        "TransAmount": f"{AMOUNT}.00",
        "BusinessShortCode": Settings.read({}).daraja_shortcode,
        "BillRefNumber": account,
        "InvoiceNumber": "",
        "OrgAccountBalance": "49197.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 126",
        "FirstName": "JANE",
        "MiddleName": "",
        "LastName": "",
    }
    request = post("/daraja/c2b/confirmation", json.dumps(body), "application/json")
    return Hop(request, b'"ResultCode"')


def _some_twice(flood: Sequence[Conversation]) -> list[Conversation]:
    """The same, with every so-manieth once more, a little later and with one word changed."""
    told: list[Conversation] = []
    for number, conversation in enumerate(flood):
        told.append(conversation)
        earlier = number - LINES
        if number % TOLD_TWICE == 0 and earlier >= 0:
            (hop,) = flood[earlier]
            told.append([hop._replace(request=hop.request.replace(b'"JANE"', b'"ANNE"'))])
    return told


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
