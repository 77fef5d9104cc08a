"""The ledger through the domain: `accept` of a quoted send_money, as the USSD door calls it.

Eight processes, each with an App wired as production is, payments between ten thousand wallets,
with limits, fee, excise and both receipts; PostgreSQL durable by its defaults. Against pgbench's
TPC-B-like at eight clients on the same server, and beside it the same rows written by separate
SQLAlchemy Core statements. Runs take turns.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bench import crowd, customers, separate, tpcb
from bench.customers import PIN, Offer
from bench.figures import Figure, interleaved
from bench.stage import Stage, stage
from ussd_app.bootstrap import App
from ussd_app.domain.bank import Bank
from ussd_app.domain.keys import Keyring

PROCESSES = 8
WALLETS = 10_000
TURNS = 3
MOST_A_SECOND = 3_500
"""More than is accepted in a second by all: so many quotes are prepared."""


BankMaker = Callable[[App], Bank]


class NoStretching(Keyring):
    """A keyring that takes the PIN of all customers here without the costly hash.

    It lives in the bench only, to tell the ledger's share of the time from the PIN's.
    """

    def pin_matches(self, msisdn: str, pin: str, verifier: str) -> bool:
        """Whether it is the PIN of all."""
        return pin == PIN


def run(
    seconds: float = 5.0, turns: int = TURNS, wallets: int = WALLETS, processes: int = PROCESSES
) -> list[Figure]:
    """Measure accepts a second with and without the PIN check."""
    ways: dict[str, BankMaker] = {"without": without_pin, "with": as_it_is, "apart": apart}
    pairs: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with stage() as set_up:
        with customers.kabambe(set_up) as app:
            people = customers.enrol(set_up, app, wallets)
            customers.pay_in(app, people)
        tpcb.prepare(set_up.postgres)
        separate.prepare(set_up.postgres)

        def measured(way: str, turn: int, length: float) -> float:
            count = max(50 * processes, int(length * MOST_A_SECOND))
            with customers.kabambe(set_up) as app:
                offers = customers.offers(set_up, app, people, count, f"{way}{turn}")
            customers.tidy(set_up)
            work = _work(set_up, offers, processes, ways[way])
            return crowd.per_second(processes, length, work)

        for way in ways:  # so that no table is empty when statements are planned
            measured(way, -1, seconds / 10)
        for turn in range(turns):
            yardstick = tpcb.per_second(set_up.postgres, processes, seconds)
            for way, got in pairs.items():
                got.append((measured(way, turn, seconds), yardstick))
            said = ", ".join(f"{way} {got[-1][0]:,.0f}" for way, got in pairs.items())
            print(f"  {said}, TPC-B {yardstick:,.0f}", file=sys.stderr)
    return [
        interleaved("accept, but for the PIN check", "/s", pairs["without"], 1.0),
        interleaved("accept, with the PIN check", "/s", pairs["with"]),
        interleaved("  its rows by separate statements", "/s", pairs["apart"]),
    ]


def as_it_is(app: App) -> Bank:
    """Production's own."""
    return app.bank


def without_pin(app: App) -> Bank:
    """The same with a PIN check that costs nothing."""
    return Bank(replace(app.bank.desk, keyring=NoStretching(app.settings.secret_roots)))


def apart(app: App) -> Bank:
    """The same, and the book's rows written one statement at a time."""
    book = separate.SeparateBook(app.engine)
    return Bank(replace(without_pin(app).desk, book=book))


def _work(stage: Stage, offers: Sequence[Offer], processes: int, maker: BankMaker) -> crowd.Work:
    """Each process accepts its share of the offers."""

    @contextmanager
    def work(number: int) -> Iterator[Iterator[object]]:
        with customers.kabambe(stage) as app:
            yield _accepts(maker(app), offers[number::processes])

    return work


def _accepts(bank: Bank, offers: Sequence[Offer]) -> Iterator[object]:
    for offer in offers:
        args = {"quote": offer.quote_id, "pin": PIN}
        yield bank.serve("accept_quote", offer.payer.msisdn, args, f"{offer.quote_id}:send:4")
