"""A Kabambe and a simulator before it, both served in this process, with the cast on its phones."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from simulator.backstage import SERVICE_CODE, SHORTCODE, Backstage
from simulator.given import Person
from simulator.inside import Inside
from simulator.phones import Service
from simulator.server import Plan, Simulator
from simulator.serving import Served

NOWHERE = "http://127.0.0.1:9"
CAST = (
    Person("asha", "+254712000001", "4826", "en", 1_500_00),
    Person("baraka", "+254722000002", "1111", "sw", 20_00),
)


@dataclass(frozen=True)
class FullStage:
    """`url` is the page's address; `backstage` moves what HTTP cannot."""

    backstage: Backstage
    simulator: Simulator
    url: str


@contextmanager
def full_stage(database_url: str, redis_url: str) -> Iterator[FullStage]:
    service = Service.at(NOWHERE, SERVICE_CODE, SHORTCODE)
    simulator = Simulator(Plan(NOWHERE, service, "127.0.0.1", 0, None))
    backstage = Backstage(database_url, redis_url)
    with Served(simulator.flask) as page:
        try:
            base = backstage.start(page.url)
            backstage.seed(CAST)
            simulator.desk.insight.inside = Inside(base)
            simulator.desk.set_service(asdict(Service.at(base, SERVICE_CODE, SHORTCODE)))
            simulator.safaricom.assume(backstage.app.settings, base)
            simulator.desk.insight.begin()
            yield FullStage(backstage, simulator, page.url)
        finally:
            simulator.stop()
            backstage.stop()
