"""What a dialogue happens on: people with phones, networks, those outside, a Kabambe, its clock.

Remembers what each of them has read, and what is to go wrong next. Knows no line of any dialogue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simulator.backstage import Backstage
from simulator.dialogue import DialogueInvalid, block
from simulator.mailroom import Mailroom
from simulator.outside import Outside
from simulator.phones import Phone
from simulator.safaricom.model import Safaricom
from simulator.sms import SmsCentre
from simulator.telco import Telco


@dataclass
class Scene:
    """All of it for one dialogue. `jobs` is what networks are still to do in their own time."""

    backstage: Backstage
    telco: Telco
    centre: SmsCentre
    outside: Outside
    mailroom: Mailroom
    jobs: list[Callable[[], object]]
    people: dict[str, Phone] = field(default_factory=dict)
    last: Phone | None = None
    """Whose phone was used last."""
    fault: tuple[str, int] | None = None
    """Which fault the next hop meets, whoever makes it."""
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many each has read, by where and by name."""

    @property
    def safaricom(self) -> Safaricom:
        """The one outside."""
        return self.outside.prompts.safaricom

    def phone(self, name: str) -> Phone:
        """Somebody's phone. Raises DialogueInvalid."""
        try:
            return self.people[name]
        except KeyError:
            raise DialogueInvalid(f"{name} is not in the Given block") from None

    def number(self, name: str) -> str:
        """Somebody's number as Safaricom writes it: 254712000001. Raises DialogueInvalid."""
        return self.phone(name).msisdn.removeprefix("+")

    def turn(self, name: str) -> Phone:
        """The phone that acts now, with the fault that was announced for the next hop."""
        phone = self.last = self.phone(name)
        if self.fault is not None:
            setattr(phone.faults, *self.fault)
            self.fault = None
        return phone

    def unread(self, where: str, name: str, texts: Sequence[str]) -> list[str]:
        """The block with what somebody has not read yet of all that came there; now it is read."""
        new = texts[self.read.get((where, name), 0) :]
        self.read[where, name] = len(texts)
        return block(new)

    def settle(self) -> None:
        """Workers and networks do what is due, turn by turn, until both are quiet."""
        self.backstage.drain()
        while self.jobs:
            jobs, self.jobs[:] = list(self.jobs), []
            for job in jobs:
                job()
            self.backstage.drain()
