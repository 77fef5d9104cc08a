"""The composition root: settings in, a wired App out. The only place that knows all the parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine.interfaces import IsolationLevel

from menus.book import Book as MenuBook
from menus.machine import Machine
from ussd_app.domain.account_names import AccountNames, Nobody
from ussd_app.domain.bank import Bank
from ussd_app.domain.catalogue import Catalogue
from ussd_app.domain.desk import Desk
from ussd_app.domain.feeds import Feed, Silence, SimulatedFeed
from ussd_app.domain.house import house_accounts, remember_catalogue
from ussd_app.domain.inbox import Inbox
from ussd_app.domain.keys import Keyring
from ussd_app.domain.keywords import Keywords
from ussd_app.domain.sim_swaps import NotAsked, SimSwaps
from ussd_app.domain.texts import Texts
from ussd_app.kernel.clock import Clock, SystemClock
from ussd_app.kernel.ids import Ids, SystemIds
from ussd_app.ledger.book import Book
from ussd_app.metrics import Metrics
from ussd_app.products.read import HERE as PRODUCTS
from ussd_app.products.read import read_catalogue, read_keywords, read_texts
from ussd_app.settings import Settings

MENUS = Path(__file__).parent.parent / "menus"

STATEMENT_TIMEOUT_MS = 4_000
CONNECT_TIMEOUT_S = 2
REDIS_TIMEOUT_S = 2.0
REDIS_RETRIES = 1
"""The client's own habit is to try for seven seconds: longer than a hop has to wait."""

APPLICATION_ROLE = "kabambe_app"


@dataclass(frozen=True)
class App:
    """Everything that a door, a worker or a command line needs, wired once."""

    settings: Settings
    engine: Engine
    redis: redis.Redis
    clock: Clock
    ids: Ids
    book: Book
    catalogue: Catalogue
    texts: Texts
    keywords: Keywords
    machine: Machine
    bank: Bank
    inbox: Inbox
    metrics: Metrics

    @property
    def keyring(self) -> Keyring:
        """The keys of this installation."""
        return self.bank.desk.keyring

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()
        self.bank.desk.reads.dispose()
        self.redis.close()


def connect(url: str, *, threads: int = 8, isolation: IsolationLevel | None = None) -> Engine:
    """An engine on the application's role: it may call the writer and change no ledger row.

    Every statement and every wait for a server is bounded, so that a hop is answered in time.
    Connections that commit by themselves run what is planned once and kept: a plan that was made
    while a table was empty would read it whole long after, so they plan by indexes.
    """
    options = f"-c role={APPLICATION_ROLE} -c statement_timeout={STATEMENT_TIMEOUT_MS}"
    if isolation == "AUTOCOMMIT":
        options += " -c enable_seqscan=off"
    return create_engine(
        url,
        pool_size=threads + 2,
        max_overflow=threads,
        pool_timeout=CONNECT_TIMEOUT_S,
        hide_parameters=True,
        isolation_level=isolation or "READ COMMITTED",
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": options},
    )


class _Files(NamedTuple):
    """What the files of sentences and menus say."""

    texts: Texts
    keywords: Keywords
    menus: MenuBook


def _products(further: Sequence[Path]) -> tuple[Path, ...]:
    return PRODUCTS, *(folder / "products" for folder in further)


@lru_cache(maxsize=4)
def _read(further: tuple[Path, ...]) -> _Files:
    """Read these files, ours and those of further folders, once a process: they do not change
    under it."""
    products = _products(further)
    flows = (folder / "flows" for folder in further)
    return _Files(
        read_texts(*products),
        read_keywords(*products),
        MenuBook.load(MENUS / "flows", MENUS / "text", *flows),
    )


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: Ids | None = None,
    account_names: AccountNames | None = None,
    sim_swaps: SimSwaps | None = None,
    feed: Feed | None = None,
) -> App:
    """Wire the application. Its database must be migrated and answer. Without `account_names` no
    bank can be asked whose account it is, without `sim_swaps` no network when a SIM was replaced;
    without a `feed` coins have made-up rates where the
    simulator is on, and none elsewhere. Raises ProductsInvalid, sqlalchemy.exc.OperationalError.
    """
    if settings.database_url is None or settings.redis_url is None:
        raise ValueError("a database and a Redis must be named")
    clock = clock or SystemClock()
    ids = ids or SystemIds()
    engine = connect(settings.database_url, threads=settings.web_threads)
    client = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), REDIS_RETRIES),
    )
    files = _read(tuple(settings.products))
    catalogue = read_catalogue(*_products(settings.products))
    # Connections that commit by themselves are kept apart: to switch one there and back costs more
    # round trips than the reads they are for.
    reads = connect(settings.database_url, threads=settings.web_threads, isolation="AUTOCOMMIT")
    book = Book(engine, reads)
    remember_catalogue(engine, catalogue)
    desk = Desk(
        engine=engine,
        reads=reads,
        book=book,
        clock=clock,
        ids=ids,
        catalogue=catalogue,
        keyring=Keyring(settings.secret_roots),
        house=house_accounts(catalogue, book, engine),
        pin_tries=settings.pin_tries,
        account_names=account_names or Nobody(),
        sim_swaps=sim_swaps or NotAsked(),
        mpesa_shortcode=settings.daraja_shortcode if settings.daraja_url else None,
        feed=feed or (SimulatedFeed(catalogue) if settings.simulator else Silence()),
        service_code=settings.ussd_service_code,
        payments_per_minute=settings.rate_payments_per_minute,
        mails=settings.smtp_url is not None,
    )
    return App(
        settings=settings,
        engine=engine,
        redis=client,
        clock=clock,
        ids=ids,
        book=book,
        catalogue=catalogue,
        texts=files.texts,
        keywords=files.keywords,
        machine=Machine(files.menus, clock=clock),
        bank=Bank(desk),
        inbox=Inbox(reads, clock),
        metrics=Metrics(),
    )
