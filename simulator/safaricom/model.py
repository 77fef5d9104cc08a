"""One Safaricom: its businesses, its customers' phones, its faults, and what it says by itself.

The APIs are in `collecting`, `paying_out` and `asking`; `front` lets requests in. Nothing is said
to anybody while the lock is held.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from simulator import wire
from simulator.agenda import Agenda
from simulator.post import Answer, NoAnswer, Poster
from simulator.safaricom import shapes
from simulator.safaricom.books import Books, is_phone
from simulator.safaricom.codes import RESULTS
from simulator.safaricom.faults import LATE_S, Aim, Faults
from simulator.safaricom.journal import Journal
from simulator.safaricom.messages import Message, Outcome, Person, result, written
from simulator.safaricom.names import Names
from ussd_app.kernel.clock import Clock
from ussd_app.settings import Settings

JSON: Final = {"Content-Type": "application/json", "User-Agent": "Apache-HttpClient/4.5"}
WITHIN_S: Final = wire.ANSWER_WITHIN_S
PIN: Final = "2580"
"""Everybody's M-PESA PIN."""
WRONG_PIN: Final = "0000"
"""Nobody's."""
MOST_TRIES: Final = 3
MOST_MESSAGES: Final = 1_000
"""On one SIM: more than any dialogue counts."""
TIMED_OUT: Final = "The request has timed out while awaiting processing."
OURS: Final = "KABAMBE"
BUSINESSES: Final = {"600000": "MFANO BILLER", "5600001": "MFANO HOTEL"}


@dataclass
class Business:
    """One short code: what it is called, what proves it, where it wants to be told.

    A passkey or initiator that is None is learnt from the first request. `form` is how payers'
    numbers are written to it: 'v2', 'v1' or 'plain'.
    """

    shortcode: str
    name: str
    passkey: str | None = None
    initiator: tuple[str, str] | None = None
    confirmation_url: str = ""
    validation_url: str = ""
    unanswered: str = "Completed"
    form: str = "v2"
    pulls: bool = False


@dataclass
class Customer:
    """A SIM as M-PESA knows it."""

    name: str = ""
    reachable: bool = True
    wrong_pins: int = 0
    swapped: datetime | None = None
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Telling:
    """Something to be said to a listener; `opposite` is said before it by who contradicts himself,
    `timed_out` goes to its own URL by who says that it timed out. `aimed` is what goes wrong with
    the call that it is about."""

    what: str
    url: str
    message: Message
    opposite: Message | None = None
    timed_out: tuple[str, Message] | None = None
    aimed: Faults | None = None


@dataclass
class Safaricom:
    """`later` runs what Safaricom does in its own time; `text` brings an M-PESA message to a phone;
    `prompted` is called with the number of a phone whose prompt came or went."""

    clock: Clock
    poster: Poster = field(default_factory=Poster)
    later: Callable[[Callable[[], object]], None] = lambda job: None
    text: Callable[[str, str], None] = lambda msisdn, text: None
    prompted: Callable[[str], None] = lambda msisdn: None
    consumers: dict[str, str] = field(default_factory=dict)
    """The secrets of those who may ask, by consumer key."""
    books: Books = field(default_factory=Books)
    names: Names = field(default_factory=Names)
    journal: Journal = field(default_factory=Journal)
    faults: Faults = field(default_factory=Faults)
    """What goes wrong with every call that nothing is aimed at."""
    aims: dict[str, Aim] = field(default_factory=dict)
    """By the name of the call."""
    aimed: Faults | None = None
    """What was aimed at the request that is being handled, under the lock."""
    businesses: dict[str, Business] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    """By consumer key: the one token that holds, and until when."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    turn: int = 0
    proxy: tuple[str, str] = ("", "")
    """By which address the Kabambe here is known outside, and where it is; a proxy would know."""
    _outbox: list[Telling] = field(default_factory=list)
    _held: list[Telling] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agenda = Agenda(self.clock)

    # who there is

    def business(self, shortcode: str) -> Business:
        """The business of a short code; there is one for every short code."""
        found = self.businesses.get(shortcode)
        if found is None:
            name = BUSINESSES.get(shortcode, f"BIASHARA {shortcode}")
            found = self.businesses[shortcode] = Business(shortcode, name)
        return found

    def assume(self, settings: Settings, base: str) -> None:
        """A Kabambe with these settings is at this address: its short code is what it says, and
        its C2B doors are where it would register them; whoever asks has its consumer key."""
        doors = base + settings.daraja_doors
        self.businesses[settings.daraja_shortcode] = Business(
            settings.daraja_shortcode,
            OURS,
            passkey=settings.daraja_passkey,
            initiator=(settings.daraja_initiator, settings.daraja_initiator_password),
            confirmation_url=f"{doors}/c2b/confirmation",
            validation_url=f"{doors}/c2b/validation",
        )
        self.consumers[settings.daraja_consumer_key] = settings.daraja_consumer_secret
        self.books.balances.setdefault(settings.daraja_shortcode, 0)
        self.proxy = (settings.public_url, base)

    def customer(self, msisdn: str) -> Customer:
        """The SIM with this number (12 digits)."""
        return self.customers.setdefault(msisdn, Customer())

    def person(self, msisdn: str) -> Person:
        """A payer by name."""
        first, _, last = (self.customer(msisdn).name or "MTEJA").upper().partition(" ")
        return Person(msisdn, first, last)

    def public(self, account: str) -> str:
        """An account as results name it: `174379 - KABAMBE`."""
        msisdn = account[-12:]
        if is_phone(msisdn) and msisdn.isdigit():
            return self.person(msisdn).public
        return f"{account} - {self.business(account).name}"

    def write_to(self, msisdn: str, text: str) -> None:
        """An M-PESA message for a customer."""
        messages = self.customer(msisdn).messages
        messages.append(text)
        del messages[:-MOST_MESSAGES]
        self.text(msisdn, text)

    def next_turn(self) -> int:
        """Which of its forms the next message takes."""
        self.turn += 1
        return self.turn

    # what goes wrong

    @property
    def way(self) -> Faults:
        """How it behaves to the request that is being handled."""
        return self.aimed or self.faults

    def take(self, call: str) -> Faults | None:
        """What is to go wrong with this call alone, and one time fewer from now on."""
        with self.lock:
            aim = self.aims.get(call)
            if aim is None:
                return None
            if aim.times == 1:
                del self.aims[call]
            elif aim.times:
                self.aims[call] = replace(aim, times=aim.times - 1)
            return aim.faults

    # what Safaricom says by itself

    def say(self, telling: Telling) -> None:
        """Have something said once the present request is done; see `flush`."""
        self._outbox.append(telling)

    def say_result(
        self, what: str, url: str, timeout_url: str, outcome: Outcome, aimed: Faults | None
    ) -> None:
        """Have a result said."""
        done = outcome.code == "0"
        code = "17" if done else "0"
        other = replace(outcome, code=code, said=RESULTS[code], parameters=(), receipt="")
        waiting = replace(other, code="1", said=TIMED_OUT, type=1)
        self.say(
            Telling(
                what,
                url,
                result(outcome, self.next_turn()),
                opposite=result(other, 0) if done else None,
                timed_out=(timeout_url, result(waiting, 0)),
                aimed=aimed,
            )
        )

    def flush(self, *, early: bool = False) -> None:
        """Say what is to be said, as the faults have it. `early`: the request is not answered yet,
        and only who tells results first says anything."""
        with self.lock:
            ways = [(telling, (telling.aimed or self.faults).told) for telling in self._outbox]
            self._outbox[:] = [telling for telling, told in ways if early and told != "first"]
        for telling, told in ways:
            if not early:
                self._dispatch(telling, told)
            elif told == "first":
                self.post(telling.what, telling.url, telling.message)

    def _dispatch(self, telling: Telling, told: str) -> None:
        def post() -> object:
            return self.post(telling.what, telling.url, telling.message)

        match told:
            case "never":
                now = self.clock.now()
                note = "kept to itself: Safaricom is silent"
                body = written(telling.message)
                self.journal.add(now, "told", telling.what, body, "not sent", "", note=note)
            case "late":
                self.agenda.at(LATE_S, post)
            case "twice":
                self.later(post)
                self.later(post)
            case "backwards":
                with self.lock:
                    self._held.append(telling)
                self.later(self._say_held)
            case "after a time-out" if telling.timed_out is not None:
                url, notice = telling.timed_out
                self.later(lambda: self.post(f"{telling.what} timed out", url, notice))
                self.agenda.at(LATE_S, post)
            case "contradicting" if telling.opposite is not None:
                opposite = telling.opposite
                self.later(lambda: self.post(telling.what, telling.url, opposite))
                self.agenda.at(LATE_S, post)
            case _:
                self.later(post)

    def _say_held(self) -> None:
        with self.lock:
            held, self._held[:] = list(self._held), []
        for telling in reversed(held):
            self.post(telling.what, telling.url, telling.message)

    def post(
        self, what: str, url: str, message: Message, within_s: float = WITHIN_S
    ) -> Answer | None:
        """Say one thing to a listener now; its answer, None when there was none."""
        known, base = self.proxy
        if known and url.startswith(f"{known}/"):
            url = base + url.removeprefix(known)
        body = written(message)
        odd = shapes.faults(json.loads(body))
        note = f"unlike Safaricom: {'; '.join(odd)}" if odd else ""
        now = self.clock.now()
        try:
            answer = self.poster.post(url, body.encode(), JSON, within_s)
        except NoAnswer as silence:
            wrong = f"{url} did not answer: {silence}. Safaricom does not say it again."
            self.journal.add(now, "told", what, body, "no answer", "", wrong, note)
            return None
        said = answer.body.decode("utf-8", "replace")
        wrong = ""
        if answer.status != 200:
            wrong = (
                f"{url} must answer 200, and said {answer.status}. Safaricom does not repeat it."
            )
        self.journal.add(now, "told", what, body, str(answer.status), said, wrong, note)
        return answer

    # time

    def tick(self) -> None:
        """Do what has become due, and say it; to be called every second or so."""
        self.agenda.tick()
        self.flush()
