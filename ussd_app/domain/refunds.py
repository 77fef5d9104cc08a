"""A payment to a shop given back whole by its owner: every leg of it, fees too, once and for good.

The ledger undoes an entry once, whoever asks; here is who may ask, for what, and how late. That the
customer has room for it is looked at again while it is written (the gate `room`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ussd_app.domain import orders, parties, roles, room
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import AMOUNT, FEE, PAYEE, PAYER, Type
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.drafting import given_back, usages
from ussd_app.domain.orders import Order
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price
from ussd_app.domain.roles import WALLET, Side
from ussd_app.domain.shops import OWNER, acting, term
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.kernel.ids import readings

TYPE = "refund"

_PAID = """
SELECT e.id, e.receipt, e.type, e.happened_at, e.facts, r.reversed_id IS NOT NULL
FROM entries e LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE e.receipt = ANY (%s) AND e.reverses IS NULL
  AND (e.facts->'roles'->>'payee')::bigint = %s
"""


class _Paid(NamedTuple):
    """A payment that a shop got."""

    entry_id: int
    receipt: str
    kind: Type
    happened_at: datetime
    price: Price
    payer: Side

    @property
    def back_minor(self) -> int:
        """What the customer gets back: all that they paid."""
        return self.price[AMOUNT] + self.price.get(FEE, 0)


def payment(desk: Desk, ask: Ask) -> Facts:
    """Whose payment a receipt number is, and what they would get back."""
    shop = acting(desk, parties.known(desk.reads, ask.msisdn), ask.text("shop"), OWNER)
    paid = _paid(desk, shop, ask.text("payment"))
    kind, back = desk.catalogue.types[TYPE], paid.back_minor
    room.must_be_there(desk, kind, paid.payer.party, paid.payer.account_id, back)
    return {
        "payment": paid.receipt,
        "payer_name": two_names(paid.payer.name),
        "back": back,
    }


def refund(desk: Desk, ask: Ask) -> Facts:
    """Give a payment back, with the owner's PIN."""

    def make(party: Party) -> Order:
        shop = acting(desk, party, ask.text("shop"), OWNER)
        paid = _paid(desk, shop, ask.text("payment"))
        used = usages(desk, paid.kind, paid.payer.party, paid.price, paid.happened_at)
        return Order(
            kind=desk.catalogue.types[TYPE],
            sides={
                PAYER: roles.of(desk, paid.kind.parties[PAYEE], shop, party),
                PAYEE: paid.payer,
            },
            price=paid.price,
            said={"of": paid.receipt, "back": paid.back_minor},
            reverses=paid.entry_id,
            short=RefusalCode.TAKINGS_SHORT,
            gives_back=given_back(used),
        )

    return orders.order(desk, "refund", ask, make)


def _paid(desk: Desk, shop: Agreement, typed: str) -> _Paid:
    """The payment to a shop under a receipt number, if it may still be given back.

    Raises Refused(unknown_payment | payee_frozen | already_reversed | refund_too_late).
    """
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(_PAID, (readings(typed), shop.account_id)).fetchone()
    if row is None:
        raise Refused(RefusalCode.UNKNOWN_PAYMENT)
    entry_id, receipt, type_name, happened_at, facts, reversed_ = row
    kind = desk.catalogue.types[type_name]
    if kind.parties.get(PAYER) != WALLET:
        raise Refused(RefusalCode.UNKNOWN_PAYMENT)
    payer = _payer(desk, facts)
    payer.party.must_be_active(RefusalCode.PAYEE_FROZEN)
    if reversed_:
        raise Refused(RefusalCode.ALREADY_REVERSED)
    days = int(term(desk, shop, "refund_days"))
    if (business_day(desk.clock.now()) - business_day(happened_at)).days > days:
        raise Refused(RefusalCode.REFUND_TOO_LATE, days=days)
    return _Paid(entry_id, receipt, kind, happened_at, facts["price"], payer)


def _payer(desk: Desk, facts: Mapping[str, Any]) -> Side:
    party = parties.by_id(desk.reads, facts["parties"][PAYER])
    return Side(party, facts["roles"][PAYER], party.name, party.msisdn)
