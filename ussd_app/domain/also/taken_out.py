"""A biller's takings that leave for the owner's wallet or bank, where the books are kept here."""

from collections.abc import Mapping

from ussd_app.domain.also import NOTHING, Also
from ussd_app.domain.billing import books
from ussd_app.domain.catalogue import PAYER, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.pricing import outgo
from ussd_app.ledger.drafts import Leg


def more(
    desk: Desk,
    kind: Type,
    accounts: Mapping[str, int],
    price: Mapping[str, int],
    _said: Mapping[str, object],
) -> Also:
    """Cash that lies here becomes cash elsewhere."""
    found = books.at(desk.reads, accounts[PAYER])
    if found is None:
        return NOTHING
    return Also((Leg(found[books.BANK], found[books.CASH], outgo(kind, price)),))
