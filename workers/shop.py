"""What every job of a worker is given: the application, those outside, and how hard to work."""

import os
import random
import secrets
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ussd_app import logs
from ussd_app.bootstrap import App
from ussd_app.domain.mpesa.arrival import Payment
from ussd_app.settings import Settings
from workers.answering import daraja
from workers.errands import Errands
from workers.gateways.africastalking import AfricasTalking
from workers.gateways.airtime import Airtime
from workers.gateways.bank import BankSwitch
from workers.gateways.daraja import Daraja
from workers.gateways.errands import Carrier
from workers.gateways.mpesa import Back, ToBusiness, ToNumber
from workers.gateways.sms import SmsGateway
from workers.gateways.smtp import Mailer
from workers.lines import Byways
from workers.pushes import Pushes

LINES = 128
"""Calls to the gateway in flight at once: at 300 ms a call, over 400 messages a second."""
ERRAND_LINES = 16
"""Errands that are out at once, on lines of their own."""
PUSH_LINES = 16
"""Phones that are asked at once, on lines of their own: a customer waits for the question."""

log = logs.get(__name__)


@dataclass(frozen=True)
class Shop:
    """One worker's place: `name` stands on the rows it holds, `stopping` asks it to finish up.

    `unconfirmed` are the payments, by their row of the inbox, that Safaricom is to be asked for.
    """

    app: App
    gateway: SmsGateway
    errands: Errands
    name: str
    lines: int
    daraja: Daraja | None = None
    pushes: Pushes | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    dice: random.Random = field(default_factory=random.SystemRandom)
    pool: ThreadPoolExecutor | None = None
    mailer: SmsGateway | None = None
    byways: Byways = field(default_factory=Byways)
    unconfirmed: dict[int, Payment] = field(default_factory=dict)

    def submit(self, call: Callable[[], None]) -> None:
        """Run a call on a free line, or here and now when there is only one."""
        if self.pool is None:
            call()
            return
        future: Future[None] = self.pool.submit(call)
        future.add_done_callback(_be_loud)

    def aside(self, name: str, job: Callable[["Shop"], object]) -> None:
        """Do what takes long beside what people wait for, or here and now when there is only one
        line. A failure is logged and counted, and raised nowhere."""

        def alone() -> None:
            try:
                job(self)
            except Exception:
                self.app.metrics.job(name, "failed")
                log.exception("a job failed", job=name)

        if self.pool is None:
            alone()
        else:
            self.byways.begin(name, alone)

    def turn(self) -> int:
        """Ask those outside for what is due. Returns how many requests that was.
        Raises SQLAlchemyError."""
        pushed = self.pushes.turn() if self.pushes is not None else 0
        return pushed + self.errands.turn()

    def sweep(self) -> None:
        """Ask those outside what became of what is in doubt. Raises SQLAlchemyError."""
        self.errands.sweep()
        if self.pushes is not None:
            self.pushes.sweep()

    def close(self) -> None:
        """Wait for the lines to fall silent and let go of connections."""
        self.byways.close()
        if self.pool is not None:
            self.pool.shutdown(wait=True)
        self.errands.close()
        if self.pushes is not None:
            self.pushes.close()
        self.gateway.close()


def _be_loud(future: "Future[None]") -> None:
    """A line's own failure is a mistake of ours: it must not vanish in the pool."""
    failure = future.exception()
    if failure is not None:
        threading.excepthook(
            threading.ExceptHookArgs((type(failure), failure, failure.__traceback__, None))
        )


def open_shop(app: App, *, lines: int = LINES) -> Shop:
    """A worker's place for this application, with the gateway that its settings name."""
    settings = app.settings
    gateway = AfricasTalking(
        settings.at_username,
        settings.at_api_key,
        settings.at_api_url,
        settings.sms_sender,
        connections=lines,
    )
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    pool = ThreadPoolExecutor(lines, thread_name_prefix="line") if lines > 1 else None
    safaricom = daraja(settings, app.redis, app.clock, app.metrics.alarm)
    carriers = _carriers(settings, safaricom)
    errands = Errands(app, carriers, name, ERRAND_LINES if lines > 1 else 1)
    pushes = Pushes(app, safaricom, name, PUSH_LINES if lines > 1 else 1) if safaricom else None
    mailer = Mailer(settings.smtp_url, settings.mail_from) if settings.smtp_url else None
    return Shop(*(app, gateway, errands, name, lines, safaricom, pushes), pool=pool, mailer=mailer)


def _carriers(settings: Settings, safaricom: Daraja | None) -> dict[str, Carrier]:
    """Who does which kind of errand; without a switch, nobody goes to banks, and without an account
    at Safaricom nobody to M-PESA."""
    account = (settings.at_username, settings.at_api_key, settings.at_api_url)
    carriers: dict[str, Carrier] = {"airtime": Airtime(*account)}
    if settings.bank_url is not None:
        carriers["bank"] = BankSwitch(settings.bank_url, settings.bank_key)
    if safaricom is not None:
        carriers["mpesa_b2c"] = ToNumber(safaricom)
        carriers["mpesa_b2b"] = ToBusiness(safaricom)
        carriers["mpesa_reversal"] = Back(safaricom)
    return carriers
