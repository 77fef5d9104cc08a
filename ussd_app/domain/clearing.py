"""What we owed to those outside and has left trust: the reseller paid, the switch settled.

The real money moves at the bank that holds the trust; here staff enter that it did.
"""

from ussd_app.domain.arrivals import enter
from ussd_app.domain.desk import Desk
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.two_of_staff import SIGNED, together

TYPES = {"reseller": "pay_reseller", "switch": "settle_switch"}
"""Whom we can owe, and the type by which it is entered that they were paid."""
ACCOUNTS = {"reseller": "airtime/house", "switch": "clearing/house"}


def paid(desk: Desk, whom: str, amount_minor: int, reference: str, by: str) -> str | None:
    """One of the staff has seen a payment out of trust; it is entered when another says the same,
    once a reference of the bank's.

    Returns the receipt number; None while another must say so. Raises Undecided,
    Refused(insufficient_funds) for more than is owed, and Refused(key_conflict) when the reference
    was entered with another amount.
    """
    digest = fingerprint("paid", whom, amount_minor, reference)
    key = f"paid:{whom}:{reference}"

    def pay(names: str) -> str:
        said = {"reference": reference, SIGNED: names}
        return enter(desk, TYPES[whom], amount_minor, key, digest, said=said)

    return together(desk, key, str(amount_minor), by, pay)


def owed(desk: Desk) -> dict[str, int]:
    """What each is owed, in minor units."""
    ids = {whom: desk.house[account] for whom, account in ACCOUNTS.items()}
    balances = desk.book.balances(list(ids.values()))
    return {whom: balances[account].total for whom, account in ids.items()}
