"""Many phones at once against one server on this machine, and a faithful record of what it said.

Two kinds of session: a transfer from dial to receipt, and a walk through menus that asks the bank
as little as the menus allow; or, with a town, the visits of a mixed day (`simulator.day`). Every
acknowledged transfer is kept, so that a test of faults can hold them against the ledger. Other
people's machines are refused.
"""

import asyncio
import ipaddress
import random
import re
import threading
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from simulator import day, wire
from simulator.day import Outlet, Pick, Town, Visit
from simulator.lines import Line, LineBroken
from simulator.phones import new_session_id
from ussd_app.kernel.msisdn import local

FIRST_PERSON: Final = 1_000_000
PIN: Final = "4826"
FIRST_OUTLET: Final = 60_001
FIRST_BUSINESS: Final = 600_001
MOST_PEOPLE: Final = 900_000
MOST_AT_ONCE: Final = 5_000
_RECEIPT: Final = re.compile(r"(K[A-Z0-9]{6,9})\b", re.ASCII)
_OFFER: Final = re.compile(r"^2 (Main menu|Menyu kuu)$", re.M)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class NotHere(ValueError):
    """Load is for this machine only."""


def person(number: int) -> str:
    """The msisdn of the n-th generated person, from 0: +254711000000 and on."""
    if not 0 <= number < MOST_PEOPLE:
        raise ValueError(f"there are {MOST_PEOPLE} people at most")
    return f"+25471{FIRST_PERSON + number:07d}"


def town(first: int, outlets: int = 20, tills: int = 20) -> tuple[Town, list[str]]:
    """A town whose people are the generated ones from `first` on, and who owns its businesses.

    Returns the town and the owners of its tills and, last, of its biller.
    """
    agents = [Outlet(person(first + n), str(FIRST_OUTLET + n), "1") for n in range(outlets)]
    numbers = [str(FIRST_BUSINESS + n) for n in range(tills)]
    owners = [person(first + outlets + n) for n in range(tills + 1)]
    return Town(agents, numbers, str(FIRST_BUSINESS + tills), "ACC1"), owners


@dataclass(frozen=True)
class Plan:
    """What to do: until `sessions` were begun or `seconds` have passed, `concurrency` at once.

    With a `town` they make the visits of a mixed day; `navigation` and `amount_minor` say nothing.
    `people` are msisdns that the server knows, each with `pin` and with money. `navigation` is the
    share of sessions that only walk the menus. `think_s` is how long a person takes to answer, from
    and to. A hop without an answer is delivered again up to `retries` times, `retry_pause_s` apart,
    as networks do. `stop` ends the load from another thread.
    """

    url: str
    people: Sequence[str]
    sessions: int = 1_000
    seconds: float = 10.0
    concurrency: int = 50
    navigation: float = 0.5
    amount_minor: int = 10_00
    pin: str = PIN
    service_code: str = "*383#"
    think_s: tuple[float, float] = (0.0, 0.0)
    answer_within_s: float = wire.ANSWER_WITHIN_S
    retries: int = 0
    retry_pause_s: float = 0.5
    seed: int = 1
    town: Town | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> tuple[str, int, str]:
        """Host, port and path of the callback. Raises NotHere, ValueError."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme != "http" or not _is_loopback(host):
            raise NotHere(f"load is for this machine only, not for {host or self.url!r}")
        if len(self.people) < 2:
            raise ValueError("a transfer takes two people")
        if not 1 <= self.concurrency <= MOST_AT_ONCE:
            raise ValueError(f"from 1 to {MOST_AT_ONCE} sessions at once")
        return host, parts.port or 80, parts.path or "/"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Transfer:
    """A transfer of which the phone was shown the receipt, or (receipt '') was never told."""

    receipt: str
    payer: str
    payee: str
    amount_minor: int
    session_id: str


@dataclass
class Result:
    """What was seen. `acknowledged` were shown a receipt; `unanswered` may have happened or not;
    `refused` are the last screens of those that were declined, counted."""

    seconds: float = 0.0
    sessions: int = 0
    hops: int = 0
    acknowledged: list[Transfer] = field(default_factory=list)
    visits: Counter[str] = field(default_factory=Counter)
    unanswered: list[Transfer] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    times_ms: dict[str, "array[float]"] = field(
        default_factory=lambda: defaultdict(lambda: array("f"))
    )

    def percentile(self, share: float, hop: str | None = None) -> float:
        """The time in ms within which this share (0 to 1) of hops was answered; 0 for none."""
        parts = [self.times_ms[hop]] if hop else list(self.times_ms.values())
        ordered = sorted(value for part in parts for value in part)
        if not ordered:
            return 0.0
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def summary(self) -> dict[str, Any]:
        """Rates per second and times in ms, as plain data for JSON."""
        span = max(self.seconds, 1e-9)
        return {
            "seconds": round(self.seconds, 3),
            "sessions": self.sessions,
            "hops": self.hops,
            "hops_per_s": round(self.hops / span, 1),
            "transfers": len(self.acknowledged),
            "transfers_per_s": round(len(self.acknowledged) / span, 1),
            "visits": dict(self.visits),
            "unanswered": len(self.unanswered),
            "p50_ms": round(self.percentile(0.5), 2),
            "p99_ms": round(self.percentile(0.99), 2),
            "by_hop": {
                hop: {
                    "count": len(times),
                    "p50_ms": round(self.percentile(0.5, hop), 2),
                    "p99_ms": round(self.percentile(0.99, hop), 2),
                    "max_ms": round(max(times), 2),
                }
                for hop, times in sorted(self.times_ms.items())
            },
            "errors": dict(self.errors),
            "refused": dict(self.refused.most_common(10)),
        }


def run(plan: Plan) -> Result:
    """Play the plan and return what was seen. Raises NotHere, ValueError."""
    plan.check()
    return asyncio.run(_Load(plan).run())


class _Load:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._host, self._port, self._path = plan.check()
        self._dice = random.Random(plan.seed)
        self._idle = list(plan.people)
        self._dice.shuffle(self._idle)
        self._result = Result()
        self._busy: set[str] = set()
        self._begun = 0
        self._deadline = 0.0

    async def run(self) -> Result:
        started = time.monotonic()
        self._deadline = started + self._plan.seconds
        at_once = min(self._plan.concurrency, len(self._plan.people) - 1)
        async with asyncio.TaskGroup() as tasks:
            for number in range(at_once):
                tasks.create_task(self._person(number, at_once))
        self._result.seconds = time.monotonic() - started
        return self._result

    def _more(self) -> bool:
        done = self._begun >= self._plan.sessions or time.monotonic() >= self._deadline
        return not done and not self._plan.stop.is_set()

    async def _person(self, number: int, at_once: int) -> None:
        """One session after another, on one connection, each with a phone that nobody uses."""
        await self._think(number / at_once)
        async with Line(self._host, self._port, self._plan.answer_within_s) as line:
            while self._more():
                self._begun += 1
                if self._plan.town is not None:
                    await self._day(line, self._plan.town)
                    continue
                phone = self._idle.pop(0)
                walks = self._dice.random() < self._plan.navigation
                session = _Session(self._plan, self._path, line, phone, self._result)
                try:
                    await (self._walk(session) if walks else self._transfer(session))
                    self._result.sessions += 1
                finally:
                    self._idle.append(phone)

    async def _day(self, line: Line, town: Town) -> None:
        """One visit of a mixed day, by a phone that nobody else uses now."""
        plan = self._plan
        visit = day.visit(self._dice, plan.people, town, plan.pin)
        while visit.msisdn in self._busy:
            visit = day.visit(self._dice, plan.people, town, plan.pin)
        self._busy.add(visit.msisdn)
        try:
            session = _Session(plan, self._path, line, visit.msisdn, self._result)
            if await self._follow(session, visit):
                self._result.visits[visit.name] += 1
            self._result.sessions += 1
        finally:
            self._busy.discard(visit.msisdn)

    async def _follow(self, session: "_Session", visit: Visit) -> bool:
        """Whether a visit went to its end as it was meant."""
        reply = await self._main_menu(session)
        for answer in visit.answers:
            typed = answer.number(reply.text) if reply and isinstance(answer, Pick) else answer
            if reply is None or reply.ends or not isinstance(typed, str):
                return self._stray(visit, reply)
            await self._think()
            reply = await session.hop(visit.name, typed)
        if not visit.pin:
            return reply is not None
        if reply is None or "PIN" not in reply.text or visit.meant not in reply.text:
            return self._stray(visit, reply)
        await self._think()
        reply = await session.hop(f"{visit.name}, PIN", visit.pin)
        return bool(reply and reply.ends) or self._stray(visit, reply)

    def _stray(self, visit: Visit, reply: wire.Reply | None) -> bool:
        """Note a visit that did not go as it was meant."""
        if reply is not None:
            self._result.refused[f"{visit.name}: {_first_line(reply)}"] += 1
        return False

    async def _think(self, share: float | None = None) -> None:
        least, most = self._plan.think_s
        if most > 0:
            share = self._dice.random() if share is None else share
            await asyncio.sleep(least + (most - least) * share)

    async def _walk(self, session: "_Session") -> None:
        if await self._main_menu(session) is None:
            return
        for hop, typed in (("menu", "1"), ("back", "0"), ("menu", "1")):
            await self._think()
            if await session.hop(hop, typed) is None:
                return

    async def _transfer(self, session: "_Session") -> None:
        payee = self._payee(session.msisdn)
        amount = f"{self._plan.amount_minor / 100:.2f}"
        reply = await self._main_menu(session)
        for hop, typed in (("menu", "1"), ("payee", local(payee)), ("amount", amount)):
            if reply is None or reply.ends:
                break
            await self._think()
            reply = await session.hop(hop, typed)
        if reply is None:
            return
        if reply.ends or local(payee) not in reply.text:
            self._result.refused[_first_line(reply)] += 1
            return
        await self._think()
        self._judge(session, payee, await session.hop("pin", self._plan.pin))

    async def _main_menu(self, session: "_Session") -> wire.Reply | None:
        """Dial; an offer to go on where an earlier session dropped is declined."""
        reply = await session.hop("dial", None)
        if reply is not None and _OFFER.search(reply.text):
            reply = await session.hop("anew", "2")
        return reply

    def _judge(self, session: "_Session", payee: str, reply: wire.Reply | None) -> None:
        amount = self._plan.amount_minor
        if reply is None:
            lost = Transfer("", session.msisdn, payee, amount, session.id)
            self._result.unanswered.append(lost)
            return
        match = _RECEIPT.match(reply.text)
        if reply.ends and match:
            told = Transfer(match.group(1), session.msisdn, payee, amount, session.id)
            self._result.acknowledged.append(told)
        else:
            self._result.refused[_first_line(reply)] += 1

    def _payee(self, payer: str) -> str:
        while True:
            payee = self._dice.choice(self._plan.people)
            if payee != payer:
                return payee


def _first_line(reply: wire.Reply) -> str:
    """What a refusal says first, without the numbers that make each its own."""
    return _DIGITS.sub("0", reply.text.split("\n")[0])[:60]


class _Session:
    """One USSD session of the load: builds transcripts, times hops, counts what fails."""

    def __init__(self, plan: Plan, path: str, line: Line, msisdn: str, result: Result) -> None:
        self.id = new_session_id()
        self.msisdn = msisdn
        self._plan = plan
        self._path = path
        self._line = line
        self._result = result
        self._call = wire.Call(self.id, plan.service_code, msisdn, "63902")
        self._answers: list[str] = []

    async def hop(self, name: str, typed: str | None) -> wire.Reply | None:
        """Deliver one hop, again if the plan says so; None when no usable answer came."""
        if typed is not None:
            self._answers.append(typed)
        body = wire.encode(wire.hop(self._call, "*".join(self._answers)))
        for _ in self._tries():
            started = time.perf_counter()
            try:
                status, content = await self._line.post(self._path, body)
                reply = wire.read_reply(status, content)
            except (LineBroken, wire.BadReply) as failure:
                self._result.errors[f"{name}: {failure}"[:80]] += 1
                if self._plan.retries:
                    await asyncio.sleep(self._plan.retry_pause_s)
                continue
            self._result.times_ms[name].append((time.perf_counter() - started) * 1000)
            self._result.hops += 1
            return reply
        return None

    def _tries(self) -> Iterator[int]:
        return iter(range(1 + self._plan.retries))
