"""Time that passes, networks that lose and repeat, sessions that are forgotten or broken into."""

from collections.abc import Sequence
from typing import Final

from simulator.dialogue import DialogueInvalid, block
from simulator.scene import Scene
from simulator.telco import Delivered
from simulator.verbs import NAME, Table, table

TIMES: Final = {"": 1, "twice": 2, "three times": 3, "four times": 4}
SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def time_passes(scene: Scene, count: str, unit: str) -> None:
    """`3 minutes pass`, `a minute passes`: for clocks, sessions and networks alike."""
    number = 1 if count in ("a", "an") else int(count)
    scene.backstage.advance(number * SECONDS[unit])
    scene.telco.tick()
    scene.centre.agenda.tick()
    scene.outside.switch.agenda.tick()
    scene.safaricom.tick()


def repeats(scene: Scene, times: str | None, before: str | None) -> list[str]:
    """`the network repeats`, `… four times at once`, `… the hop before`: the same bytes again.

    Shows the answer to it; when several differ, each of them.
    """
    if scene.last is None:
        raise DialogueInvalid("there is no hop to repeat")
    copies, back = TIMES[times or ""], 1 if before else 0
    return _answers(scene.telco.repeat(scene.last, copies=copies, back=back))


def doubles(scene: Scene, times: str) -> None:
    """`the network delivers the next hop four times at once`."""
    scene.fault = ("copies", TIMES[times])


def loses(scene: Scene, what: str) -> None:
    """`the network loses the next hop` (never heard) or `… reply` (heard, not shown)."""
    scene.fault = (f"lose_{what}", True)


def breaks_in(scene: Scene, thief: str, name: str, typed: str | None) -> list[str]:
    """`baraka breaks into asha's session with 1`: another phone claims her session id."""
    return _answers([scene.telco.hijack(scene.phone(thief), scene.phone(name), typed or "")])


def redis_forgets(scene: Scene) -> None:
    """`Redis forgets`: every session is gone, as after a flush."""
    scene.backstage.forget_sessions()


def _answers(delivered: Sequence[Delivered]) -> list[str]:
    said = [each.reply.said if each.reply else f"({each.fault})" for each in delivered]
    return block(list(dict.fromkeys(said)))


VERBS: Final[Table] = table(
    ("(an?|[0-9]{1,5}) (second|minute|hour|day)s? pass(?:es)?", time_passes),
    (
        "the network repeats(?: (twice|three times|four times) at once)?( the hop before)?",
        repeats,
    ),
    ("the network delivers the next hop (twice|three times|four times) at once", doubles),
    ("the network loses the next (hop|reply)", loses),
    (rf"{NAME} breaks into {NAME}'s session(?: with (.*))?", breaks_in),
    ("Redis forgets", redis_forgets),
)
