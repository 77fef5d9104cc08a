"""How the airtime reseller, the bank switch and Safaricom behave: the same words for their faults
in dialogues and at the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.airtime import REPORTS, AirtimeFaults, Reseller
from simulator.bank import BankFaults, Switch
from simulator.safaricom import faults
from simulator.safaricom.front import CALLS
from simulator.safaricom.prompts import Prompts

WORKS: Final = "works"
RESELLER_WAYS: Final = (
    WORKS,
    "refuses",
    "answers 503",
    "answers 429",
    "drops the answer",
    "drops the answer and the report",
    "drops the request",
    *(f"reports {report}" for report in REPORTS if report != "normal"),
)
BANK_WAYS: Final = {
    WORKS: BankFaults(),
    "is silent": BankFaults(silent=True),
    "rejects": BankFaults(rejects="account closed"),
    "is slow": BankFaults(pending=True),
    "is slow and answers twice": BankFaults(pending=True, twice=True),
    "answers twice": BankFaults(twice=True),
    "returns": BankFaults(returns=True),
    "drops the answer": BankFaults(drop=True),
    "drops the request": BankFaults(drop=True, taken_anyway=False),
}
SAFARICOM_WAYS: Final = (
    *faults.WORDS,
    "answers 500",
    "answers 500 and yet does it",
    "answers 503",
    "refuses with 1",
    "refuses with 17",
    "refuses with 1001",
    "refuses with 2001",
    "refuses with 2040",
    "refuses with 8006",
    "refuses with 500.001.1001",
)
NAMES: Final = {
    "Safaricom": SAFARICOM_WAYS,
    "the airtime gateway": RESELLER_WAYS,
    "the bank": tuple(BANK_WAYS),
}
"""Who is outside, and some of the ways in which each can behave."""


@dataclass
class Outside:
    """All of them, and how each was last told to behave."""

    prompts: Prompts
    reseller: Reseller
    switch: Switch
    ways: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, WORKS))

    def behave(self, who: str, how: str) -> bool:
        """Have one of them behave so from here on; False for nobody, or when there is no such
        way."""
        match who:
            case "Safaricom":
                done = safaricom_is(self.prompts, how)
            case "the airtime gateway":
                done = reseller_is(self.reseller, how)
            case "the bank":
                done = bank_is(self.switch, how)
            case _:
                return False
        if done and how != faults.FORGETS and faults.aimed(how) is None:
            self.ways[who] = how
        return done

    def view(self) -> dict[str, dict[str, str | Sequence[str] | Mapping[str, str]]]:
        """Who there is, the ways there are, and the way it has now; of Safaricom also what can go
        wrong alone, and what does."""
        seen: dict[str, dict[str, str | Sequence[str] | Mapping[str, str]]] = {
            who: {"is": self.ways[who], "ways": ways} for who, ways in NAMES.items()
        }
        seen["Safaricom"] |= {"calls": CALLS, "aims": aims(self.prompts)}
        return seen


def safaricom_is(prompts: Prompts, how: str) -> bool:
    """`works`, `is silent`, `refuses with 2001`, `forgets its tokens`, …, also `on b2c` alone and
    `once`; see faults.py. `works` ends all of it. False when no Safaricom behaves like that."""
    safaricom = prompts.safaricom
    aimed = faults.aimed(how)
    if aimed is not None:
        return _aim(prompts, *aimed)
    if how == faults.FORGETS:
        safaricom.tokens.clear()
        return True
    found = faults.read(how)
    if found is None:
        return False
    safaricom.faults = found
    if how == WORKS:
        safaricom.aims.clear()
    return True


def _aim(prompts: Prompts, call: str, aim: faults.Aim) -> bool:
    safaricom = prompts.safaricom
    if call not in CALLS:
        return False
    with safaricom.lock:
        safaricom.aims.pop(call, None)
        if aim.how != WORKS:
            safaricom.aims[call] = aim
    return True


def aims(prompts: Prompts) -> dict[str, str]:
    """What goes wrong with one call alone, as it is said, by the call."""
    with prompts.safaricom.lock:
        return {call: aim.on(call) for call, aim in prompts.safaricom.aims.items()}


def reseller_is(reseller: Reseller, how: str) -> bool:
    """`works`, `refuses`, `answers 503`, `drops the answer|request`, `reports late`. False when no
    reseller behaves like that."""
    match how.split(" ", 1):
        case ["works"]:
            faults = AirtimeFaults()
        case ["refuses"]:
            faults = AirtimeFaults(refuses=True)
        case ["answers", status] if status.isdigit():
            faults = AirtimeFaults(http_status=int(status))
        case ["drops", "the answer" | "the request" as what]:
            faults = AirtimeFaults(drop=True, taken_anyway=what == "the answer")
        case ["reports", report] if report in REPORTS:
            faults = AirtimeFaults(report=report)
        case ["drops", "the answer and the report"]:
            faults = AirtimeFaults(drop=True, report="never")
        case _:
            return False
    reseller.faults = faults
    return True


def bank_is(switch: Switch, how: str) -> bool:
    """`works`, `is silent`, `rejects`, `is slow`, `returns`, `drops the answer|request`,
    `answers twice`. False when no bank behaves like that."""
    if how not in BANK_WAYS:
        return False
    switch.faults = BANK_WAYS[how]
    return True
