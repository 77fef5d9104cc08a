"""A reseller and a switch on loopback, and customers who ask for something from them."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from flask import Flask

from simulator import gateway
from simulator.airtime import Reseller
from simulator.bank import Switch
from simulator.phones import Service
from simulator.serving import Served
from simulator.sms import SmsCentre
from simulator.telco import Telco
from ussd_app.bootstrap import App
from ussd_app.kernel.clock import SystemClock
from ussd_app.settings import DEVELOPMENT_BANK_KEY, Settings

_KEYS = itertools.count(1)
ACCOUNT = {"bank": "68", "account": "0180199887766"}


@dataclass
class Outside:
    """Those outside; they call nobody back by themselves: a test says when."""

    url: str
    centre: SmsCentre
    reseller: Reseller
    switch: Switch
    request_ids: list[str] = field(default_factory=list)

    def settings(self, settings: Settings) -> Settings:
        """The same installation with these outside."""
        return replace(settings, at_api_url=self.url, bank_url=f"{self.url}/bank")


@contextmanager
def outside() -> Iterator[Outside]:
    clock = SystemClock()
    centre = SmsCentre(Telco(clock, Service("", "", "", "", "", "", "", "")))
    reseller, switch = Reseller(centre), Switch(clock, DEVELOPMENT_BANK_KEY)
    api = Flask("outside")
    for face in (gateway.blueprint(centre), gateway.airtime(reseller), gateway.bank(switch)):
        api.register_blueprint(face)
    with Served(api) as served:
        yield Outside(served.url, centre, reseller, switch)


def buy(app: App, msisdn: str, pin: str, shillings: int) -> str:
    """Buy airtime for one's own number; the receipt number."""
    return _accept(app, msisdn, pin, "airtime_quote", {"amount": shillings * 100})


def send_to_bank(app: App, msisdn: str, pin: str, shillings: int) -> str:
    """Send money to an account at a bank; the receipt number."""
    return _accept(app, msisdn, pin, "bank_quote", {"amount": shillings * 100, **ACCOUNT})


def send_to_mpesa(app: App, msisdn: str, pin: str, shillings: int) -> str:
    """Send money to Baraka's number on M-PESA; the receipt number."""
    args = {"amount": shillings * 100, "receiver": "+254722000002"}
    return _accept(app, msisdn, pin, "mpesa_send_quote", args)


def pay_bill(app: App, msisdn: str, pin: str, shillings: int, *, till: bool = False) -> str:
    """Pay a pay bill on M-PESA, or a till there; the receipt number."""
    args = {"amount": shillings * 100, "number": "600000"} | ({} if till else {"account": "ACC1"})
    return _accept(app, msisdn, pin, "mpesa_pay_quote", args)


def _accept(app: App, msisdn: str, pin: str, quote: str, args: Mapping[str, object]) -> str:
    offer = app.bank.serve(quote, msisdn, args)
    accepted = {"quote": offer["quote_id"], "pin": pin}
    done = app.bank.serve("accept_quote", msisdn, accepted, key=f"t{next(_KEYS)}:x")
    return str(done["receipt"])
