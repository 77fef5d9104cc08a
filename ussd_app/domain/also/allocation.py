"""What a payment to a biller was for, where the biller's books are kept here."""

from collections.abc import Mapping

from ussd_app.domain.also import Also
from ussd_app.domain.billing import allocation, credit, receipts
from ussd_app.domain.catalogue import AMOUNT, CHARGE, PAYEE, Type
from ussd_app.domain.desk import Desk


def more(
    desk: Desk,
    _kind: Type,
    accounts: Mapping[str, int],
    price: Mapping[str, int],
    said: Mapping[str, object],
) -> Also:
    """The invoices that it pays, in the biller's own books."""
    typed, charge = str(said.get("reference", "")), price.get(CHARGE, 0)
    return allocation.of_payment(desk, accounts[PAYEE], typed, price[AMOUNT], charge)


told = receipts.of_undoing
make_room = credit.make_room
tidy = credit.use_of
