"""The payer must know the payee's store number, a term of its agreement.

An agent's number is painted on the wall; the store number says at which counter of theirs the
customer stands. A wrong one is refused in the words of an unknown number.
"""

from collections.abc import Mapping

from ussd_app.domain.catalogue import PAYEE
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.kernel.errors import RefusalCode, Refused


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(unknown_number)."""
    agreement = sides[PAYEE].agreement
    if agreement is None or str(ask.args.get("store")) != str(agreement.terms.get("store")):
        raise Refused(RefusalCode.UNKNOWN_NUMBER)
