"""Float that the house buys back from an agent: the way out of what was sold, up to the last super
agent.

Two of the staff decide, who have it in writing from the agent. The float is held first; then the
switch pays the agent's account at a bank, and what the bank does not take is with the agent again.
"""

from typing import NamedTuple

from ussd_app.domain import banks, guards, orders, pricing, roles, two_of_staff
from ussd_app.domain.catalogue import PAYER
from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.orders import Order
from ussd_app.kernel.clock import business_day

TYPE = "buy_back_float"


class BoughtBack(NamedTuple):
    """To whose account the money goes; `receipt` None while another of the staff must say so."""

    bank_name: str
    holder: str
    receipt: str | None


def buy_back(
    desk: Desk, number: str, amount_minor: int, bank: str, account: str, reference: str, by: str
) -> BoughtBack:
    """One of the staff says that an agent's float is to be bought back; it is held and paid out
    when another says the same, once a `reference`, that of the agent's letter.

    Raises Undecided and Refused: unknown_number, payee_frozen, unknown_account, bank_silent,
    maintenance, insufficient_funds, key_conflict, amount_too_small and amount_too_large.
    """
    kind = desk.catalogue.types[TYPE]
    side = roles.dialled(desk, kind.parties[PAYER], number)
    guards.must_be_open(desk, kind, side.party)
    price = pricing.price(desk.catalogue, kind, amount_minor, business_day(desk.clock.now()))
    known, holder = banks.held_by(desk, bank, account)
    key = f"{TYPE}:{reference}"
    digest = fingerprint(TYPE, number, amount_minor, bank, account)

    def order(names: str) -> str:
        said = {"bank": bank, "bank_name": known.name, "account": account, "holder": holder}
        said |= {"reference": reference, two_of_staff.SIGNED: names}
        wanted = Order(kind, {PAYER: side}, price, said)
        return orders.carry_out(desk, wanted, SYSTEM, key, digest).receipt

    what = f"{number} {amount_minor} {bank} {account} {holder}"
    return BoughtBack(known.name, holder, two_of_staff.together(desk, key, what, by, order))
