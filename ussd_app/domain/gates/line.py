"""Float goes along the line only: from a super agent to an outlet under it, or back up."""

from collections.abc import Mapping

from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(not_in_line)."""
    giver, taker = sides[PAYER].agreement, sides[PAYEE].agreement
    if giver is None or taker is None or giver.id == taker.id:
        raise Refused(RefusalCode.NOT_IN_LINE)
    if taker.parent_id != giver.id and giver.parent_id != taker.id:
        raise Refused(RefusalCode.NOT_IN_LINE)
