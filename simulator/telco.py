"""Africa's Talking's USSD side: phones dial, an application is called, screens come back.

It keeps the wire's rules and the network's limits, and does on demand what networks do by
themselves: lose, repeat, delay. It knows nothing of what an application's screens mean.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from simulator import paging, wire
from simulator.networks import SESSION_LIMIT_S, Network
from simulator.phones import (
    NO_SERVICE,
    Display,
    Faults,
    Phone,
    Request,
    Service,
    Session,
    Traffic,
    new_session_id,
)
from simulator.post import Answer, NoAnswer, Poster
from ussd_app.kernel.clock import Clock

MOST_COPIES: Final = 16
MOST_SLOW_MS: Final = 30_000
TOO_LONG: Final = "Input too long."


class NotNow(Exception):
    """The phone cannot do that at this moment; the message says why."""


@dataclass(frozen=True)
class Delivered:
    """One delivery of a hop: what the application answered, or why the answer is no use."""

    reply: wire.Reply | None
    fault: str = ""


def _at_once(job: Callable[[], object]) -> None:
    job()


@dataclass
class Telco:
    """All phones and their sessions. `later` runs what a network does in its own time.

    `changed` is called with a phone whenever there is something new to see on it.
    """

    clock: Clock
    service: Service
    poster: Poster = field(default_factory=Poster)
    later: Callable[[Callable[[], object]], None] = _at_once
    changed: Callable[[Phone], None] = lambda phone: None
    answer_within_s: float = wire.ANSWER_WITHIN_S
    phones: dict[str, Phone] = field(default_factory=dict)

    # phones

    def add(self, name: str, msisdn: str, network: Network) -> Phone:
        """A new phone, or the one that has this number already."""
        phone = self.phones.get(msisdn)
        if phone is None:
            phone = self.phones[msisdn] = Phone(name, msisdn, network, self.service)
            self.changed(phone)
        return phone

    def remove(self, msisdn: str) -> None:
        """Throw a phone away; its session ends as any that lost coverage."""
        phone = self.phones.pop(msisdn, None)
        if phone is not None:
            self.hang_up(phone)

    # what a person does

    def dial(self, phone: Phone, dialled: str) -> None:
        """Dial a service code, with or without answers behind it; ends a session that is open."""
        self.hang_up(phone)
        with phone.lock:
            behind = phone.service.dialled(dialled)
            if behind is None:
                phone.display = Display("notice", NO_SERVICE)
                self.changed(phone)
                return
            now = self.clock.now()
            session_id = new_session_id()
            call = wire.Call(session_id, phone.service.code, phone.msisdn, phone.network.code)
            phone.session = Session(session_id, call, phone.service, began=now, heard=now)
            if behind:
                phone.session.answers = behind.split("*")
                phone.session.secret = [
                    wire.looks_secret(typed) or typed in phone.secrets
                    for typed in phone.session.answers
                ]
            session = phone.session
        self._hop(phone, session)

    def answer(self, phone: Phone, typed: str) -> None:
        """Answer the screen. Raises NotNow when no screen waits for an answer."""
        with phone.lock:
            if phone.display.turned(typed):
                self.changed(phone)
                return
            session = phone.session
            if session is None or not session.open:
                raise NotNow("no session is open")
            if phone.busy:
                raise NotNow("the last answer is still on its way")
            if len(typed) > phone.network.input_characters:
                raise NotNow(TOO_LONG)
            session.answers.append(typed)
            session.secret.append(phone.is_secret(typed))
            session.heard = self.clock.now()
            phone.busy = True
        self._hop(phone, session)

    def hang_up(self, phone: Phone) -> None:
        """The red key: an open session ends as `Incomplete`, and the phone shows nothing."""
        with phone.lock:
            session = phone.session
            phone.display = Display()
            phone.busy = False
        if session is not None:
            self._end(phone, session, wire.INCOMPLETE)
        self.changed(phone)

    # what a network does

    def repeat(self, phone: Phone, *, copies: int = 1, back: int = 0) -> list[Delivered]:
        """Deliver the last hop again, the very same bytes; `back` counts hops before the last.

        The phone shows nothing of it. Raises NotNow when there is no such hop.
        """
        session = phone.session
        if session is None or len(session.requests) <= back:
            raise NotNow("there is no hop to repeat")
        request = session.requests[-1 - back]
        return self._deliver(phone, request, min(copies, MOST_COPIES), "repeated")

    def hijack(self, thief: Phone, phone: Phone, typed: str) -> Delivered:
        """Another phone claims this phone's session id with one more answer."""
        session = phone.session
        if session is None:
            raise NotNow("there is no session to break into")
        call = wire.Call(session.id, session.call.service_code, thief.msisdn, thief.network.code)
        request = session.request(call, [typed], [wire.looks_secret(typed)])
        return self._deliver(thief, request, 1, "with another phone's session")[0]

    def tick(self) -> None:
        """End the sessions whose time has run out; to be called every second or so."""
        now = self.clock.now()
        for phone in list(self.phones.values()):
            session = phone.session
            if session is None or not session.open or phone.busy:
                continue
            silent = (now - session.heard).total_seconds() >= phone.network.silence_s
            spent = (now - session.began).total_seconds() >= SESSION_LIMIT_S
            if silent or spent:
                self._end(phone, session, wire.INCOMPLETE)
                with phone.lock:
                    phone.display = Display("notice", NO_SERVICE)
                self.changed(phone)

    # one hop

    def _hop(self, phone: Phone, session: Session) -> None:
        with phone.lock:
            request = session.request(session.call)
            faults = phone.faults.take()
            session.requests.append(request)
            session.hops += 1
            phone.busy = True
        self.changed(phone)
        try:
            delivered = self._through(phone, request, faults)
        finally:
            with phone.lock:
                if phone.session is session:
                    phone.busy = False
                    phone.asks_secret = None
        if phone.session is session and session.open:
            self._show(phone, session, delivered)
        self.changed(phone)

    def _through(self, phone: Phone, request: Request, faults: Faults) -> Delivered | None:
        """Bring a hop through a network with faults; None when no answer reaches the phone."""
        if faults.slow_ms:
            time.sleep(min(faults.slow_ms, MOST_SLOW_MS) / 1000)
        if faults.lose_hop:
            self.note(phone, "hop", request.shown, "lost", "", 0, "never reached the application")
            return None
        delivered = self._deliver(phone, request, max(1, faults.copies), "")[0]
        return None if faults.lose_reply else delivered

    def _deliver(self, phone: Phone, request: Request, copies: int, note: str) -> list[Delivered]:
        if copies == 1:
            return [self._call(phone, request, note)]
        notes = [f"{note} {number} of {copies} at once".strip() for number in range(1, copies + 1)]
        with ThreadPoolExecutor(copies) as pool:
            return list(pool.map(lambda each: self._call(phone, request, each), notes))

    def _call(self, phone: Phone, request: Request, note: str) -> Delivered:
        """One delivery: call the application, judge its answer, write down both."""
        headers = {"User-Agent": wire.USSD_AGENT}
        if request.label:
            headers[wire.HOP_LABEL] = request.label
        started = time.monotonic()
        try:
            answer = self.poster.post(request.url, request.body, headers, self.answer_within_s)
        except NoAnswer as silence:
            took_ms = round((time.monotonic() - started) * 1000)
            self.note(phone, "hop", request.shown, "no answer", str(silence), took_ms, note)
            return Delivered(None, str(silence))
        said = answer.body.decode("utf-8", "replace")
        try:
            reply = wire.read_reply(answer.status, answer.body)
        except wire.BadReply as bad:
            note = f"{note}: refused, {bad}" if note else f"refused: {bad}"
            self.note(phone, "hop", request.shown, str(answer.status), said, answer.took_ms, note)
            return Delivered(None, str(bad))
        self.note(phone, "hop", request.shown, str(answer.status), said, answer.took_ms, note)
        self._keep_label(phone, answer)
        return Delivered(reply)

    def _keep_label(self, phone: Phone, answer: Answer) -> None:
        usable = 0 < len(answer.label) <= wire.LONGEST_LABEL and "|" not in answer.label
        session = phone.session
        if usable and session is not None and len(session.labels) < session.hops:
            session.labels.append(answer.label)

    def _show(self, phone: Phone, session: Session, delivered: Delivered | None) -> None:
        if delivered is None:
            with phone.lock:
                phone.display = Display("notice", NO_SERVICE, takes_answer=True)
            return
        reply = delivered.reply
        if reply is None:
            self._end(phone, session, wire.FAILED, delivered.fault)
            with phone.lock:
                phone.display = Display("notice", NO_SERVICE)
            return
        with phone.lock:
            session.last_response = reply.said
            session.heard = self.clock.now()
            kind = "end" if reply.ends else "menu"
            shown = paging.pages(reply.text, phone.network)
            phone.display = Display(kind, reply.text, shown, takes_answer=not reply.ends)
        if reply.ends:
            self._end(phone, session, wire.SUCCESS)

    def _end(self, phone: Phone, session: Session, status: str, error: str = "") -> None:
        with phone.lock:
            if not session.open:
                return
            session.open = False
        fields = wire.event(session.call, session.ending(status, self.clock.now(), error))
        masked = wire.mask(session.answers, session.secret)
        shown = [(name, masked if name == "input" else value) for name, value in fields]
        if session.service.events_url:
            url = session.service.events_url
            self.later(lambda: self.tell(phone, "event", url, fields, shown))

    def tell(
        self, phone: Phone, kind: str, url: str, fields: wire.Fields, shown: wire.Fields
    ) -> bool:
        """Post something that is no hop; whether the application took it (HTTP 2xx)."""
        request = wire.encode(shown).decode()
        try:
            answer = self.poster.post(url, wire.encode(fields), {}, self.answer_within_s)
        except NoAnswer as silence:
            self.note(phone, kind, request, "no answer", str(silence), 0)
            return False
        said = answer.body.decode("utf-8", "replace")
        self.note(phone, kind, request, str(answer.status), said, answer.took_ms)
        return 200 <= answer.status < 300

    def note(
        self,
        phone: Phone,
        kind: str,
        request: str,
        status: str,
        answer: str,
        took_ms: int,
        note: str = "",
    ) -> None:
        """Write down one exchange of a phone on the page, secrets masked by the caller."""
        if self.phones.get(phone.msisdn) is not phone:
            return
        with phone.lock:
            phone.exchanges += 1
            phone.traffic.append(
                Traffic(
                    phone.exchanges, self.clock.now(), kind, request, status, answer, took_ms, note
                )
            )
        self.changed(phone)
