"""Customers by the thousand: numbers, wallets, PINs, money, and quotes ready to be accepted.

Made in bulk, by the owner of the tables; the money comes through the ledger's own writer, so the
books are right from the start.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
from psycopg2.extras import execute_values

from bench.stage import Stage
from ussd_app.bootstrap import App, build
from ussd_app.domain.keys import Keyring, fingerprint
from ussd_app.domain.pricing import Price, price
from ussd_app.domain.seeds import OPENING
from ussd_app.kernel.clock import business_day
from ussd_app.ledger.book import Draft, Leg

PIN = "4826"
LEGS_AN_ENTRY = 60
FIRST_ID = 1_000_001
OPENING_MINOR = 100_000_00
Verifier = Callable[[str], str]


@dataclass(frozen=True)
class Customer:
    """Somebody with a wallet and the PIN of all."""

    id: int
    msisdn: str
    wallet_id: int


@dataclass(frozen=True)
class Offer:
    """A quote in the database that waits to be accepted."""

    quote_id: str
    payer: Customer
    payee: Customer
    price: Price


@contextmanager
def kabambe(stage: Stage) -> Iterator[App]:
    """A Kabambe in this process, wired as production is."""
    app = build(stage.settings())
    try:
        yield app
    finally:
        app.close()


def msisdn(number: int) -> str:
    """The number of the so-manieth customer."""
    return f"+2547{number:08d}"


class ArgonVerifiers:
    """What is kept of everybody's PIN, made as production makes it, by both cores at once."""

    def __init__(self, keyring: Keyring, count: int) -> None:
        numbers = [msisdn(number) for number in range(count)]
        with ProcessPoolExecutor(2) as pool:
            made = pool.map(keyring.pin_verifier, numbers, [PIN] * count, chunksize=200)
            self._made = dict(zip(numbers, made, strict=True))

    def __call__(self, of: str) -> str:
        return self._made[of]


def enrol(stage: Stage, app: App, count: int, verifier: Verifier | None = None) -> list[Customer]:
    """Make so many customers, without money; their PINs are kept as production keeps them, or as
    `verifier` says."""
    verifier = verifier or ArgonVerifiers(app.keyring, count)
    chart = app.catalogue.accounts["wallet"]
    rows = [
        (
            *(FIRST_ID + number, msisdn(number), f"Customer {chr(65 + number % 26)} Wanjiku"),
            *("en" if number % 2 else "sw", 1, "sealed", fingerprint("bench", number)),
            *(verifier(msisdn(number)), chart.book, chart.side, chart.mode, chart.floor_minor),
        )
        for number in range(count)
    ]
    owner = psycopg2.connect(stage.postgres.dsn("kabambe"))
    with owner, owner.cursor() as cursor:
        made = execute_values(
            cursor,
            "INSERT INTO parties (id, msisdn, name, language, tier, wallet_id, national_id_sealed,"
            " national_id_print, pin_verifier, registered_at) SELECT v.id, v.msisdn, v.name,"
            " v.language, v.tier, ledger_open_account('wallet', v.id::text, 'KES', v.book, v.side,"
            " v.mode, v.floor::bigint), v.sealed, v.print, v.verifier, now() FROM (VALUES %s)"
            " v(id, msisdn, name, language, tier, sealed, print, verifier, book, side, mode, floor)"
            " RETURNING id, msisdn, wallet_id",
            rows,
            page_size=1000,
            fetch=True,
        )
    owner.close()
    return [Customer(*row) for row in made]


def tidy(stage: Stage) -> None:
    """Vacuum and analyze, as pgbench does with its tables and autovacuum with everybody's."""
    owner = psycopg2.connect(stage.postgres.dsn("kabambe"))
    owner.autocommit = True
    with owner.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    owner.close()


def pay_in(app: App, customers: Sequence[Customer]) -> None:
    """Give everybody an opening balance, many in one entry."""
    kind, trust = app.catalogue.types[OPENING], app.bank.desk.house["trust/house"]
    for start in range(0, len(customers), LEGS_AN_ENTRY):
        some = customers[start : start + LEGS_AN_ENTRY]
        now = app.clock.now()
        draft = Draft(
            scope="system",
            key=f"bench opening {some[0].id}",
            request_hash=fingerprint(OPENING, some[0].id),
            type=kind.name,
            code=kind.code,
            catalogue=app.catalogue.digest,
            receipt=app.ids.receipt(now),
            happened_at=now,
            legs=tuple(Leg(trust, customer.wallet_id, OPENING_MINOR) for customer in some),
        )
        app.book.post(draft)


def offers(
    stage: Stage, app: App, customers: Sequence[Customer], count: int, run: str
) -> list[Offer]:
    """Quote so many payments between customers drawn at random, good for an hour."""
    drawn = random.Random(run)
    now = app.clock.now()
    kind = app.catalogue.types["send_money"]
    made: list[Offer] = []
    for number in range(count):
        payer, payee = drawn.sample(customers, 2)
        cost = price(app.catalogue, kind, drawn.randint(101_00, 500_00), business_day(now))
        made.append(Offer(f"{run}-{number}", payer, payee, cost))
    good_until = now + timedelta(hours=1)
    rows: list[tuple[object, ...]] = [
        (
            *(offer.quote_id, kind.name, offer.payer.id, offer.payee.id, []),
            json.dumps({"payer": offer.payer.wallet_id, "payee": offer.payee.wallet_id}),
            *(
                json.dumps(offer.price),
                json.dumps({"payer": _seen(offer.payer), "payee": _seen(offer.payee)}),
            ),
            *(app.catalogue.digest, good_until),
        )
        for offer in made
    ]
    owner = psycopg2.connect(stage.postgres.dsn("kabambe"))
    with owner, owner.cursor() as cursor:
        execute_values(
            cursor,
            "INSERT INTO quotes (id, type, payer_id, payee_id, agreements, roles, price, facts,"
            " catalogue, expires_at) VALUES %s",
            rows,
            page_size=1000,
        )
    owner.close()
    return made


def _seen(customer: Customer) -> dict[str, str]:
    """How the other side sees a customer."""
    return {"name": f"Customer {customer.id}", "number": customer.msisdn}
