"""All that the page can ask for, in one place: phones, what people do, faults, services, recording.

The page's routes are a thin skin over it. It does nothing itself: it has others do it, writes it
down where a recording runs, and says what has changed. How things look is the business of `views`.
"""

import re
from collections.abc import Mapping
from dataclasses import InitVar, asdict, dataclass, field, fields, replace
from typing import Any, Final

from simulator import networks, trouble, views
from simulator.dialogue import block
from simulator.inside import Inside
from simulator.insight import Insight
from simulator.live import Live
from simulator.mpesa import Mpesa
from simulator.outside import Outside
from simulator.phones import Phone, Service, on_the_wire
from simulator.recorder import Recorder
from simulator.sms import SmsCentre
from simulator.telco import Telco
from simulator.wanted import Impossible, Reader, callback, read, service_code, text
from ussd_app.kernel.msisdn import parse as parse_msisdn

MOST_PHONES: Final = 12
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)
_DIALLED: Final = re.compile(r"[0-9*#+]{1,160}", re.ASCII)
CAST: Final = (
    ("asha", "0712000001"),
    ("baraka", "0722000002"),
    ("mama_njeri", "0733000003"),
    ("duka_la_juma", "0755000005"),
    ("amina", "0788000008"),
    ("wakuu", "0744000004"),
    ("joyce", "0799000001"),
    ("peter", "0799000002"),
)
"""Two customers, an agent, a merchant and who stands at his till, a super agent, and two of the
staff, side by side."""


_SERVICE: Final[Mapping[str, Reader]] = {
    "code": service_code,
    "shortcode": text,
    **{each.name: callback for each in fields(Service) if each.name.endswith("_url")},
}


@dataclass
class Desk:
    """The page's side of the simulator."""

    telco: Telco
    centre: SmsCentre
    inside: InitVar[Inside]
    outside: Outside
    live: Live = field(default_factory=Live)
    recorder: Recorder = field(default_factory=Recorder)

    def __post_init__(self, inside: Inside) -> None:
        self.telco.changed = self._changed
        self.insight = Insight(inside, self.telco, self.recorder)
        self.mpesa = Mpesa(self.outside, self.telco, self.recorder, self._look)
        self.mpesa.safaricom.journal.changed = self._spoken

    def _changed(self, phone: Phone) -> None:
        if phone.msisdn in self.telco.phones:
            self.live.tell(f"phone:{phone.msisdn}")

    def _spoken(self) -> None:
        """Something went over Safaricom's wire; what was aimed at it may be used up."""
        self.live.tell("safaricom")
        self.live.tell("desk")

    # what the page sees

    def state(self) -> dict[str, Any]:
        """Everything, for a page that has just opened."""
        return {
            "phones": [self.phone_view(phone) for phone in self._phones()],
            "networks": [asdict(network) for network in networks.ALL],
            "graph": self.insight.inside.graph(),
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
            return self.insight.inside.graph()
        if topic == "safaricom":
            return self.mpesa.view()
        phone = self.telco.phones.get(topic.removeprefix("phone:"))
        return None if phone is None else self.phone_view(phone)

    def phone_view(self, phone: Phone) -> dict[str, Any]:
        """One phone as the page draws it."""
        return views.of_phone(phone, self.insight.of(phone), self.mpesa.phone_view(phone))

    # phones

    def phone(self, msisdn: str) -> Phone:
        """A phone on the page. Raises Impossible."""
        try:
            return self.telco.phones[msisdn]
        except KeyError:
            raise Impossible("there is no such phone") from None

    def add(self, name: str, number: str, network: str = "") -> Phone:
        """Put a phone on the page, unless it is there already. Raises Impossible."""
        msisdn = parse_msisdn(number)
        if msisdn is None:
            raise Impossible("that is no Kenyan mobile number")
        if msisdn in self.telco.phones:
            return self.telco.phones[msisdn]
        if len(self.telco.phones) >= MOST_PHONES:
            raise Impossible(f"there is room for {MOST_PHONES} phones")
        clean = re.sub(r"\W", "", name.strip().lower().replace(" ", "_"))
        if not _NAME.fullmatch(clean):
            raise Impossible("a name begins with a letter and has at most 20 letters or digits")
        if any(phone.name == clean for phone in self._phones()):
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
        self.insight.forget(msisdn)
        self.live.tell("desk")

    def _phones(self) -> list[Phone]:
        return list(self.telco.phones.values())

    # what people do

    def dial(self, phone: Phone, code: str) -> None:
        """Dial. Raises Impossible for what no phone has keys for."""
        if not _DIALLED.fullmatch(code):
            raise Impossible("digits, * and # can be dialled")
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

    def text(self, phone: Phone, words: str, to: str) -> None:
        """Send an SMS to the application's short code."""
        if not words:
            raise Impossible("an SMS says something")
        self._before()
        self.recorder.did(phone, f"{phone.name} texts {words}")
        self.centre.text(phone, words, to or phone.service.shortcode)

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
        """Cancel M-PESA's prompt, or let it be. Raises NotNow, Impossible."""
        self._before()
        self.mpesa.leave(phone, how)
        self._changed(phone)

    def pay_by_mpesa(self, phone: Phone, said: Mapping[str, Any]) -> str:
        """Pay from M-PESA's own menu; what it answers. Raises Impossible."""
        self._before()
        try:
            return self.mpesa.pay(phone, said)
        finally:
            self._changed(phone)

    def switch(self, phone: Phone, on: bool) -> None:
        """Let M-PESA's prompts reach the phone, or not."""
        self.mpesa.switch(phone, on)
        self._changed(phone)

    def behave(self, wanted: Mapping[str, Any]) -> None:
        """Have Safaricom, the airtime gateway or the bank behave otherwise. Raises Impossible."""
        said = read(wanted, {"who": text, "how": text})
        if not self.mpesa.behave(said.get("who", ""), said.get("how", "")):
            raise Impossible("nobody outside behaves like that")
        self.live.tell("desk")

    def _before(self) -> None:
        self.recorder.messages(self._phones())

    def _after(self, phone: Phone, line: str) -> None:
        """Ask what happened inside, and write the hop down."""
        self.insight.look(phone)
        shown = on_the_wire(phone.display.kind, phone.display.screen)
        self.recorder.did(phone, line, shown)
        self._changed(phone)

    # what networks and servers do

    def repeat(self, phone: Phone, wanted: Mapping[str, Any]) -> None:
        """Deliver the last hop again. Raises NotNow, Impossible."""
        how = read(wanted, trouble.AGAIN)
        copies, back = how.get("copies", 1), how.get("back", 0)
        self._before()
        answers = self.telco.repeat(phone, copies=copies, back=back)
        said = [each.reply.said for each in answers if each.reply is not None]
        line = f"the network repeats{trouble.TIMES[copies]}{' the hop before' if back else ''}"
        self.recorder.did(phone, line, block(said[:1]) if said else ())
        self._look(phone)

    def set_faults(self, phone: Phone, wanted: Mapping[str, Any]) -> None:
        """Arm or disarm what goes wrong for one phone. Raises Impossible."""
        for line in trouble.arm(phone.faults, wanted):
            self.recorder.network(line)
        self._changed(phone)

    def set_gateway(self, wanted: Mapping[str, Any]) -> None:
        """Change how the SMS API behaves for everybody. Raises Impossible."""
        trouble.set_gateway(self.centre.faults, wanted)
        self.live.tell("desk")

    def set_service(self, wanted: Mapping[str, Any], phone: Phone | None = None) -> None:
        """Point one phone, or all of them, at an application. Raises Impossible."""
        current = phone.service if phone else self.telco.service
        service = replace(current, **read(wanted, _SERVICE))
        if phone is None:
            self.telco.service = service
        for each in [phone] if phone else self._phones():
            each.service = service
            self._changed(each)
        self.live.tell("desk")

    def redis_forgets(self) -> None:
        """Have the application lose its sessions. Raises Impossible when it has no such door."""
        if not self.insight.inside.forget_sessions():
            raise Impossible("this application has no /inspect/faults")
        self.recorder.network("Redis forgets")
        self.insight.forget()
        for phone in self._phones():
            self._changed(phone)

    # insight

    def _look(self, phone: Phone) -> None:
        """See what has happened inside, and show it."""
        self.insight.look(phone)
        self._changed(phone)

    def catch_up(self) -> None:
        """Until the application has been met once, look whether it is there now."""
        if self.insight.catch_up():
            self.live.tell("graph")

    def record(self, on: bool) -> None:
        """Start a recording anew, or stop it."""
        if on:
            self.insight.begin()
            self.recorder.start(
                self.insight.inside.customers(), self._phones(), self.mpesa.holdings()
            )
        else:
            self.recorder.messages(self._phones())
            self.recorder.stop()
        self.live.tell("desk")
