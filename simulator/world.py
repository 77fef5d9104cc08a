"""The stage of a dialogue: a Kabambe and all that is around it, and whoever understands its lines.

All goes through HTTP as in life; `Backstage` does what HTTP cannot. What a line does is the
business of `verbs`, how it is compared that of `dialogue`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask

from simulator import gateway, given, mailroom
from simulator.airtime import Reseller
from simulator.backstage import SERVICE_CODE, SHORTCODE, Backstage
from simulator.bank import Switch
from simulator.dialogue import GIVEN, DialogueInvalid
from simulator.mailroom import Mailroom
from simulator.outside import Outside
from simulator.phones import Service
from simulator.safaricom import doors
from simulator.safaricom.front import Front
from simulator.safaricom.model import Safaricom
from simulator.safaricom.prompts import Prompts
from simulator.scene import Scene
from simulator.serving import Served
from simulator.sms import SmsCentre
from simulator.telco import NotNow, Telco
from simulator.verbs import Table, network, outside, phones, safaricom, staff, understood
from ussd_app.settings import DEVELOPMENT_BANK_KEY

VERBS: Final[Table] = (
    *phones.VERBS,
    *network.VERBS,
    *staff.VERBS,
    *safaricom.VERBS,
    *outside.VERBS,
)
"""The first that understands a line has it, so whatever takes any words comes last."""


class AuditFailed(AssertionError):
    """The dialogue went as written and yet the books are wrong."""


@dataclass
class World:
    """One stage for one dialogue."""

    scene: Scene

    def perform(self, line: str, block: Sequence[str]) -> list[str] | None:
        """Make one line happen and let everything settle. Raises DialogueInvalid."""
        if line == GIVEN:
            self._given(block)
            return None
        found = understood(line, VERBS)
        if found is None:
            raise DialogueInvalid(
                f"nobody understands {line!r}; the verbs are in docs/dialogues.md"
            )
        verb, words = found
        try:
            shown = verb(self.scene, *words)
        except NotNow as refusal:
            raise DialogueInvalid(f"{line!r}: {refusal}") from None
        self.scene.settle()
        return shown

    def _given(self, block: Sequence[str]) -> None:
        """People with their phones, wallets and agreements; then what the house and M-PESA hold."""
        scene, backstage = self.scene, self.scene.backstage
        lines = [line for line in block if line.strip()]
        holdings = [line for line in lines if given.is_holding(line)]
        vaults = [line for line in lines if given.is_vault(line)]
        people = [
            given.person(line, backstage.agreement_kinds)
            for line in lines
            if line not in holdings and line not in vaults
        ]
        for person, network_of in people:
            scene.people[person.name] = scene.telco.add(person.name, person.msisdn, network_of)
            scene.safaricom.customer(scene.number(person.name)).name = person.name.replace("_", " ")
        backstage.seed([person for person, _ in people])
        for line in vaults:
            backstage.stock(given.coins(line))
        for line in holdings:
            safaricom.holds(scene, line)

    def close(self) -> None:
        """Prove the books. Raises AuditFailed."""
        self.scene.settle()
        findings = self.scene.backstage.audit()
        if findings:
            raise AuditFailed("\n".join(findings))


@contextmanager
def world(database_url: str, redis_url: str, products: tuple[Path, ...] = ()) -> Iterator[World]:
    """A stage with a Kabambe and a gateway, both served on loopback. The database must be
    migrated and empty. `products` are further folders of products beside ours."""
    backstage = Backstage(database_url, redis_url, products)
    jobs: list[Callable[[], object]] = []
    nowhere = Service("", "", "", "", "", "", "", "")
    telco = Telco(backstage.clock, nowhere, later=jobs.append)
    centre = SmsCentre(telco)
    switch = Switch(backstage.clock, DEVELOPMENT_BANK_KEY, later=jobs.append)
    prompts = Prompts(Safaricom(backstage.clock, later=jobs.append))
    others = Outside(prompts, Reseller(centre), switch)
    api = Flask("gateway")
    for face in (
        *(gateway.blueprint(centre), gateway.airtime(others.reseller), gateway.bank(switch)),
        doors.blueprint(Front(prompts)),
    ):
        api.register_blueprint(face)
    with Served(api) as served, mailroom.opened(Mailroom()) as mail:
        try:
            switch.base = backstage.start(served.url, mail.url)
            telco.service = Service.at(switch.base, SERVICE_CODE, SHORTCODE)
            prompts.safaricom.assume(backstage.app.settings, switch.base)
            yield World(Scene(backstage, telco, centre, others, mail, jobs))
        finally:
            backstage.stop()
