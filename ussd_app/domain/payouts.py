"""From the wallet to M-PESA: to a number, a pay bill or a till there; a shop's takings to its
owner's number. What it costs, and who may.

Knows no Safaricom: what becomes of it, and the receiver's name, are the workers' to learn.
"""

from collections.abc import Mapping

from ussd_app.domain import guards, parties, pricing, roles
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import AMOUNT, FEE, PAYER
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.orders import Order
from ussd_app.domain.parties import Party
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused, Unavailable
from ussd_app.kernel.msisdn import local

SEND, PAY_BILL, BUY_GOODS = "mpesa_send", "mpesa_pay_bill", "mpesa_buy_goods"
TAKINGS = "settle_to_mpesa"
B2C, B2B, REVERSAL = "mpesa_b2c", "mpesa_b2b", "mpesa_reversal"
KINDS = (B2C, B2B, REVERSAL)
"""The kinds of errand by which money goes to M-PESA, or a payment from there is given back."""

REFERENCE, SHORTCODE = "reference", "shortcode"
"""Facts of an errand. `reference`: to a number, that number as it is dialled at home; to a pay
bill, the account there. `shortcode`: the pay bill or till; a till has no `reference`."""
ORIGINAL = "mpesa_receipt"
"""A fact of what is given back: M-PESA's receipt of the payment."""
WHOM, MPESA_RECEIPT = "whom", "mpesa_receipt"
"""What is learnt by the way: the receiver, with the name if M-PESA gave one, and its receipt."""

SHILLING = 100
LONGEST_ACCOUNT = 13
"""The longest account number that M-PESA takes to a pay bill from a business."""

_RESTS = "SELECT EXISTS (SELECT FROM errand_pauses WHERE kind = %s)"


def quote_send(desk: Desk, ask: Ask) -> Facts:
    """Price money to `receiver` on M-PESA, the caller's own number when there is none."""
    receiver = local(str(ask.args.get("receiver") or ask.msisdn))
    return _quote(desk, ask, SEND, {REFERENCE: receiver, WHOM: receiver})


def quote_pay(desk: Desk, ask: Ask) -> Facts:
    """Price a payment to a pay bill on M-PESA, or to a till when there is no `account`."""
    number = ask.text("number")
    said = {SHORTCODE: number, WHOM: number}
    if "account" not in ask.args:
        return _quote(desk, ask, BUY_GOODS, said)
    return _quote(desk, ask, PAY_BILL, said | {REFERENCE: ask.text("account")})


def _quote(desk: Desk, ask: Ask, kind: str, said: Mapping[str, object]) -> Facts:
    """The network is asked last: what we can refuse by ourselves costs nobody's patience."""
    parties.known(desk.reads, ask.msisdn)
    if kind == PAY_BILL and len(str(said[REFERENCE])) > LONGEST_ACCOUNT:
        raise Refused(RefusalCode.ACCOUNT_TOO_LONG, most=LONGEST_ACCOUNT)
    if desk.mpesa_shortcode is None or _rests(desk, kind):
        raise Refused(RefusalCode.MPESA_SILENT)
    if int(ask.text("amount")) % SHILLING:
        raise Refused(RefusalCode.WHOLE_SHILLINGS)
    offer = pricing.work_out(desk, Ask(ask.msisdn, ask.key, {**ask.args, "type": kind}))
    _must_be_the_owner(desk, ask.msisdn, offer.price[AMOUNT])
    told = {MPESA_RECEIPT: "-", **said}
    return {"quote_id": pricing.remember(desk, offer, told), "fee": offer.price[FEE]}


def takings(desk: Desk, shop: Agreement, owner: Party) -> Order:
    """The order that sends a shop's takings, in whole shillings and as much as may go at once, to
    its owner's own number, as they agreed to once. Raises Refused."""
    kind = desk.catalogue.types[TAKINGS]
    if desk.mpesa_shortcode is None or _rests(desk, TAKINGS):
        raise Refused(RefusalCode.MPESA_SILENT)
    side = roles.of(desk, desk.catalogue.agreements[shop.kind].account, shop, owner)
    there = desk.book.balances([side.account_id])[side.account_id].available
    moved = min(there - there % SHILLING, kind.most_minor or there)
    if moved <= 0:
        raise Refused(RefusalCode.TAKINGS_SHORT)
    guards.must_be_open(desk, kind, owner)
    price = pricing.price(desk.catalogue, kind, moved, business_day(desk.clock.now()))
    _must_be_the_owner(desk, owner.msisdn, moved)
    number = local(owner.msisdn)
    said = {REFERENCE: number, WHOM: number, MPESA_RECEIPT: "-"}
    return Order(kind, {PAYER: side}, price, said, short=RefusalCode.TAKINGS_SHORT)


def _rests(desk: Desk, kind: str) -> bool:
    """Whether whatever goes there would only wait: Safaricom does not take our operator."""
    promise = desk.catalogue.types[kind].promise
    assert promise is not None
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(_RESTS, (promise.via,))
        return bool(found.scalar_one())


def _must_be_the_owner(desk: Desk, msisdn: str, amount_minor: int) -> None:
    """A large payout by whoever has a SIM that was replaced lately is refused, and so is one of
    which the network cannot tell. Raises Refused(mpesa_silent | sim_swapped)."""
    if amount_minor <= desk.catalogue.rules["mpesa_out"]["sim_swap_above_minor"]:
        return
    try:
        swapped = desk.sim_swaps.is_recent(msisdn)
    except Unavailable:
        raise Refused(RefusalCode.MPESA_SILENT) from None
    if swapped:
        raise Refused(RefusalCode.SIM_SWAPPED)
