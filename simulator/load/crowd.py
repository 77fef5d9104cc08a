"""Who of a load dials when: so many at once, each on a line of their own, no phone in two sessions.

What is said in a session is the business of `session`.
"""

import asyncio
import random
import time

from simulator.load import day
from simulator.load.day import Town
from simulator.load.line import Line
from simulator.load.plan import Plan
from simulator.load.seen import Result
from simulator.load.session import Session, think


def run(plan: Plan) -> Result:
    """Play the plan and return what was seen. Raises NotHere, ValueError."""
    plan.check()
    return asyncio.run(_Crowd(plan).run())


class _Crowd:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._address = plan.check()
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
        await think(self._plan, self._dice, number / at_once)
        async with Line(*self._address, self._plan.answer_within_s) as line:
            while self._more():
                self._begun += 1
                if self._plan.town is not None:
                    await self._day(line, self._plan.town)
                    continue
                phone = self._idle.pop(0)
                walks = self._dice.random() < self._plan.navigation
                session = self._session(line, phone)
                try:
                    await (session.walk() if walks else session.transfer(self._payee(phone)))
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
            if await self._session(line, visit.msisdn).follow(visit):
                self._result.visits[visit.name] += 1
            self._result.sessions += 1
        finally:
            self._busy.discard(visit.msisdn)

    def _session(self, line: Line, msisdn: str) -> Session:
        return Session(self._plan, line, msisdn, self._dice, self._result)

    def _payee(self, payer: str) -> str:
        while True:
            payee = self._dice.choice(self._plan.people)
            if payee != payer:
                return payee
