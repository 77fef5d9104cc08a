"""The world in which dialogues are played: people with phones, a network, a clock, a ledger.

Every verb of the dialogue format is a method here, found by the line that it understands. All goes
through HTTP as in life; `Backstage` does what HTTP cannot.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flask import Flask

from simulator import gateway, given, mailroom, office, outside
from simulator.airtime import Reseller
from simulator.backstage import SERVICE_CODE, SHORTCODE, Backstage
from simulator.bank import Switch
from simulator.dialogue import GIVEN, DialogueInvalid
from simulator.mailroom import Mailroom
from simulator.phones import DELIVERIES, Phone, Service
from simulator.safaricom import doors, words
from simulator.safaricom.front import Front
from simulator.safaricom.model import Safaricom
from simulator.safaricom.prompts import Prompts
from simulator.serving import Served
from simulator.sms import STATUSES, TAKEN, SmsCentre
from simulator.telco import Delivered, NotNow, Telco
from ussd_app.domain import differences
from ussd_app.kernel.money import format_minor
from ussd_app.kernel.msisdn import parse as parse_msisdn
from ussd_app.settings import DEVELOPMENT_BANK_KEY

NOTHING: Final = "(nothing)"
BETWEEN: Final = "--"
"""Stands between two messages, or two different answers, in one block."""

COUNTS: Final = {"": 1, "twice": 2, "three times": 3, "four times": 4}
SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
REFUSALS: Final = {name: code for code, name in STATUSES.items() if code not in TAKEN}

_TIMES = "(?: (twice|three times|four times))?"
_NAME = "([a-z][a-z0-9_]*)"


class AuditFailed(AssertionError):
    """The dialogue went as written and yet the books are wrong."""


@dataclass
class World:
    """One stage for one dialogue."""

    backstage: Backstage
    telco: Telco
    centre: SmsCentre
    reseller: Reseller
    switch: Switch
    prompts: Prompts
    mailroom: Mailroom
    people: dict[str, Phone] = field(default_factory=dict)
    jobs: list[Callable[[], object]] = field(default_factory=list)
    last: Phone | None = None
    read: dict[str, int] = field(default_factory=dict)
    read_mpesa: dict[str, int] = field(default_factory=dict)
    read_mail: dict[str, int] = field(default_factory=dict)
    fault: tuple[str, int] | None = None

    def perform(self, line: str, block: Sequence[str]) -> list[str] | None:
        """Make one line happen and let everything settle. Raises DialogueInvalid."""
        if line == GIVEN:
            self._given(block)
            return None
        for pattern, verb in VERBS:
            match = pattern.fullmatch(line)
            if match is not None:
                try:
                    shown = verb(self, *match.groups())
                except NotNow as refusal:
                    raise DialogueInvalid(f"{line!r}: {refusal}") from None
                self._settle()
                return shown
        raise DialogueInvalid(f"nobody understands {line!r}; the verbs are in docs/dialogues.md")

    def _settle(self) -> None:
        """Workers and network do what is due, turn by turn, until both are quiet."""
        self.backstage.drain()
        while self.jobs:
            jobs, self.jobs[:] = list(self.jobs), []
            for job in jobs:
                job()
            self.backstage.drain()

    def _phone(self, name: str) -> Phone:
        try:
            return self.people[name]
        except KeyError:
            raise DialogueInvalid(f"{name} is not in the Given block") from None

    # people

    def _given(self, block: Sequence[str]) -> None:
        """`asha 0712000001 pin 4826 en wallet 1500`; without a PIN, a stranger.

        Agreements follow, each with its number and what it holds, what it is under and its terms:
        `agency 4102 20000 under 4101 town=Kisumu`, `till 52001 0 bearer=customer`.
        """
        kinds = self.backstage.agreement_kinds
        lines = [line for line in block if line.strip()]
        holdings = [line for line in lines if words.is_holding(line)]
        lines = [line for line in lines if line not in holdings]
        people = [given.person(line, kinds) for line in lines if not given.is_vault(line)]
        for person, network in people:
            phone = self.telco.add(person.name, person.msisdn, network)
            phone.service = self.telco.service
            self.people[person.name] = phone
            customer = self.prompts.safaricom.customer(person.msisdn.removeprefix("+"))
            customer.name = person.name.replace("_", " ")
        self.backstage.seed([person for person, _ in people])
        for line in lines:
            if given.is_vault(line):
                self.backstage.stock(given.coins(line))
        for line in holdings:
            words.holds(self, line)

    def dials(self, name: str, dialled: str) -> list[str]:
        """`asha dials *383#`, also with answers behind the code: `*383*1*0722000002#`."""
        phone = self._turn(name)
        self.telco.dial(phone, dialled)
        return _screen(phone)

    def answers(self, name: str, typed: str | None) -> list[str]:
        """`asha > 500`; nothing behind the mark is an empty answer."""
        phone = self._turn(name)
        self.telco.answer(phone, typed or "")
        return _screen(phone)

    def hangs_up(self, name: str) -> None:
        """`asha hangs up`: the session ends, and Kabambe is told so."""
        self.telco.hang_up(self._phone(name))

    def texts(self, name: str, text: str) -> None:
        """`asha texts BAL`: an SMS to Kabambe's short code."""
        self.centre.text(self._phone(name), text, SHORTCODE)

    def gets(self, name: str) -> list[str]:
        """`asha gets`: the SMS that came since the last such line, `--` between two."""
        inbox = self.centre.inbox(self._phone(name).msisdn)
        new = inbox[self.read.get(name, 0) :]
        self.read[name] = len(inbox)
        lines: list[str] = []
        for message in new:
            lines += [BETWEEN] if lines else []
            lines += message.text.split("\n")
        return lines or [NOTHING]

    def mail_to(self, name: str) -> list[str]:
        """`Mail to asha`: what came to asha@… since the last such line, subject first."""
        letters = self.mailroom.to(name)
        new = letters[self.read_mail.get(name, 0) :]
        self.read_mail[name] = len(letters)
        lines: list[str] = []
        for letter in new:
            lines += [BETWEEN] if lines else []
            lines += [letter.subject, *letter.body.split("\n")]
        return lines or [NOTHING]

    def breaks_in(self, thief: str, name: str, typed: str | None) -> list[str]:
        """`baraka breaks into asha's session with 1`: another phone claims her session id."""
        return _answers([self.telco.hijack(self._phone(thief), self._phone(name), typed or "")])

    # the books

    def ledger(self) -> list[str]:
        """`Ledger`: the entries since the last such line, as sentences."""
        return self.backstage.ledger() or [NOTHING]

    def balances(self) -> list[str]:
        """`Balances`: what everybody has."""
        minor = self.backstage.balances()
        width = max(map(len, self.people), default=0)
        return [
            f"{name:<{width}} {format_minor(minor[phone.msisdn]):>12}"
            for name, phone in self.people.items()
            if phone.msisdn in minor
        ]

    def bills(self) -> list[str]:
        """`Bills`: what became of each invoice and sale, and who has paid ahead."""
        return self.backstage.bills() or [NOTHING]

    # the staff

    def staff(self, who: str, what: str, kind: str, name: str, how: str | None) -> list[str]:
        """`staff joyce approves the agency of baraka`, `… under 41001`, `… because no shop`.

        Approves or refuses an application, suspends or resumes an agreement. Shows what became
        of it.
        """
        return [self.backstage.staff(who, what, kind, self._phone(name).msisdn, how or "")]

    def staff_returns(self, who: str, what: str, receipt: str) -> list[str]:
        """`staff joyce grants the return of KB00001`, `… denies …`. Shows what became of it."""
        return [office.returns(self.backstage.app.bank.desk, who, what, receipt)]

    def staff_raises(self, who: str, what: str, name: str) -> list[str]:
        """`staff joyce raises the limits of asha`, `… leaves …`. Shows what became of it."""
        msisdn = self._phone(name).msisdn
        return [office.raises(self.backstage.app.bank.desk, who, what, msisdn)]

    def staff_blocks(self, who: str, name: str) -> None:
        """`staff joyce blocks the ID of asha`."""
        office.blocks(self.backstage.app.bank.desk, who, self._phone(name).msisdn)

    def staff_closes(self, who: str, what: str, count: str, unit: str) -> None:
        """`staff joyce closes send_money for 2 hours`, `… closes everything for …`."""
        for_s = int(count) * SECONDS[unit]
        office.closes(self.backstage.app.bank.desk, who, what, for_s)

    def feed_is(self, how: str) -> None:
        """`the feed falls silent`: nobody says what coins are worth; `works` ends it."""
        self.backstage.feed.silent = how == "falls silent"

    # time, network, disasters

    def time_passes(self, count: str, unit: str) -> None:
        """`3 minutes pass`, `a minute passes`: for clocks, sessions and networks alike."""
        number = 1 if count in ("a", "an") else int(count)
        self.backstage.advance(number * SECONDS[unit])
        self.telco.tick()
        self.centre.tick()
        self.switch.tick()
        self.prompts.safaricom.tick()

    def network_repeats(self, times: str | None, before: str | None) -> list[str]:
        """`the network repeats`, `… four times at once`, `… the hop before`: the same bytes again.

        Shows the answer to it; when several differ, each of them.
        """
        if self.last is None:
            raise DialogueInvalid("there is no hop to repeat")
        copies = COUNTS[times or ""]
        return _answers(self.telco.repeat(self.last, copies=copies, back=1 if before else 0))

    def network_doubles(self, times: str) -> None:
        """`the network delivers the next hop four times at once`."""
        self.fault = ("copies", COUNTS[times])

    def network_loses(self, what: str) -> None:
        """`the network loses the next hop` (never heard) or `… reply` (heard, not shown)."""
        self.fault = (f"lose_{what}", True)

    def redis_forgets(self) -> None:
        """`Redis forgets`: every session is gone, as after a flush."""
        self.backstage.forget_sessions()

    def gateway_is(self, how: str) -> None:
        """`the gateway …`: how the SMS API behaves from here on; `works` ends all of it."""
        faults = self.centre.faults
        faults.http_status, faults.drop, faults.taken_anyway = 0, False, True
        statuses, deliveries = None, "normal"
        match how.split(" ", 1):
            case ["works"]:
                pass
            case ["says", refusal] if refusal in REFUSALS:
                statuses = REFUSALS[refusal]
            case ["answers", status] if status.isdigit():
                faults.http_status = int(status)
            case ["drops", "the answer" | "the message" as what]:
                faults.drop, faults.taken_anyway = True, what == "the answer"
            case ["reports", delivery] if delivery in DELIVERIES:
                deliveries = delivery
            case _:
                raise DialogueInvalid(f"no gateway behaves like {how!r}")
        for phone in self.people.values():
            phone.faults.sms_status, phone.faults.delivery = statuses, deliveries

    # those outside

    def reseller_is(self, how: str) -> None:
        """`the airtime gateway …`: how the airtime API behaves from here on."""
        if not outside.reseller_is(self.reseller, how):
            raise DialogueInvalid(f"no airtime gateway behaves like {how!r}")

    def mail_is(self, how: str) -> None:
        """`the mail server …`: how it takes letters from here on."""
        if not self.mailroom.behave(how):
            raise DialogueInvalid(f"no mail server behaves like {how!r}")

    def bank_is(self, how: str) -> None:
        """`the bank …`: how the bank switch behaves from here on."""
        if not outside.bank_is(self.switch, how):
            raise DialogueInvalid(f"no bank behaves like {how!r}")

    def bank_sends(self, amount: str, number: str, reference: str, times: str | None) -> None:
        """`the bank sends 500 to 0712000001 as FT001`, `… twice`: money comes for somebody."""
        msisdn = parse_msisdn(number) or number
        for _ in range(COUNTS[times or ""]):
            self.switch.credit(reference, msisdn, amount)

    def staff_places(self, reference: str, name: str | None) -> list[str]:
        """`staff give FT001 to asha`, `staff send FT001 back`: money that was kept aside."""
        to = self._phone(name).msisdn if name else None
        return [self.backstage.place(reference, to)]

    def books_are_compared(self) -> list[str]:
        """`the books are compared`: with Safaricom's, by the clock; shows the report of it."""
        self.backstage.compare()
        self._settle()
        return differences.report(self.backstage.app.bank.desk)

    def staff_decides(self, who: str, what: str, number: str) -> list[str]:
        """`staff joyce approves difference 1`, `… leaves difference 1`."""
        return [office.decides(self.backstage.app.bank.desk, who, what, int(number))]

    def staff_gives_back(self, who: str, reference: str) -> list[str]:
        """`staff joyce gives UKL… back by M-PESA`: money from there that was kept aside."""
        return [office.gives_back(self.backstage.app.bank.desk, who, reference)]

    def staff_knows(self, receipt: str, how: str) -> list[str]:
        """`staff know that KAN00001 was done`, `… was not done`: of an errand in doubt."""
        return [self.backstage.decide(receipt, how == "was done")]

    def _turn(self, name: str) -> Phone:
        """The phone that acts now, with the fault that was announced for the next hop."""
        phone = self.last = self._phone(name)
        if self.fault is not None:
            setattr(phone.faults, *self.fault)
            self.fault = None
        return phone

    def close(self) -> None:
        """Prove the books. Raises AuditFailed."""
        self._settle()
        findings = self.backstage.audit()
        if findings:
            raise AuditFailed("\n".join(findings))


def _screen(phone: Phone) -> list[str]:
    """What the phone shows, with CON and END as on the wire; its own notices without."""
    display = phone.display
    prefix = {"menu": "CON ", "end": "END "}.get(display.kind, "")
    return (prefix + display.screen).split("\n")


def _answers(delivered: Sequence[Delivered]) -> list[str]:
    said = []
    for each in delivered:
        if each.reply is None:
            said.append(f"({each.fault})")
        else:
            said.append(("END " if each.reply.ends else "CON ") + each.reply.text)
    return f"\n{BETWEEN}\n".join(dict.fromkeys(said)).split("\n")


Verb = Callable[..., list[str] | None]

VERBS: Final[Sequence[tuple[re.Pattern[str], Verb]]] = [
    (re.compile(pattern, re.ASCII), verb)
    for pattern, verb in (
        (rf"{_NAME} dials (\*[0-9*]+#)", World.dials),
        (rf"{_NAME} >(?: (.*))?", World.answers),
        (rf"{_NAME} hangs up", World.hangs_up),
        (rf"{_NAME} texts (.+)", World.texts),
        (rf"{_NAME} gets", World.gets),
        (rf"{_NAME} breaks into {_NAME}'s session(?: with (.*))?", World.breaks_in),
        ("Ledger", World.ledger),
        ("Balances", World.balances),
        ("Bills", World.bills),
        (rf"Mail to {_NAME}", World.mail_to),
        ("the mail server (.+)", World.mail_is),
        ("(an?|[0-9]{1,5}) (second|minute|hour|day)s? pass(?:es)?", World.time_passes),
        (rf"the network repeats(?:{_TIMES} at once)?( the hop before)?", World.network_repeats),
        (
            "the network delivers the next hop (twice|three times|four times) at once",
            World.network_doubles,
        ),
        ("the network loses the next (hop|reply)", World.network_loses),
        (
            rf"staff {_NAME} (approves|refuses|suspends|resumes) the ([a-z_]+) of {_NAME}"
            "(?: (?:under|because) (.+))?",
            World.staff,
        ),
        (rf"staff {_NAME} (grants|denies) the return of ([A-Z0-9]+)", World.staff_returns),
        (rf"staff {_NAME} (raises|leaves) the limits of {_NAME}", World.staff_raises),
        (rf"staff {_NAME} blocks the ID of {_NAME}", World.staff_blocks),
        (
            rf"staff {_NAME} closes ([a-z_]+) for ([0-9]{{1,3}}) (minute|hour)s?",
            World.staff_closes,
        ),
        ("Redis forgets", World.redis_forgets),
        ("the feed (falls silent|works)", World.feed_is),
        ("the gateway (.+)", World.gateway_is),
        ("the airtime gateway (.+)", World.reseller_is),
        (
            "the bank sends ([0-9.,]+) to ([+0-9]+) as ([A-Z0-9]+)(?: (twice))?",
            World.bank_sends,
        ),
        ("the bank (.+)", World.bank_is),
        (rf"staff give ([A-Z0-9]+) to {_NAME}", World.staff_places),
        ("staff send ([A-Z0-9]+) back()", World.staff_places),
        ("the books are compared", World.books_are_compared),
        (rf"staff {_NAME} (approves|leaves) difference ([0-9]+)", World.staff_decides),
        (rf"staff {_NAME} gives ([A-Z0-9]+) back by M-PESA", World.staff_gives_back),
        ("staff know that ([A-Z0-9]+) (was done|was not done)", World.staff_knows),
    )
] + list(words.VERBS)


@contextmanager
def world(database_url: str, redis_url: str, products: tuple[Path, ...] = ()) -> Iterator[World]:
    """A stage with a Kabambe and a gateway, both served on loopback. The database must be
    migrated and empty. `products` are further folders of products beside ours."""
    backstage = Backstage(database_url, redis_url, products)
    jobs: list[Callable[[], object]] = []
    nowhere = Service("", "", "", "", "", "", "", "")
    telco = Telco(backstage.clock, nowhere, later=jobs.append)
    centre = SmsCentre(telco)
    reseller = Reseller(centre)
    switch = Switch(backstage.clock, DEVELOPMENT_BANK_KEY, later=jobs.append)
    prompts = Prompts(Safaricom(backstage.clock, later=jobs.append))
    api = Flask("gateway")
    for face in (
        *(gateway.blueprint(centre), gateway.airtime(reseller), gateway.bank(switch)),
        doors.blueprint(Front(prompts)),
    ):
        api.register_blueprint(face)
    with Served(api) as served, mailroom.opened(Mailroom()) as mail:
        try:
            switch.base = backstage.start(served.url, mail.url)
            telco.service = Service.at(switch.base, SERVICE_CODE, SHORTCODE)
            prompts.safaricom.assume(backstage.app.settings, switch.base)
            yield World(backstage, telco, centre, reseller, switch, prompts, mail, jobs=jobs)
        finally:
            backstage.stop()
