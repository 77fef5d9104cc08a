"""The payee stands at the counter: the payer has just seen their ID (`sightings`)."""

from collections.abc import Mapping

from ussd_app.domain import sightings
from ussd_app.domain.catalogue import PAYEE, PAYER
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(proof_expired)."""
    by, of = sides[PAYER].party, sides[PAYEE].party
    if not sightings.holds(desk, str(ask.args.get("seen", "")), by, of):
        raise Refused(RefusalCode.PROOF_EXPIRED)
