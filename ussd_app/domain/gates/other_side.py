"""Nobody stands on both sides of a counter: who acts for an outlet is no customer of it."""

from collections.abc import Mapping

from ussd_app.domain import agreements
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(payee_is_payer)."""
    outlets = [side.agreement for side in sides.values() if side.agreement]
    customers = [side.party for side in sides.values() if side.agreement is None]
    for customer in customers:
        if any(agreements.acts_for(desk.reads, outlet, customer.id) for outlet in outlets):
            raise Refused(RefusalCode.PAYEE_IS_PAYER)
