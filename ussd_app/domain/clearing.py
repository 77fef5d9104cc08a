"""What we owed to those outside and has left trust: the reseller paid, the switch settled.

The real money moves at the bank that holds the trust; here staff enter that it did.
"""

from ussd_app.domain.arrivals import enter
from ussd_app.domain.desk import Desk
from ussd_app.domain.keys import fingerprint

TYPES = {"reseller": "pay_reseller", "switch": "settle_switch"}
"""Whom we can owe, and the type by which it is entered that they were paid."""
ACCOUNTS = {"reseller": "airtime/house", "switch": "clearing/house"}


def paid(desk: Desk, whom: str, amount_minor: int, reference: str, staff: str) -> str:
    """Enter a payment out of trust, once a reference of the bank's. Returns the receipt number.

    Raises Refused(insufficient_funds) for more than is owed, Refused(key_conflict) when the
    reference was entered with another amount.
    """
    digest = fingerprint("paid", whom, amount_minor, reference)
    said = {"reference": reference, "staff": staff}
    return enter(desk, TYPES[whom], amount_minor, f"paid:{whom}:{reference}", digest, said=said)


def owed(desk: Desk) -> dict[str, int]:
    """What each is owed, in minor units."""
    ids = {whom: desk.house[account] for whom, account in ACCOUNTS.items()}
    balances = desk.book.balances(list(ids.values()))
    return {whom: balances[account].total for whom, account in ids.items()}
