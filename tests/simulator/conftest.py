"""What tests of the simulator ask for by name."""

import pytest

from tests.simulator.daraja_client import Developer


@pytest.fixture
def shop() -> Developer:
    """Somebody else's shop before a Safaricom of its own."""
    return Developer()
