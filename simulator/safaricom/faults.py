"""How Safaricom behaves, and the words for it: the same at the page and in dialogues.

`answers 500` to everything, or `answers 500 on b2c twice`: with one call alone, so many times.
"""

import re
from dataclasses import dataclass
from typing import Final

from simulator.safaricom.codes import ERRORS

LATE_S: Final = 60


@dataclass(frozen=True)
class Faults:
    """What goes wrong from here on. `told` is how callbacks come: 'well', 'never', 'late',
    'twice', 'first', 'backwards', 'after a time-out', 'contradicting'; `once`: URLs are registered
    one time only, as in production; `forgets`: the token of the request does not hold any more."""

    http_status: int = 0
    yet_does: bool = False
    throttled: bool = False
    drop: str = ""
    told: str = "well"
    refuses: str = ""
    slow: bool = False
    once: bool = False
    slow_ms: int = 0
    forgets: bool = False


@dataclass(frozen=True)
class Aim:
    """What goes wrong with one call alone, whatever goes wrong with all: `how` in words, and how
    many times more; None: from here on."""

    how: str
    faults: Faults
    times: int | None = None

    def on(self, call: str) -> str:
        """In words, as they are read."""
        times = {None: "", 1: " once", 2: " twice"}.get(self.times, f" {self.times} times")
        return f"{self.how} on {call}{times}"


WORDS: Final = {
    "works": Faults(),
    "is silent": Faults(told="never"),
    "answers late": Faults(told="late"),
    "says everything twice": Faults(told="twice"),
    "tells results before it answers": Faults(told="first"),
    "says out of order": Faults(told="backwards"),
    "says it timed out": Faults(told="after a time-out"),
    "contradicts itself": Faults(told="contradicting"),
    "takes its time": Faults(slow=True),
    "registers URLs once": Faults(once=True),
    "throttles": Faults(throttled=True),
    "loses the answer": Faults(drop="answer"),
    "loses the answer and the result": Faults(drop="answer", told="never"),
    "loses the request": Faults(drop="request"),
}
FORGETS: Final = "forgets its tokens"
_ANSWERS: Final = re.compile(r"answers ([45][0-9]{2})( and yet does it)?", re.ASCII)
_ON: Final = re.compile(
    r"(.+) on ([a-z0-9 ]+?)(?: (?:(once)|(twice)|([1-9][0-9]{0,3}) times))?", re.ASCII
)
_REFUSES: Final = re.compile(r"refuses with ([A-Za-z0-9_.]{1,20})", re.ASCII)


def read(words: str) -> Faults | None:
    """How Safaricom behaves that `works`, `is silent`, `refuses with 2001`, …; None when there
    is no such way."""
    answers, refuses = _ANSWERS.fullmatch(words), _REFUSES.fullmatch(words)
    if answers:
        return Faults(http_status=int(answers[1]), yet_does=bool(answers[2]))
    if refuses and ("." not in refuses[1] or refuses[1] in ERRORS):
        return Faults(refuses=refuses[1])
    return WORDS.get(words)


def aimed(words: str) -> tuple[str, Aim] | None:
    """The call that is meant, and what is to go wrong with it, by `answers 500 on b2c twice`,
    `works on b2c`, …; None when there is no such way."""
    found = _ON.fullmatch(words)
    if found is None:
        return None
    how, call, once, twice, many = found.groups()
    faults = Faults(forgets=True) if how == FORGETS else read(how)
    times = 1 if once else 2 if twice else int(many) if many else None
    return (call, Aim(how, faults, times)) if faults else None
