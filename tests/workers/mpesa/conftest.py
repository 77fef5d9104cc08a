"""A Kabambe with a pay bill at Safaricom, and who pays into it and out of it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from tests.people import CAST
from tests.workers.conftest import Boxes
from tests.workers.mpesa.payouts import Payouts
from tests.workers.mpesa.phones import Phones
from tests.workers.mpesa.till import JUMA, Till
from ussd_app.bootstrap import App
from ussd_app.domain.seeds import plant
from ussd_app.kernel.clock import FrozenClock
from ussd_app.ledger import audit
from ussd_app.settings import Settings
from workers.relay import drain


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, daraja_url="http://127.0.0.1:1/safaricom")


@pytest.fixture
def till(app: App, boxes: Boxes, engine: Engine) -> Iterator[Till]:
    plant(app.bank.desk, [*CAST, JUMA])
    drain(app)
    made = Till(app, boxes)
    yield made
    _must_be_in_order(made, engine)


@pytest.fixture
def phones(app: App, boxes: Boxes, engine: Engine, clock: FrozenClock) -> Iterator[Phones]:
    plant(app.bank.desk, [*CAST, JUMA])
    boxes.change("DELETE FROM outbox")
    made = Phones(app, boxes, clock)
    yield made
    _must_be_in_order(made, engine)


def _must_be_in_order(till: Till, engine: Engine) -> None:
    """The laws of the books hold, and all that came in lies at Safaricom."""
    assert not audit.run(engine)
    assert till.held("mpesa/house") == sum(till.receipts().values())


@pytest.fixture
def mpesa(app: App, engine: Engine, clock: FrozenClock) -> Iterator[Payouts]:
    plant(app.bank.desk)
    yield Payouts(app, clock=clock)
    assert not audit.run(engine)


@pytest.fixture
def sent(mpesa: Payouts) -> str:
    """500 shillings on their way, accepted by Safaricom: the errand's reference."""
    receipt = mpesa.send()
    mpesa.drain()
    return receipt
