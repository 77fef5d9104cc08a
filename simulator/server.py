"""The simulator as a server of its own: the page, all who are outside, and time that passes."""

import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from flask import Flask

from simulator import gateway, mailroom, page
from simulator.airtime import Reseller
from simulator.bank import Switch
from simulator.desk import CAST, Desk
from simulator.inside import Inside
from simulator.mailroom import Mailroom
from simulator.outside import Outside
from simulator.phones import Service
from simulator.safaricom import doors
from simulator.safaricom.books import Books
from simulator.safaricom.front import Front
from simulator.safaricom.memory import Memory
from simulator.safaricom.model import Safaricom
from simulator.safaricom.names import Names
from simulator.safaricom.prompts import Prompts
from simulator.serving import LOOPBACK, server
from simulator.sms import SmsCentre
from simulator.telco import Telco
from ussd_app.kernel.clock import SystemClock
from ussd_app.settings import DEVELOPMENT_BANK_KEY, Settings

TICK_S: Final = 1.0
REPORTERS: Final = 8
STOPS_WITHIN_S: Final = 5.0
OPENING_PHONE_MINOR: Final = 20_000_00
OPENING_BUSINESS_MINOR: Final = 1_000_000_00
OPENING_SMS: Final = Decimal("125000.00")
"""What the SMS account holds, in shillings: a flood of receipts is not to use it up."""
URLS: Final = {
    "SIMULATOR_USSD_URL": "ussd_url",
    "SIMULATOR_EVENTS_URL": "events_url",
    "SIMULATOR_DELIVERY_URL": "delivery_url",
    "SIMULATOR_INCOMING_URL": "incoming_url",
    "SIMULATOR_OPT_OUT_URL": "opt_out_url",
    "SIMULATOR_AIRTIME_URL": "airtime_url",
}
"""Each names a callback of somebody else's application; what is not named is a Kabambe's."""


@dataclass(frozen=True)
class Plan:
    """What is simulated: where the application is, and where the simulator listens."""

    application_url: str
    service: Service
    host: str
    port: int
    api_key: str | None
    slow_ms: int = 0
    secret: str | None = None
    bank_key: str = DEVELOPMENT_BANK_KEY
    settings: Settings = field(default_factory=Settings)
    kept: Path | None = None
    """Where Safaricom's books are kept from one run to the next."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Plan":
        """From the environment. Raises SettingsInvalid, ValueError."""
        settings = Settings.read(environ)
        base = environ.get("SIMULATOR_APP_URL") or f"http://{LOOPBACK}:{settings.port}"
        service = Service.at(
            base.rstrip("/"),
            settings.ussd_service_code,
            settings.sms_shortcode,
            settings.callback_secret,
        )
        named = {field: environ[name] for name, field in URLS.items() if name in environ}
        return cls(
            application_url=base.rstrip("/"),
            secret=settings.callback_secret,
            bank_key=settings.bank_key,
            settings=settings,
            kept=settings.home / "safaricom.json" if settings.home.is_dir() else None,
            service=replace(service, **named),
            host=environ.get("SIMULATOR_HOST") or LOOPBACK,
            port=int(environ.get("SIMULATOR_PORT") or settings.simulator_port),
            api_key=settings.at_api_key,
            slow_ms=int(environ.get("SIMULATOR_SLOW_MS") or 0),
        )


class Simulator:
    """One running simulator, without its socket."""

    def __init__(self, plan: Plan) -> None:
        self._reporters = ThreadPoolExecutor(REPORTERS, thread_name_prefix="reporter")
        self.telco = Telco(SystemClock(), plan.service, later=self._later)
        self.centre = SmsCentre(self.telco, plan.api_key)
        self.centre.balance = OPENING_SMS
        self.centre.faults.slow_ms = plan.slow_ms
        self.reseller = Reseller(self.centre)
        self.switch = Switch(
            self.telco.clock, plan.bank_key, plan.application_url, plan.secret, later=self._later
        )
        self.mailroom = Mailroom(arrived=self.centre.mailed)
        self.safaricom = _safaricom(plan, self._later)
        prompts = Prompts(self.safaricom)
        self.desk = Desk(
            self.telco,
            self.centre,
            Inside(plan.application_url, plan.secret),
            outside=Outside(prompts, self.reseller, self.switch),
        )
        for name, number in CAST:
            self.desk.add(name, number)
        self.flask = create_app(self.desk)
        for face in (
            gateway.airtime(self.reseller),
            gateway.bank(self.switch),
            doors.blueprint(Front(prompts)),
        ):
            self.flask.register_blueprint(face)
        self._memory = Memory(self.safaricom, plan.kept) if plan.kept else None
        if self._memory:
            self._memory.recall()
        self._stopping = threading.Event()
        self._clockwork = threading.Thread(target=self._run_clock, daemon=True)

    def start(self) -> None:
        """Let time pass."""
        self._clockwork.start()

    def stop(self) -> None:
        """Stop the clockwork and what is still to be told, and keep what is to be kept."""
        self._stopping.set()
        self._reporters.shutdown(wait=False, cancel_futures=True)
        if self._clockwork.is_alive():
            self._clockwork.join(STOPS_WITHIN_S)
        if self._memory:
            self._memory.keep()

    def _later(self, job: Callable[[], object]) -> None:
        if not self._stopping.is_set():
            self._reporters.submit(loudly, job)

    def _run_clock(self) -> None:
        hands: list[Callable[[], object]] = [
            self.telco.tick,
            self.centre.agenda.tick,
            self.switch.agenda.tick,
            self.safaricom.tick,
            self.desk.catch_up,
        ]
        if self._memory:
            hands.append(self._memory.keep)
        while not self._stopping.wait(TICK_S):
            for hand in hands:
                loudly(hand)


def loudly(job: Callable[[], object]) -> None:
    """Do something in a thread of ours: what goes wrong is shown, and stops nothing else."""
    try:
        job()
    except Exception:
        traceback.print_exc()


def _safaricom(plan: Plan, later: Callable[[Callable[[], object]], None]) -> Safaricom:
    """With the cast's M-PESA filled, and businesses of a million as in the sandbox; Kabambe's own
    begins with nothing."""
    made = Safaricom(
        SystemClock(),
        later=later,
        books=Books(OPENING_PHONE_MINOR, OPENING_BUSINESS_MINOR),
        names=Names(int(time.time() * 1000)),
    )
    made.assume(plan.settings, plan.application_url)
    return made


def create_app(desk: Desk) -> Flask:
    """The WSGI application: the page and the provider's API side by side."""
    flask = Flask("simulator")
    flask.register_blueprint(page.blueprint(desk))
    flask.register_blueprint(gateway.blueprint(desk.centre))
    return flask


def serve(plan: Plan, say: Callable[[str], None]) -> None:
    """Serve until interrupted."""
    simulator = Simulator(plan)
    listening = server(simulator.flask, plan.port, plan.host)
    simulator.start()
    say(f"The simulator is at http://{plan.host}:{listening.server_port}/")
    try:
        with mailroom.opened(simulator.mailroom, plan.settings.simulated_mail_port):
            listening.serve_forever()
    except KeyboardInterrupt:
        say("")
    finally:
        simulator.stop()
        listening.server_close()
