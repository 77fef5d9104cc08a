"""The simulator's Safaricom and our doors for it, each over HTTP on loopback."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from flask import Flask

from simulator.safaricom.doors import blueprint
from simulator.safaricom.front import Front
from simulator.safaricom.journal import Exchange
from simulator.safaricom.model import Safaricom
from simulator.safaricom.prompts import Prompts
from simulator.serving import LOOPBACK, Served
from ussd_app.bootstrap import App
from ussd_app.kernel.clock import SystemClock
from ussd_app.settings import SIMULATED_CERTIFICATE, Settings
from ussd_app.web import create_app

MILLION_MINOR = 1_000_000_00
TELLERS = 8
TICK_S = 0.2


@dataclass
class Stage:
    """Safaricom, and the settings of a Kabambe that has an account there."""

    settings: Settings
    safaricom: Safaricom
    prompts: Prompts

    @property
    def shortcode(self) -> str:
        return self.settings.daraja_shortcode

    def asked(self) -> list[Exchange]:
        """Every request that came, but for tokens."""
        journal = self.safaricom.journal.exchanges
        return [each for each in journal if each.way == "asked" and "oauth" not in each.what]

    def tokens(self) -> int:
        """How many tokens were asked for."""
        return sum("oauth" in each.what for each in self.safaricom.journal.exchanges)

    @contextmanager
    def doors(self, app: App) -> Iterator[None]:
        """Our doors, where the settings say that we are."""
        port = int(self.settings.public_url.rsplit(":", 1)[1])
        with Served(create_app(app), port):
            yield


@contextmanager
def stage(settings: Settings) -> Iterator[Stage]:
    """A Safaricom with a million in our pay bill, for these settings."""
    with ThreadPoolExecutor(TELLERS) as tellers:
        safaricom = Safaricom(SystemClock(), later=_on(tellers))
        prompts = Prompts(safaricom)
        api = Flask("safaricom")
        api.register_blueprint(blueprint(Front(prompts)))
        stopping = threading.Event()
        clockwork = threading.Thread(target=_run_clock, args=(safaricom, stopping))
        with Served(api) as served:
            known = replace(
                settings,
                daraja_url=f"{served.url}/safaricom",
                daraja_certificate=SIMULATED_CERTIFICATE,
                public_url=f"http://{LOOPBACK}:{_free_port()}",
            )
            safaricom.assume(known, known.public_url)
            safaricom.books.put(known.daraja_shortcode, MILLION_MINOR)
            clockwork.start()
            try:
                yield Stage(known, safaricom, prompts)
            finally:
                stopping.set()
                clockwork.join()


def _run_clock(safaricom: Safaricom, stopping: threading.Event) -> None:
    while not stopping.wait(TICK_S):
        safaricom.tick()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listening:
        return int(listening.getsockname()[1])


def _on(tellers: ThreadPoolExecutor) -> Callable[[Callable[[], object]], None]:
    def later(job: Callable[[], object]) -> None:
        tellers.submit(job)

    return later
