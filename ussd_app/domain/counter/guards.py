"""Guards at the counter: whoever is on the list of the blocked is frozen at the next round."""

from collections.abc import Mapping

from ussd_app.domain.commands import Round
from ussd_app.domain.guards import freeze_blocked

ROUNDS: Mapping[str, Round] = {"freeze_blocked": Round(freeze_blocked)}
