"""A Kabambe built in this process, with all that moves by itself held still: clock, names, workers.

A dialogue is played through HTTP; what HTTP cannot do is done here: let time pass, plant people,
do the workers' work, prove the books. What anybody decides there is not its business.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from simulator import bills
from simulator.given import Person
from simulator.inside import Inside
from simulator.serving import Served
from ussd_app.bootstrap import App, build
from ussd_app.domain import differences, rounds, vault
from ussd_app.domain.catalogue import AgreementKind
from ussd_app.domain.feeds import Feed, Rate, Silence, SimulatedFeed
from ussd_app.domain.seeds import Seed, plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.kernel.ids import SequentialIds
from ussd_app.kernel.money import KES_SCALE
from ussd_app.kernel.units import SCALES, to_minor
from ussd_app.ledger import audit
from ussd_app.settings import SIMULATED_CERTIFICATE, Settings
from ussd_app.web import create_app
from workers import reconcile
from workers.answering import account_names, sim_swaps
from workers.relay import drain
from workers.shop import open_shop

DAWN: Final = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
"""When every dialogue begins: 9 o'clock on a Saturday morning in Nairobi."""
SERVICE_CODE: Final = "*383#"
SHORTCODE: Final = "22383"
SIM_SWAP_DAYS: Final = 7
"""So many days a large payout waits after a SIM was replaced."""


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


AT_THEIR_DESKS: Final = tuple(
    Seed(f"+25479900000{n}", f"{name.title()} Staff", "en", "4826", f"1900000{n}", 0, staff=name)
    for n, name in enumerate(("joyce", "peter", "wanjiru"), 1)
)
"""Those of the staff of whom a line may speak."""


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

    @contextmanager
    def _before_the_curtain(self) -> Iterator[None]:
        """What is written here is no part of the play: its own receipts, and no `Ledger` block."""
        self._ids.planting = True
        try:
            yield
        finally:
            self._ids.planting = False
        self.ledger()

    def seed(self, people: Sequence[Person]) -> None:
        """Register people and give them their opening balances; strangers are left alone.

        The house's own people are there whether a dialogue shows their phones or not.
        """
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
        at_work = {seed.staff for seed in seeds}
        seeds += [seed for seed in AT_THEIR_DESKS if seed.staff not in at_work]
        frozen = [person.msisdn for person in people if person.frozen]
        with self._before_the_curtain():
            plant(self.app.bank.desk, seeds)
            with self.app.engine.begin() as connection:
                connection.exec_driver_sql(
                    "UPDATE parties SET status = 'frozen' WHERE msisdn = ANY (%s)", (frozen,)
                )

    def stock(self, amounts: Mapping[str, str]) -> None:
        """Give the house coins, and shillings (`kes`) to buy them with."""
        desk = self.app.bank.desk
        with self._before_the_curtain():
            for name, decimal in amounts.items():
                if name == "kes":
                    minor = to_minor(decimal, KES_SCALE) or 0
                    vault.fund(desk, minor, "given:kes", vault.PLANTERS)
                else:
                    scale = SCALES[desk.catalogue.accounts[name].asset]
                    minor = to_minor(decimal, scale) or 0
                    vault.stock(desk, name, minor, f"given:{name}", vault.PLANTERS)

    @property
    def agreement_kinds(self) -> Mapping[str, AgreementKind]:
        """The kinds of agreement that a `Given` block may name."""
        return self.app.catalogue.agreements

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
        rounds.turn(self.app.bank.desk)
        drain(self.app)

    def compare(self) -> None:
        """Ask Safaricom what it holds and who has paid us, as the workers do every hour."""
        differences.ask_again(self.app.bank.desk)
        shop = open_shop(self.app, lines=1)
        reconcile.turn(shop)
        shop.close()

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
        return bills.lines(self.app)

    def audit(self) -> list[str]:
        """What is wrong with the books; empty when every law holds."""
        return [str(finding) for finding in audit.run(self.app.engine)]
