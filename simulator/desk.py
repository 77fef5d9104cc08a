"""All that the page can ask for, in one place: phones, faults, services, recording, insight.

The page's routes are a thin skin over it. After each hop it asks the application, when it is a
Kabambe, what happened inside.
"""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from simulator import networks, paging
from simulator.dialogue import block
from simulator.inside import Entry, Inside
from simulator.live import Live
from simulator.mpesa import Mpesa, Unpayable
from simulator.outside import Outside
from simulator.phones import DELIVERIES, Phone, Service, on_the_wire
from simulator.recorder import Recorder
from simulator.sms import STATUSES, SmsCentre
from simulator.telco import MOST_SLOW_MS, Telco
from ussd_app.kernel.gsm7 import is_gsm7
from ussd_app.kernel.msisdn import parse as parse_msisdn

MOST_PHONES: Final = 12
MOST_ENTRIES: Final = 20
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)
CAST: Final = (
    ("asha", "0712000001"),
    ("baraka", "0722000002"),
    ("mama_njeri", "0733000003"),
    ("duka_la_juma", "0755000005"),
)
"""Two customers, an agent and a merchant, side by side."""
TIMES: Final = {1: "", 2: " twice at once", 3: " three times at once", 4: " four times at once"}
NEXT_HOP: Final = {
    "lose_hop": "the network loses the next hop",
    "lose_reply": "the network loses the next reply",
}


class Impossible(ValueError):
    """What was asked cannot be done; the message is for the person at the page."""


@dataclass
class Desk:
    """The page's side of the simulator."""

    telco: Telco
    centre: SmsCentre
    inside: Inside
    outside: Outside
    live: Live = field(default_factory=Live)
    recorder: Recorder = field(default_factory=Recorder)
    _insight: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _last_entry: int | None = None
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.telco.changed = self._changed
        self.mpesa = Mpesa(self.outside, self.telco, self.recorder, self._look_again)
        self.mpesa.safaricom.journal.changed = lambda: self.live.tell("safaricom")

    def _changed(self, phone: Phone) -> None:
        if phone.msisdn in self.telco.phones:
            self.live.tell(f"phone:{phone.msisdn}")

    # what the page sees

    def state(self) -> dict[str, Any]:
        """Everything, for a page that has just opened."""
        return {
            "phones": [self.phone_view(phone) for phone in self.telco.phones.values()],
            "networks": [asdict(network) for network in networks.ALL],
            "graph": self.inside.graph(),
            "desk": self.desk_view(),
            "safaricom": self.mpesa.view(),
        }

    def desk_view(self) -> dict[str, Any]:
        """What concerns no single phone."""
        return {
            "service": asdict(self.telco.service),
            "gateway": asdict(self.centre.faults),
            "sent": self.centre.sent,
            "balance": f"KES {self.centre.balance}",
            "outside": self.outside.view(),
            "recording": self.recorder.on,
            "phones": list(self.telco.phones),
        }

    def view(self, topic: str) -> Any:
        """The newest state of a topic: 'desk', 'graph', 'safaricom', 'phone:<msisdn>'."""
        if topic == "desk":
            return self.desk_view()
        if topic == "graph":
            return self.inside.graph()
        if topic == "safaricom":
            return self.mpesa.view()
        phone = self.telco.phones.get(topic.removeprefix("phone:"))
        return None if phone is None else self.phone_view(phone)

    def phone_view(self, phone: Phone) -> dict[str, Any]:
        """One phone as the page draws it. Nothing secret is in it."""
        with phone.lock:
            display = phone.display
            session = phone.session
            return {
                "seen_us": time.time_ns() // 1_000,
                "msisdn": phone.msisdn,
                "number": phone.number,
                "name": phone.name,
                "network": asdict(phone.network),
                "busy": phone.busy,
                "inSession": phone.in_session,
                "asksSecret": bool(phone.asks_secret),
                "display": {
                    "kind": display.kind,
                    "screen": display.screen,
                    "page": display.page,
                    "pages": len(display.pages),
                    "takesAnswer": display.takes_answer,
                    "size": paging.measure(display.text),
                    "room": paging.room(display.text, phone.network),
                    "unit": "septets" if is_gsm7(display.text) else "UCS-2 characters",
                },
                "session": session and {"id": session.id, "hops": session.hops},
                "inside": self._insight.get(phone.msisdn),
                "mpesa": self.mpesa.phone_view(phone),
                "faults": asdict(phone.faults),
                "service": asdict(phone.service),
                "unread": phone.unread,
                "inbox": [
                    {**asdict(message), "at": message.at.isoformat()} for message in phone.inbox
                ],
                "traffic": [
                    {**asdict(traffic), "at": traffic.at.isoformat()} for traffic in phone.traffic
                ],
            }

    # phones

    def phone(self, msisdn: str) -> Phone:
        """A phone on the page. Raises Impossible."""
        try:
            return self.telco.phones[msisdn]
        except KeyError:
            raise Impossible("there is no such phone") from None

    def add(self, name: str, number: str, network: str = "") -> Phone:
        """Put a phone on the page. Raises Impossible."""
        msisdn = parse_msisdn(number)
        if msisdn is None:
            raise Impossible("that is no Kenyan mobile number")
        if len(self.telco.phones) >= MOST_PHONES:
            raise Impossible(f"there is room for {MOST_PHONES} phones")
        clean = "".join(
            c for c in name.strip().lower().replace(" ", "_") if c.isalnum() or c == "_"
        )
        if not clean or not clean.isascii() or not clean[0].isalpha() or len(clean) > 20:
            raise Impossible("a name begins with a letter and has at most 20 letters or digits")
        if any(phone.name == clean and phone.msisdn != msisdn for phone in self._phones()):
            raise Impossible("somebody has that name already")
        try:
            chosen = networks.named(network) if network else networks.of(msisdn)
        except KeyError:
            raise Impossible("there is no such network") from None
        phone = self.telco.add(clean, msisdn, chosen)
        self.mpesa.safaricom.customer(msisdn.removeprefix("+")).name = clean.replace("_", " ")
        self.live.tell("desk")
        return phone

    def remove(self, msisdn: str) -> None:
        """Take a phone off the page."""
        self.telco.remove(msisdn)
        self.live.tell("desk")

    def _phones(self) -> list[Phone]:
        return list(self.telco.phones.values())

    # what people do

    def dial(self, phone: Phone, code: str) -> None:
        """Dial."""
        self._before()
        self.telco.dial(phone, code)
        self._after(phone, f"{phone.name} dials {code}")

    def answer(self, phone: Phone, typed: str) -> None:
        """Answer the screen. Raises NotNow."""
        self._before()
        if phone.asks_secret:
            self.recorder.typed_pin(phone, typed)
        self.telco.answer(phone, typed)
        self._after(phone, f"{phone.name} > {typed}")

    def hang_up(self, phone: Phone) -> None:
        """The red key. Only a session that is open is worth a line of a recording."""
        self._before()
        if phone.in_session:
            self.recorder.did(phone, f"{phone.name} hangs up")
        self.telco.hang_up(phone)

    def text(self, phone: Phone, text: str, to: str) -> None:
        """Send an SMS to the application's short code."""
        if not text or len(text) > 900:
            raise Impossible("an SMS has from 1 to 900 characters")
        self._before()
        self.recorder.did(phone, f"{phone.name} texts {text}")
        self.centre.text(phone, text, to or phone.service.shortcode)

    def read(self, phone: Phone) -> None:
        """The inbox was opened."""
        phone.unread = 0
        self._changed(phone)

    # M-PESA

    def enter_mpesa_pin(self, phone: Phone, pin: str) -> str:
        """Answer M-PESA's prompt; what M-PESA says. Raises NotNow."""
        self._before()
        said = self.mpesa.enter(phone, pin)
        self._changed(phone)
        return said

    def leave_prompt(self, phone: Phone, how: str) -> None:
        """Cancel M-PESA's prompt, or let it be. Raises NotNow."""
        self._before()
        self.mpesa.leave(phone, how)
        self._changed(phone)

    def pay_by_mpesa(self, phone: Phone, said: Mapping[str, Any]) -> str:
        """Pay from M-PESA's own menu; what it answers. Raises Impossible."""
        self._before()
        try:
            return self.mpesa.pay(phone, said)
        except Unpayable as refusal:
            raise Impossible(str(refusal)) from None
        finally:
            self._changed(phone)

    def switch(self, phone: Phone, on: bool) -> None:
        """Let M-PESA's prompts reach the phone, or not."""
        self.mpesa.switch(phone, on)
        self._changed(phone)

    def behave(self, wanted: Mapping[str, Any]) -> None:
        """Have Safaricom, the airtime gateway or the bank behave otherwise. Raises Impossible."""
        if not self.mpesa.behave(str(wanted.get("who")), str(wanted.get("how"))):
            raise Impossible("nobody outside behaves like that")
        self.live.tell("desk")

    def _before(self) -> None:
        self.recorder.messages(self._phones())

    def _after(self, phone: Phone, line: str) -> None:
        """Ask what happened inside, and write the hop down."""
        self.look_inside(phone)
        shown = on_the_wire(phone.display.kind, phone.display.screen)
        self.recorder.did(phone, line, shown)
        self._changed(phone)

    # what networks and servers do

    def repeat(self, phone: Phone, wanted: Mapping[str, Any]) -> None:
        """Deliver the last hop again. Raises NotNow, Impossible."""
        copies = _whole(wanted.get("copies", 1), 1, 4)
        back = _whole(wanted.get("back", 0), 0, 1)
        self._before()
        answers = self.telco.repeat(phone, copies=copies, back=back)
        said = [each.reply.said for each in answers if each.reply is not None]
        line = f"the network repeats{TIMES[copies]}{' the hop before' if back else ''}"
        self.recorder.did(phone, line, block(said[:1]) if said else ())
        self.look_inside(phone)
        self._changed(phone)

    def set_faults(self, phone: Phone, wanted: Mapping[str, Any]) -> None:
        """Arm or disarm what goes wrong for one phone. Raises Impossible."""
        if "slow_ms" in wanted:
            phone.faults.slow_ms = _whole(wanted["slow_ms"], 0, MOST_SLOW_MS)
        self._set_next_hop(phone, wanted)
        self._set_messages(phone, wanted)
        self._changed(phone)

    def _set_next_hop(self, phone: Phone, wanted: Mapping[str, Any]) -> None:
        faults = phone.faults
        if "copies" in wanted:
            faults.copies = _whole(wanted["copies"], 1, 4)
            if faults.copies > 1:
                words = TIMES[faults.copies]
                self.recorder.network(f"the network delivers the next hop{words}")
        for name, line in NEXT_HOP.items():
            if name in wanted:
                setattr(faults, name, bool(wanted[name]))
                if wanted[name]:
                    self.recorder.network(line)

    def _set_messages(self, phone: Phone, wanted: Mapping[str, Any]) -> None:
        faults = phone.faults
        if "sms_status" in wanted:
            code = wanted["sms_status"]
            if code is not None and code not in STATUSES:
                raise Impossible("there is no such SMS status")
            faults.sms_status = code
        if "delivery" in wanted:
            if wanted["delivery"] not in DELIVERIES:
                raise Impossible("delivery reports do not come like that")
            faults.delivery = wanted["delivery"]

    def set_gateway(self, wanted: Mapping[str, Any]) -> None:
        """Change how the SMS API behaves for everybody. Raises Impossible."""
        faults = self.centre.faults
        if "slow_ms" in wanted:
            faults.slow_ms = _whole(wanted["slow_ms"], 0, MOST_SLOW_MS)
        if "http_status" in wanted:
            faults.http_status = _whole(wanted["http_status"], 0, 599)
        for name in ("silent", "drop", "taken_anyway"):
            if name in wanted:
                setattr(faults, name, bool(wanted[name]))
        if "batch_error" in wanted:
            faults.batch_error = str(wanted["batch_error"])[:60]
        self.live.tell("desk")

    def set_service(self, wanted: Mapping[str, Any], phone: Phone | None = None) -> None:
        """Point one phone, or all of them, at an application. Raises Impossible."""
        current = asdict(phone.service if phone else self.telco.service)
        unknown = set(wanted) - set(current)
        if unknown or not all(isinstance(value, str) for value in wanted.values()):
            raise Impossible(f"a service has {', '.join(current)}, each a text")
        service = Service(**(current | dict(wanted)))
        for url in (service.ussd_url, service.events_url, service.delivery_url):
            if url and not url.startswith(("http://", "https://")):
                raise Impossible("a callback begins with http:// or https://")
        if not service.code.startswith("*") or not service.code.endswith("#"):
            raise Impossible("a service code looks like *383# or *384*44135#")
        if phone is None:
            self.telco.service = service
        for each in [phone] if phone else self._phones():
            each.service = service
            self._changed(each)
        self.live.tell("desk")

    def redis_forgets(self) -> None:
        """Have the application lose its sessions. Raises Impossible when it has no such door."""
        if not self.inside.forget_sessions():
            raise Impossible("this application has no /inspect/faults")
        self.recorder.network("Redis forgets")
        self._insight.clear()
        for phone in self._phones():
            self._changed(phone)

    # insight

    def look_inside(self, phone: Phone) -> None:
        """Learn where the phone's session stands and what the last hop wrote in the ledger."""
        session = phone.session
        seen = self.inside.session(session.id) if session else None
        with phone.lock:
            self._insight[phone.msisdn] = seen or {}
            if seen is not None and "asks_secret" in seen:
                phone.asks_secret = bool(seen["asks_secret"])
        entries = self._new_entries()
        self.recorder.entries(entries)
        for entry in entries:
            self.telco.note(
                phone, "ledger", f"{entry.receipt} {entry.type}", "", "\n".join(entry.sentences), 0
            )

    def _look_again(self, phone: Phone) -> None:
        """Something may have happened by itself."""
        self.look_inside(phone)
        self._changed(phone)

    def _new_entries(self) -> list[Entry]:
        """The entries since the last look; only the newest of them when somebody is in a hurry."""
        with self._reading:
            if self._last_entry is None:
                return []
            entries = self.inside.entries(self._last_entry, most_batches=1)
            if len(entries) > MOST_ENTRIES:
                self._last_entry = self.inside.last_entry()
            elif entries:
                self._last_entry = entries[-1].id
        return entries[-MOST_ENTRIES:]

    def catch_up(self) -> None:
        """Until the application has been met once, look whether it is there now."""
        if self._last_entry is None and self.inside.graph():
            self.begin()
            self.live.tell("graph")

    def begin(self) -> None:
        """Remember where the ledger ends now: only what follows is shown."""
        with self._reading:
            self._last_entry = self.inside.last_entry()

    def record(self, on: bool) -> None:
        """Start a recording anew, or stop it."""
        if on:
            self.begin()
            self.recorder.start(self.inside.customers(), self._phones(), self.mpesa.holdings())
        else:
            self.recorder.messages(self._phones())
            self.recorder.stop()
        self.live.tell("desk")


def _whole(value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Impossible(f"that takes a whole number from {least} to {most}")
    return value
