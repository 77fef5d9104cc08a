"""One phone of a load in one USSD session: hop by hop, a walk, a transfer, or a visit of a day.

Types a PIN only at a screen that names whom it meant. Knows nothing of the other phones.
"""

import asyncio
import random
import re
import time
from typing import Final

from simulator import wire
from simulator.load.day import Pick, Visit
from simulator.load.declined import is_refusal
from simulator.load.line import Line, LineBroken
from simulator.load.plan import Plan
from simulator.load.seen import Result, Transfer
from simulator.phones import new_session_id
from ussd_app.kernel.msisdn import local

NETWORK: Final = "63902"
_RECEIPT: Final = re.compile(r"(K[A-Z0-9]{6,9})\b", re.ASCII)
_OFFER: Final = re.compile(r"^2 (Main menu|Menyu kuu)$", re.M)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


async def think(plan: Plan, dice: random.Random, share: float | None = None) -> None:
    """Take a person's time to answer; `share` (0 to 1) of the way from the least to the most."""
    least, most = plan.think_s
    if most > 0:
        share = dice.random() if share is None else share
        await asyncio.sleep(least + (most - least) * share)


class Session:
    """Builds transcripts, times hops, counts what fails."""

    def __init__(
        self, plan: Plan, line: Line, msisdn: str, dice: random.Random, result: Result
    ) -> None:
        self._plan = plan
        self._line = line
        self._msisdn = msisdn
        self._dice = dice
        self._result = result
        self._call = wire.Call(new_session_id(), plan.service_code, msisdn, NETWORK)
        self._answers: list[str] = []

    async def walk(self) -> None:
        """Through menus, asking the bank as little as they allow."""
        if await self._main_menu() is None:
            return
        for hop, typed in (("menu", "1"), ("back", "0"), ("menu", "1")):
            if await self._answer(hop, typed) is None:
                return

    async def transfer(self, payee: str) -> None:
        """From dial to receipt."""
        amount = f"{self._plan.amount_minor / 100:.2f}"
        reply = await self._main_menu()
        for hop, typed in (("menu", "1"), ("payee", local(payee)), ("amount", amount)):
            if reply is None or reply.ends:
                break
            reply = await self._answer(hop, typed)
        if reply is None:
            return
        if reply.ends or local(payee) not in reply.text:
            self._note("", reply)
            return
        self._judge(payee, await self._answer("pin", self._plan.pin))

    def _judge(self, payee: str, reply: wire.Reply | None) -> None:
        """Keep a transfer that was told, or may have happened, and count a refusal."""
        match = _RECEIPT.match(reply.text) if reply and reply.ends else None
        if reply is not None and match is None:
            self._note("", reply)
            return
        receipt = match[1] if match else ""
        amount, session_id = self._plan.amount_minor, self._call.session_id
        made = Transfer(receipt, self._msisdn, payee, amount, session_id)
        (self._result.acknowledged if receipt else self._result.unanswered).append(made)

    async def follow(self, visit: Visit) -> bool:
        """Whether a visit went to its end as it was meant."""
        reply = await self._main_menu()
        for answer in visit.answers:
            typed = answer.number(reply.text) if reply and isinstance(answer, Pick) else answer
            if reply is None or reply.ends or not isinstance(typed, str):
                return self._stray(visit, reply)
            reply = await self._answer(visit.name, typed)
        if visit.pin:
            if reply is None or "PIN" not in reply.text or visit.meant not in reply.text:
                return self._stray(visit, reply)
            reply = await self._answer(f"{visit.name}, PIN", visit.pin)
        if reply is not None and visit.ends.match(reply.text):
            return True
        return self._stray(visit, reply)

    def _stray(self, visit: Visit, reply: wire.Reply | None) -> bool:
        """Note a visit that did not go as it was meant."""
        if reply is not None:
            self._note(f"{visit.name}: ", reply)
        return False

    def _note(self, what: str, reply: wire.Reply) -> None:
        """Count a screen that says no, or that nobody expected."""
        seen = self._result.refused if is_refusal(reply.text) else self._result.unexpected
        seen[f"{what}{_first_line(reply)}"] += 1

    async def _main_menu(self) -> wire.Reply | None:
        """Dial; an offer to go on where an earlier session dropped is declined."""
        reply = await self._hop("dial")
        if reply is not None and _OFFER.search(reply.text):
            self._answers.append("2")
            reply = await self._hop("anew")
        return reply

    async def _answer(self, name: str, typed: str) -> wire.Reply | None:
        """Think, and answer the screen."""
        await think(self._plan, self._dice)
        self._answers.append(typed)
        return await self._hop(name)

    async def _hop(self, name: str) -> wire.Reply | None:
        """Deliver one hop, again if the plan says so; None when no usable answer came."""
        body = wire.encode(wire.hop(self._call, "*".join(self._answers)))
        for _ in range(1 + self._plan.retries):
            started = time.perf_counter()
            try:
                status, content = await self._line.post(body)
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


def _first_line(reply: wire.Reply) -> str:
    """What a screen says first, without the numbers that make each its own."""
    return _DIGITS.sub("0", reply.text.split("\n")[0])[:60]
