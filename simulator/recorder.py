"""Turning what was played at the page into a dialogue file.

Receipt numbers become those that a dialogue's frozen ids will give; times stay as they were, for
`make rewrite` to set right.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.dialogue import block
from simulator.given import Person, written
from simulator.inside import Customer, Entry
from simulator.phones import Phone
from ussd_app.domain.seeds import DEVELOPMENT

KNOWN_PINS: Final = {seed.msisdn: seed.pin for seed in DEVELOPMENT}
"""The cast of a development server."""
MPESA: Final = "MPESA"
"""Whose messages are no part of a dialogue: they are shown as answers to what was paid."""
UNKNOWN_PIN: Final = "4826"
MOST_STEPS: Final = 2_000
HEADING: Final = (
    "# Recorded at the simulator. Say here what it shows, let `make rewrite` set the times,",
    "# and read the difference.",
)


@dataclass
class _Line:
    line: str
    block: list[str] = field(default_factory=list)


class Recorder:
    """One recording at a time, from `start` to `stop`; `text` at any moment."""

    def __init__(self) -> None:
        self.on = False
        self._lock = threading.Lock()
        self._customers: list[Customer] = []
        self._holdings: list[str] = []
        self._lines: list[_Line] = []
        self._pins = dict(KNOWN_PINS)
        self._heard: dict[str, str] = {}
        self._seen: set[str] = set()
        self._entries: list[Entry] = []

    def start(
        self,
        customers: Sequence[Customer],
        phones: Iterable[Phone],
        holdings: Sequence[str] = (),
    ) -> None:
        """Begin anew, with the customers and their balances as they are now; `holdings` are the
        lines of `Given` about M-PESA accounts."""
        with self._lock:
            self.on = True
            self._customers = list(customers)
            self._holdings = list(holdings)
            self._lines = []
            self._entries = []
            self._seen = {message.id for phone in phones for message in list(phone.inbox)}
            self._heard = {}

    def stop(self) -> None:
        """Stop; the text stays."""
        self.on = False

    def did(self, phone: Phone, line: str, screen: Sequence[str] = ()) -> None:
        """Somebody did something at the page, and this is what their phone showed then."""
        with self._lock:
            self._write(_Line(line, list(screen)), phone)

    def network(self, line: str) -> None:
        """The network or a server was made to do something."""
        with self._lock:
            self._write(_Line(line))

    def _write(self, line: _Line, phone: Phone | None = None) -> None:
        if self.on and len(self._lines) < MOST_STEPS:
            self._lines.append(line)
            if phone is not None:
                self._heard[phone.msisdn] = phone.name

    def typed_pin(self, phone: Phone, typed: str) -> None:
        """A secret of four digits was typed: it is this customer's PIN, or nearly so."""
        if len(typed) == 4 and typed.isascii() and typed.isdigit():
            self._pins.setdefault(phone.msisdn, typed)

    def messages(self, phones: Iterable[Phone]) -> None:
        """Write down the SMS that came since; to be called before the next thing happens."""
        with self._lock:
            if not self.on or len(self._lines) >= MOST_STEPS:
                return
            for phone in phones:
                new = [
                    message
                    for message in list(phone.inbox)
                    if message.id not in self._seen
                    and not message.outgoing
                    and message.sender != MPESA
                ]
                if new:
                    self._seen |= {message.id for message in new}
                    told = block([message.text for message in new])
                    self._write(_Line(f"{phone.name} gets", told), phone)

    def entries(self, entries: Iterable[Entry]) -> None:
        """Entries that the hops caused."""
        with self._lock:
            if self.on and len(self._lines) < MOST_STEPS:
                self._entries += entries

    def text(self, phones: Iterable[Phone]) -> str:
        """The dialogue so far."""
        self.messages(phones)
        with self._lock:
            steps = [*self._lines]
            if self._entries:
                written_down = [line for entry in self._entries for line in entry.lines]
                steps.append(_Line("Ledger", written_down))
            lines = [*HEADING, "Given", *(f"    {line}" for line in self._given(phones)), ""]
            for step in steps:
                lines += [step.line, *(f"    {line}".rstrip() for line in step.block)]
            text = "\n".join(lines) + "\n"
            for number, entry in enumerate(self._entries, 1):
                text = text.replace(entry.receipt, f"KB{number:05d}")
            return text

    def _given(self, phones: Iterable[Phone]) -> list[str]:
        known = {customer.msisdn: customer for customer in self._customers}
        rows = []
        for phone in phones:
            if phone.msisdn not in self._heard and phone.msisdn not in known:
                continue
            person = Person(phone.name, phone.msisdn)
            if phone.msisdn in known:
                customer = known[phone.msisdn]
                person = replace(
                    person,
                    pin=self._pins.get(phone.msisdn, UNKNOWN_PIN),
                    language=customer.language,
                    balance_minor=customer.balance_minor,
                    frozen=customer.frozen,
                    agreements=customer.agreements,
                )
            rows.append(written(person))
        return rows + self._held({row.split()[0] for row in rows})

    def _held(self, names: set[str]) -> list[str]:
        """What M-PESA held for those who are there, where it had a part in what was played."""
        if not any("M-PESA" in step.line or "prompt" in step.line for step in self._lines):
            return []
        there = [(line, line.split()[2]) for line in self._holdings]
        return [line for line, who in there if who in names or who.isdigit()]
