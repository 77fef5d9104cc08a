"""Whether an account has room for more: what the tier of its owner lets it hold.

Knows no prices. The ledger looks at it in the commit of whatever brings value; here is only how
much it may be, and who must look by themselves.
"""

from ussd_app.domain.catalogue import PAYEE, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import CUSTOMER
from ussd_app.kernel.errors import RefusalCode, Refused


def ceiling(desk: Desk, kind: Type, payee: Party) -> int | None:
    """The most that the payee's account may hold, in minor units; None where no tier says."""
    row = desk.catalogue.accounts[kind.parties[PAYEE]]
    agreement = desk.catalogue.agreements.get(row.owner)
    wallet = row.owner == CUSTOMER and row.asset == "KES"
    bounded = wallet or (agreement is not None and agreement.tiered)
    return desk.catalogue.tiers[payee.tier].balance_minor if bounded else None


def must_be_there(desk: Desk, kind: Type, payee: Party, account_id: int, minor: int) -> None:
    """Raises Refused(payee_balance_limit) when an account would hold too much by so much more."""
    most = ceiling(desk, kind, payee)
    if most is not None and desk.book.balances([account_id])[account_id].total + minor > most:
        raise Refused(RefusalCode.PAYEE_BALANCE_LIMIT)
