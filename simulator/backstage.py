"""The only module here that knows Kabambe from inside: builds one in this process and looks at it.

A dialogue is played through HTTP; what HTTP cannot do is done here: hold the clock, plant people,
run the workers, prove the books.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url

from simulator.day import Town
from simulator.inside import Inside
from simulator.serving import Served
from ussd_app.bootstrap import App, build
from ussd_app.domain import vault
from ussd_app.domain.catalogue import AgreementKind
from ussd_app.domain.feeds import Feed, Rate, Silence, SimulatedFeed
from ussd_app.domain.seeds import Planted, Seed, plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.kernel.money import KES_SCALE
from ussd_app.kernel.units import SCALES, to_minor
from ussd_app.settings import SIMULATED_CERTIFICATE, Settings
from ussd_app.web import create_app
from workers.answering import account_names, sim_swaps

DAWN: Final = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
"""When every dialogue begins: 9 o'clock on a Saturday morning in Nairobi."""
SERVICE_CODE: Final = "*383#"
SHORTCODE: Final = "22383"
STAFF: Final = "joyce"
SIM_SWAP_DAYS: Final = 7
"""So many days a large payout waits after a SIM was replaced."""
"""Who decides where a dialogue names nobody."""
TOWN_FLOAT_MINOR: Final = 100_000_000_00
"""What each outlet of a load's town trades with: enough for a long day."""


@dataclass(frozen=True)
class Person:
    """Somebody of a `Given` block. No PIN: a stranger with a phone. The balance is in cents."""

    name: str
    msisdn: str
    pin: str | None = None
    language: str = "en"
    balance_minor: int = 0
    frozen: bool = False
    agreements: tuple[Planted, ...] = ()
    staff: bool = False

    @property
    def national_id(self) -> str:
        """The last eight digits of the number, so that a dialogue can type it."""
        return self.msisdn[-8:]


class _DialogueIds(SequentialIds):
    """Sequential names; what is written before the curtain rises counts in a row of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.planting = False
        self._planted = 0

    def receipt(self, now: datetime) -> str:
        if not self.planting:
            return super().receipt(now)
        self._planted += 1
        return f"KA{self._planted:05d}"


class _Feed:
    """Made-up rates that can fall silent."""

    def __init__(self) -> None:
        self.silent = False
        self.rates: Feed = Silence()

    def latest(self, coin: str, now: datetime) -> Rate | None:
        return None if self.silent else self.rates.latest(coin, now)


class Backstage:
    """One Kabambe on a database and a Redis of its own; the Redis is emptied first.

    `products` are further folders of products beside ours."""

    def __init__(self, database_url: str, redis_url: str, products: tuple[Path, ...] = ()) -> None:
        self._products = products
        self.clock = FrozenClock(DAWN)
        self._database_url = database_url
        self._redis_url = redis_url
        self._ids = _DialogueIds()
        self._stack = ExitStack()
        self._app: App | None = None
        self._inside: Inside | None = None
        self._seen = 0
        self.feed = _Feed()

    def start(self, sms_api_url: str, smtp_url: str | None = None) -> str:
        """Build and serve it; the base URL of its doors."""
        settings = Settings(
            env="test",
            products=self._products,
            database_url=self._database_url,
            redis_url=self._redis_url,
            ussd_service_code=SERVICE_CODE,
            sms_shortcode=SHORTCODE,
            at_api_url=sms_api_url,
            bank_url=f"{sms_api_url}/bank",
            smtp_url=smtp_url,
            daraja_url=f"{sms_api_url}/safaricom",
            daraja_certificate=SIMULATED_CERTIFICATE,
            daraja_sim_swap_days=SIM_SWAP_DAYS,
            simulator=True,
        )
        names = account_names(settings)
        app = self._app = build(
            settings,
            clock=self.clock,
            ids=self._ids,
            account_names=names,
            sim_swaps=sim_swaps(settings, self.clock),
            feed=self.feed,
        )
        self.feed.rates = SimulatedFeed(app.catalogue)
        self._stack.callback(app.close)
        app.redis.flushdb()
        served = self._stack.enter_context(Served(create_app(app)))
        self._inside = Inside(served.url)
        return served.url

    def stop(self) -> None:
        """Let go of everything."""
        self._stack.close()

    @property
    def app(self) -> App:
        """The application. Raises RuntimeError before `start`."""
        if self._app is None:
            raise RuntimeError("Kabambe was not started")
        return self._app

    @property
    def inside(self) -> Inside:
        """Its inspection doors. Raises RuntimeError before `start`."""
        if self._inside is None:
            raise RuntimeError("Kabambe was not started")
        return self._inside

    def seed(self, people: Sequence[Person]) -> None:
        """Register people and give them their opening balances; strangers are left alone."""
        self._ids.planting = True
        seeds = [
            Seed(
                msisdn=person.msisdn,
                name=person.name.replace("_", " ").title(),
                language=person.language,
                pin=person.pin,
                national_id=person.national_id,
                balance_minor=person.balance_minor,
                agreements=person.agreements,
                staff=person.name if person.staff else None,
            )
            for person in people
            if person.pin is not None
        ]
        plant(self.app.bank.desk, seeds)
        with self.app.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE parties SET status = 'frozen' WHERE msisdn = ANY (%s)",
                ([person.msisdn for person in people if person.frozen],),
            )
        self._ids.planting = False
        self.ledger()

    def stock(self, amounts: Mapping[str, str]) -> None:
        """Give the house coins, and shillings (`kes`) to buy them with."""
        desk = self.app.bank.desk
        self._ids.planting = True
        for name, decimal in amounts.items():
            if name == "kes":
                vault.fund(desk, to_minor(decimal, KES_SCALE) or 0, "given:kes")
            else:
                scale = SCALES[desk.catalogue.accounts[name].asset]
                vault.stock(desk, name, to_minor(decimal, scale) or 0, f"given:{name}")
        self._ids.planting = False
        self.ledger()

    @property
    def agreement_kinds(self) -> Mapping[str, AgreementKind]:
        """The kinds of agreement that a `Given` block may name."""
        return self.app.catalogue.agreements

    def staff(self, who: str, what: str, kind: str, msisdn: str, how: str) -> str:
        """Let one of the staff decide about somebody's application or agreement of a kind."""
        from ussd_app.domain import agreements, applications, parties, two_of_staff

        desk = self.app.bank.desk
        party = parties.known(desk.reads, msisdn)
        held = agreements.owned(desk.reads, party.id, kind)
        number = held.number if held else ""
        waiting = applications.waiting(desk.reads)
        wanted = next((one.id for one in waiting if (one.kind, one.msisdn) == (kind, msisdn)), 0)
        try:
            match what:
                case "approves":
                    done = applications.approve(desk, wanted, who, under=how or None)
                case "refuses":
                    applications.refuse(desk, wanted, who, how)
                    return "refused"
                case "suspends":
                    done = applications.suspend(desk, kind, number, who, how)
                case _:
                    done = applications.resume(desk, kind, number, who)
        except two_of_staff.Undecided as undecided:
            return str(undecided)
        return f"{kind} {done.number} is {done.state}" if done else "another must say so too"

    def advance(self, seconds: float) -> None:
        """Let time pass, in Redis too, whose clock nobody can hold."""
        self.clock.advance(seconds=seconds)
        client = self.app.redis
        for key in list(client.scan_iter(match="*", count=1000)):
            left_ms = client.pttl(key)
            if left_ms > 0:
                left_ms -= round(seconds * 1000)
                if left_ms > 0:
                    client.pexpire(key, left_ms)
                else:
                    client.delete(key)

    def drain(self) -> None:
        """Do in this process what the workers would do, until nothing is due."""
        from ussd_app.domain.rounds import turn
        from workers.relay import drain

        turn(self.app.bank.desk)
        drain(self.app)

    def compare(self) -> None:
        """Ask Safaricom what it holds and who has paid us, as the workers do every hour."""
        from ussd_app.domain.differences import ask_again
        from workers import reconcile
        from workers.shop import open_shop

        ask_again(self.app.bank.desk)
        shop = open_shop(self.app, lines=1)
        reconcile.turn(shop)
        shop.close()

    def place(self, reference: str, msisdn: str | None) -> str:
        """Let staff give money that was kept aside to somebody, or send it back."""
        from ussd_app.domain import deposits

        desk = self.app.bank.desk
        try:
            if msisdn is None:
                return deposits.send_back(desk, reference, STAFF)
            return deposits.release(desk, reference, msisdn, STAFF)
        except deposits.NotWaiting as not_waiting:
            return str(not_waiting)

    def decide(self, receipt: str, done: bool) -> str:
        """Let staff say whether an errand in doubt was done."""
        from workers.errand_rows import decide

        with self.app.engine.begin() as connection:
            found = decide(connection, receipt, done, self.clock.now(), STAFF)
        return "decided" if found else "that is not in doubt"

    def forget_sessions(self) -> None:
        """Empty Redis."""
        self.app.redis.flushdb()

    def ledger(self) -> list[str]:
        """The entries since the last call, as lines of a `Ledger` block."""
        lines: list[str] = []
        for entry in self.inside.entries(self._seen):
            self._seen = entry.id
            lines += entry.lines
        return lines

    def balances(self) -> dict[str, int]:
        """Every customer's balance in cents, by msisdn."""
        return {each.msisdn: each.balance_minor for each in self.inside.customers()}

    def bills(self) -> list[str]:
        """What became of every invoice and sale of a `Given` biller, and who has paid ahead."""
        from simulator import bills

        return bills.lines(self.app)

    def audit(self) -> list[str]:
        """What is wrong with the books; empty when every law holds."""
        from ussd_app.ledger.audit import run

        return [str(finding) for finding in run(self.app.engine)]


class Theatre:
    """A PostgreSQL and a Redis of our own, gone afterwards, with a clean database for each play."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> "Theatre":
        from migrations.apply import upgrade
        from ussd_app.embedded import Postgres, Redis

        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="kabambe-play-")))
            folder.chmod(0o755)
            self._postgres = Postgres(folder / "postgres" / "data", options={"fsync": "off"})
            self._postgres.start()
            stack.callback(self._postgres.stop)
            self._redis = Redis(folder / "redis" / "data")
            self._redis.start()
            stack.callback(self._redis.stop)
            self._postgres.ensure_database("template_play")
            upgrade(self._postgres.url("template_play"))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @contextmanager
    def fresh(self) -> Iterator[tuple[str, str]]:
        """URLs of a migrated, empty database and of the Redis."""
        name = f"play_{next(self._numbers)}"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE template_play STRATEGY file_copy')
        try:
            yield self._postgres.url(name), self._redis.url()
        finally:
            self._administer(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _administer(self, statement: str) -> None:
        url = make_url(self._postgres.url("postgres"))
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)


def plant_people(settings: Settings, msisdns: Sequence[str], pin: str, balance_minor: int) -> None:
    """Make people with money for a load, by the real commands; those who are there stay."""
    _plant(settings, [_load_person(msisdn, pin, balance_minor) for msisdn in msisdns])


def plant_town(settings: Settings, town: Town, owners: Sequence[str], pin: str) -> None:
    """Make the outlets, tills and the biller of a load's town; `owners` own the tills and it."""
    seeds = [
        _load_person(
            outlet.msisdn,
            pin,
            0,
            Planted(
                *("agency", outlet.number, "Load Agent", TOWN_FLOAT_MINOR),
                terms={"store": outlet.store},
            ),
        )
        for outlet in town.outlets
    ]
    held = [Planted("till", number, "Load Shop") for number in town.tills]
    held.append(Planted("paybill", town.biller, "Load Water"))
    seeds += [
        _load_person(owner, pin, 0, planted) for owner, planted in zip(owners, held, strict=True)
    ]
    _plant(settings, seeds)


def _load_person(msisdn: str, pin: str, balance_minor: int, *held: Planted) -> Seed:
    return Seed(msisdn, "Load Person", "en", pin, msisdn[-8:], balance_minor, held)


def _plant(settings: Settings, seeds: Sequence[Seed]) -> None:
    app = build(settings)
    try:
        plant(app.bank.desk, seeds)
    finally:
        app.close()
