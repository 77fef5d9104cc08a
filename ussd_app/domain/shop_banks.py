"""A shop's account at a bank: whose it is, and its takings on their way there.

Free, and never more than is there. What the bank does not take stays with the shop, and its owner
is told. When it is night is `settlements`' business.
"""

import json

from sqlalchemy import Connection

from ussd_app.domain import banks, guards, parties, pins, pricing, roles
from ussd_app.domain.account_names import Nobody
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import AMOUNT, PAYER
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.orders import Order
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Offer
from ussd_app.domain.roles import Side
from ussd_app.domain.shops import OWNER, acting
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

TYPE = "settle_to_bank"
"""Of a till as of a pay bill number and a pochi."""


def shop_bank(desk: Desk, ask: Ask) -> Facts:
    """Whether a shop's takings can go to a bank: its owner has named the account."""
    shop = acting(desk, parties.known(desk.reads, ask.msisdn), ask.text("shop"), OWNER)
    return {"known": "no" if account_of(desk, shop) is None else "yes"}


def account_of(desk: Desk, shop: Agreement) -> dict[str, str] | None:
    """A shop's account as receipts name it; None before its owner named one, or when the switch
    reaches that bank no more."""
    bank = desk.catalogue.banks.get(str(shop.terms.get("bank")))
    if bank is None:
        return None
    account, holder = str(shop.terms["bank_account"]), str(shop.terms["bank_holder"])
    return {"bank": bank.code, "bank_name": bank.name, "account": account, "holder": holder}


def holder(desk: Desk, ask: Ask) -> Facts:
    """Whose account it is, so that the owner sees the name before the PIN.

    Raises Refused(unknown_account | bank_silent).
    """
    parties.known(desk.reads, ask.msisdn)
    bank, name = banks.held_by(desk, ask.text("bank"), ask.text("account"))
    return {"holder": two_names(name), "bank_name": bank.name}


def set_shop_bank(desk: Desk, ask: Ask) -> Facts:
    """Name the account to which takings go from now on, by whose holder's name was shown."""

    def then(connection: Connection, party: Party) -> Facts:
        shop = acting(desk, party, ask.text("shop"), OWNER)
        bank = desk.catalogue.banks[ask.text("bank")]
        account, name = ask.text("account"), ask.text("holder")
        terms = {"bank": bank.code, "bank_account": account, "bank_holder": name}
        connection.exec_driver_sql(
            "UPDATE agreements SET terms = terms || %s::jsonb WHERE id = %s",
            (json.dumps(terms), shop.id),
        )
        facts = {"name": shop.name, "bank_name": bank.name, "account": account, "holder": name}
        parties.say(desk, connection, party.msisdn, party.language, "shop_bank_set", **facts)
        return {}

    return pins.with_pin(desk, "set_shop_bank", ask, then)


def quote(desk: Desk, ask: Ask) -> Facts:
    """Offer to send an amount, or all that there is, to a shop's account; its owner may accept.

    The bank is asked once more whose account it is: one that was closed meanwhile is said here.
    Raises Refused.
    """
    party = parties.known(desk.reads, ask.msisdn)
    if party.pin_locked_at is not None:
        raise Refused(RefusalCode.PIN_LOCKED)
    shop = acting(desk, party, ask.text("shop"), OWNER)
    known = account_of(desk, shop)
    if known is None:
        raise Refused(RefusalCode.UNKNOWN_ACCOUNT)
    guards.must_be_open(desk, desk.catalogue.types[TYPE], party)
    amount = ask.args.get("amount")
    offer = offered(desk, shop, party, None if amount is None else int(str(amount)))
    _, full_name = banks.held_by(desk, known["bank"], known["account"])
    name = two_names(full_name)
    return {
        "quote_id": pricing.remember(desk, offer, known | {"holder": name}),
        "amount": offer.price[AMOUNT],
        "bank_name": known["bank_name"],
        "account": known["account"],
        "holder": name,
    }


def offered(desk: Desk, shop: Agreement, owner: Party, amount: int | None) -> Offer:
    """An amount of a shop's takings, or all that may go at once, on its way to a bank.

    Raises Refused(takings_short | amount_too_small | amount_too_large).
    """
    kind = desk.catalogue.types[TYPE]
    side = _takings(desk, shop, owner)
    there = desk.book.balances([side.account_id])[side.account_id].available
    moved = min(there, kind.most_minor or there) if amount is None else amount
    if moved > there or there <= 0:
        raise Refused(RefusalCode.TAKINGS_SHORT)
    day = business_day(desk.clock.now())
    return Offer(kind, pricing.price(desk.catalogue, kind, moved, day), {PAYER: side})


def everything(desk: Desk, shop: Agreement, owner: Party) -> Order:
    """The order that sends all takings to a shop's account, as its owner agreed to once.

    The bank is not asked for the holder again: nobody is there to read it. Raises Refused.
    """
    known = account_of(desk, shop)
    if known is None:
        raise Refused(RefusalCode.UNKNOWN_ACCOUNT)
    if isinstance(desk.account_names, Nobody):
        raise Refused(RefusalCode.BANK_SILENT)
    offer = offered(desk, shop, owner, None)
    guards.must_be_open(desk, offer.kind, owner)
    return Order(offer.kind, offer.sides, offer.price, known, short=RefusalCode.TAKINGS_SHORT)


def _takings(desk: Desk, shop: Agreement, owner: Party) -> Side:
    return roles.of(desk, desk.catalogue.agreements[shop.kind].account, shop, owner)
