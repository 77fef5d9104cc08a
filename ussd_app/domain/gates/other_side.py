"""Nobody stands on both sides of a counter: who acts for an outlet is no customer of it."""

from collections.abc import Mapping

from ussd_app.domain import agreements
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(payee_is_payer)."""
    both = sides[PAYER], sides[PAYEE]
    for outlet, customer in (both, both[::-1]):
        if outlet.agreement and agreements.acts_for(
            desk.reads, outlet.agreement, customer.party.id
        ):
            raise Refused(RefusalCode.PAYEE_IS_PAYER)
