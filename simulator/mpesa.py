"""M-PESA at the page: the prompt on a phone, its menu, and what a developer sees of Safaricom."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from simulator import networks, wire
from simulator.outside import Outside
from simulator.phones import Message, Phone
from simulator.recorder import MPESA, Recorder
from simulator.safaricom.books import Order
from simulator.safaricom.lipa import pay
from simulator.safaricom.model import PIN, Safaricom
from simulator.safaricom.prompts import Prompt
from simulator.telco import NotNow, Telco
from simulator.wanted import Impossible, Reader, flag, one_of, read, text
from ussd_app.kernel.gsm7 import segments
from ussd_app.kernel.money import format_minor, parse_minor

MOST_SHOWN: Final = 60
_BUSINESS: Final = re.compile("[0-9]{5,7}", re.ASCII)
_ORDER: Final[Mapping[str, Reader]] = {
    "goods": flag,
    "business": text,
    "account": text,
    "amount": text,
    "pin": text,
}
"""What was typed into M-PESA's own menu."""
LONGEST_ACCOUNT: Final = 20
LOOKS_S: Final = (1, 4)
"""After M-PESA moved money: when the application may have heard of it, and written it down."""


@dataclass
class Mpesa:
    """M-PESA on the phones of one page."""

    outside: Outside
    telco: Telco
    recorder: Recorder
    look: Callable[[Phone], None]
    """Sees what happened inside the application, for a phone."""
    _messages: int = 0

    def __post_init__(self) -> None:
        self.safaricom.text = self._receive
        self.safaricom.prompted = self._prompted

    @property
    def safaricom(self) -> Safaricom:
        """Whose M-PESA it is."""
        return self.outside.prompts.safaricom

    # what the page sees

    def phone_view(self, phone: Phone) -> dict[str, Any]:
        """M-PESA on one phone; no balance on another network's."""
        prompt = self._prompt(phone)
        held = self.safaricom.books.balance(_number(phone)) if _has_mpesa(phone) else None
        return {
            "prompt": prompt.text if prompt else None,
            "balance": None if held is None else format_minor(held),
            "reachable": self.safaricom.customer(_number(phone)).reachable,
            "pin": PIN,
        }

    def view(self) -> dict[str, Any]:
        """Safaricom as a developer looks at it: who holds what, and what went over the wire."""
        safaricom = self.safaricom
        with safaricom.lock:
            balances = dict(safaricom.books.balances)
        names = {_number(phone): phone.name for phone in list(self.telco.phones.values())}
        return {
            "businesses": [
                {
                    "shortcode": account,
                    "name": safaricom.business(account).name,
                    "balance": format_minor(minor),
                    "told": safaricom.business(account).confirmation_url,
                }
                for account, minor in balances.items()
                if len(account) < 8
            ],
            "people": [
                {"name": names[account], "balance": format_minor(minor)}
                for account, minor in balances.items()
                if account in names
            ],
            "exchanges": [
                {**asdict(exchange), "at": exchange.at.isoformat()}
                for exchange in list(safaricom.journal.exchanges)[-MOST_SHOWN:]
            ],
            "pin": PIN,
        }

    def holdings(self) -> list[str]:
        """What the accounts hold, as lines of a `Given` block."""
        names = {_number(phone): phone.name for phone in list(self.telco.phones.values())}
        books = self.safaricom.books
        ours = [_number(phone) for phone in list(self.telco.phones.values()) if _has_mpesa(phone)]
        held = {account: books.balance(account) for account in ours} | dict(books.balances)
        return [
            f"M-PESA of {names.get(account, account)} holds {format_minor(minor)}"
            for account, minor in held.items()
            if minor and (account in names or len(account) < 8)
        ]

    # what people do

    def enter(self, phone: Phone, pin: str) -> str:
        """Type a PIN into the prompt; what M-PESA says. Raises NotNow."""
        prompt = self._asked(phone)
        how = "her" if pin == PIN else "a wrong"
        said = self.outside.prompts.enter(prompt, pin)
        if prompt.code != "0":
            self._receive(_number(phone), said)
        self.recorder.did(phone, f"{phone.name} enters {how} M-PESA PIN", said.split("\n"))
        self.safaricom.flush()
        return said

    def leave(self, phone: Phone, how: str) -> None:
        """Cancel the prompt, or ignore it until the network gives up. Raises NotNow, Impossible."""
        one_of("cancels", "ignores")("how", how)
        prompts, prompt = self.outside.prompts, self._asked(phone)
        (prompts.ignore if how == "ignores" else prompts.cancel)(prompt)
        self.recorder.did(phone, f"{phone.name} {how} the prompt")
        self.safaricom.flush()

    def pay(self, phone: Phone, said: Mapping[str, Any]) -> str:
        """Pay from M-PESA's own menu; what M-PESA answers. Raises Impossible."""
        typed = dict.fromkeys(_ORDER, "") | read(said, _ORDER)
        business, account = typed["business"], typed["account"].strip()
        minor, goods = parse_minor(typed["amount"]), bool(typed["goods"])
        if not _BUSINESS.fullmatch(business):
            raise Impossible("A business number has 5 to 7 digits.")
        if minor is None or minor % 100:
            raise Impossible("M-PESA takes whole shillings.")
        if not goods and not 0 < len(account) <= LONGEST_ACCOUNT:
            raise Impossible(f"An account number has 1 to {LONGEST_ACCOUNT} characters.")
        if not _has_mpesa(phone):
            raise Impossible(f"There is no M-PESA on {phone.network.name}.")
        order = Order(_number(phone), business, minor, "" if goods else account, goods)
        answer = pay(self.safaricom, order, typed["pin"])
        to = f"till {business}" if goods else f"{business} account {account}"
        line = f"{phone.name} pays {minor // 100} by M-PESA to {to}"
        self.recorder.did(phone, line, answer.split("\n"))
        return answer

    def switch(self, phone: Phone, on: bool) -> None:
        """Whether M-PESA's prompts reach the phone."""
        self.safaricom.customer(_number(phone)).reachable = on
        self.recorder.network(f"{phone.name}'s phone is {'on' if on else 'off'}")

    def behave(self, who: str, how: str) -> bool:
        """Have one of those outside behave so; False when there is no such way."""
        if not self.outside.behave(who, how):
            return False
        self.recorder.network(f"{who} {how}")
        return True

    # inside

    def _asked(self, phone: Phone) -> Prompt:
        prompt = self._prompt(phone)
        if prompt is None:
            raise NotNow("M-PESA asks nothing on this phone")
        return prompt

    def _prompt(self, phone: Phone) -> Prompt | None:
        return self.outside.prompts.on(_number(phone))

    def _receive(self, msisdn: str, text: str) -> None:
        phone = self.telco.phones.get(f"+{msisdn}")
        if phone is None:
            return
        self._messages += 1
        name, parts = f"mpesa-{self._messages}", segments(text)
        with phone.lock:
            now = self.safaricom.clock.now()
            phone.inbox.append(Message(name, MPESA, text, now, parts, ""))
            phone.unread += 1
        shown = wire.encode([("from", MPESA), ("to", phone.msisdn), ("message", text)]).decode()
        self.telco.note(phone, "SMS", shown, "", name, 0, "from M-PESA")
        for seconds in LOOKS_S:
            self.safaricom.agenda.at(
                seconds, lambda: self.safaricom.later(lambda: self.look(phone))
            )
        self.telco.changed(phone)

    def _prompted(self, msisdn: str) -> None:
        phone = self.telco.phones.get(f"+{msisdn}")
        if phone is not None:
            self.telco.changed(phone)


def _has_mpesa(phone: Phone) -> bool:
    return phone.network is networks.SAFARICOM


def _number(phone: Phone) -> str:
    return phone.msisdn.removeprefix("+")
