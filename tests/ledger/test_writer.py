"""The writer keeps its promises: every check on a town of its own."""

import pytest

from tests.ledger.checks import CHECKS, Check
from tests.ledger.town import Town


@pytest.mark.parametrize("promise", CHECKS, ids=lambda check: check.__name__)
def test_the_writer(promise: Check, town: Town) -> None:
    promise(town)
