"""What an agreement holds is taken out by its owner alone; who acts for them may look."""

from collections.abc import Mapping

from ussd_app.domain.catalogue import PAYER
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(owner_only)."""
    agreement, caller = sides[PAYER].agreement, sides[PAYER].party
    if agreement is None or agreement.party_id != caller.id:
        raise Refused(RefusalCode.OWNER_ONLY)
