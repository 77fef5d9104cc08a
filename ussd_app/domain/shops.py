"""Whose shop it is: tills, pay bill numbers and pochis, their owners and operators, and what they
may look at.

A shop is an agreement of one of these kinds. Its owner may do everything, an operator may look.
"""

import json

from sqlalchemy import Connection

from ussd_app.domain import agreements, operators, parties, pins, takings
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

KINDS = ("till", "paybill", "pochi")
OWNER, OPERATOR = operators.OWNER, operators.OPERATOR
BANK, MPESA = "bank", "mpesa"
MOST_SHOPS = 8
LATEST = 5


def term(desk: Desk, shop: Agreement, name: str) -> str:
    """What was agreed under a name, or what its kind agrees with everybody."""
    return str(shop.terms.get(name, desk.catalogue.agreements[shop.kind].terms[name]))


def shops(desk: Desk, ask: Ask) -> Facts:
    """In which shops the caller may act, with a `right`: as their owner, or also as an operator.

    Raises Refused(not_yours | owner_only).
    """
    party = parties.known(desk.reads, ask.msisdn)
    found = operators.choice(desk.reads, party, KINDS, ask.text("right"), MOST_SHOPS)
    return {
        "shops": [{"key": str(shop.id), "label": _label(shop)} for shop in found],
        "shop": str(found[0].id),
        "how_many": "one" if len(found) == 1 else "many",
    }


def acting(desk: Desk, party: Party, shop_id: str, right: str) -> Agreement:
    """The shop in which a party wants to act. Raises Refused(not_yours | owner_only)."""
    return operators.acting(desk.reads, party, KINDS, shop_id, right)


def _label(shop: Agreement) -> str:
    return shop.name if shop.kind == "pochi" else f"{shop.number} {shop.name}"


def sales(desk: Desk, ask: Ask) -> Facts:
    """What a shop sold today and what it holds, in minor units."""

    def then(connection: Connection, party: Party) -> Facts:
        shop = acting(desk, party, ask.text("shop"), OPERATOR)
        today = takings.of_day(connection, shop.account_id, business_day(desk.clock.now()))
        return {
            "shop_name": shop.name.upper(),
            "sales": f"{today.payments:,}",
            "sold": today.paid_minor,
            "refunded": today.refunded_minor,
            "balance": desk.book.balances([shop.account_id])[shop.account_id].available,
        }

    return pins.with_pin(desk, "shop_sales", ask, then)


def payments(desk: Desk, ask: Ask) -> Facts:
    """The last five entries of a shop's account, as rows."""

    def then(connection: Connection, party: Party) -> Facts:
        shop = acting(desk, party, ask.text("shop"), OPERATOR)
        lines = takings.latest(connection, shop.account_id, LATEST)
        return {"lines": [{"key": str(n), "label": line} for n, line in enumerate(lines, 1)]}

    return pins.with_pin(desk, "shop_payments", ask, then)


def shop_operators(desk: Desk, ask: Ask) -> Facts:
    """Who may act in the caller's shop beside them."""
    shop = acting(desk, parties.known(desk.reads, ask.msisdn), ask.text("shop"), OWNER)
    return {"operators": operators.rows(desk.reads, shop)}


def add_operator(desk: Desk, ask: Ask) -> Facts:
    """Let another customer act in the caller's shop. Raises what `operators.add` raises."""

    def then(connection: Connection, party: Party) -> Facts:
        shop = acting(desk, party, ask.text("shop"), OWNER)
        other = ask.text("operator")
        added = operators.add(desk, connection, shop, party, other, "made_shop_operator")
        return {"operator_name": two_names(added.name)}

    return pins.with_pin(desk, "add_shop_operator", ask, then)


def drop_operator(desk: Desk, ask: Ask) -> Facts:
    """Let somebody act in the caller's shop no more."""

    def then(connection: Connection, party: Party) -> Facts:
        shop = acting(desk, party, ask.text("shop"), OWNER)
        other = int(ask.text("operator"))
        dropped = operators.drop(desk, connection, shop, other, "no_longer_operator")
        return {"operator_name": two_names(dropped.name)}

    return pins.with_pin(desk, "drop_shop_operator", ask, then)


def set_settlement(desk: Desk, ask: Ask) -> Facts:
    """Where a shop's takings go every night: to the owner's wallet, to the account at a bank that
    they have named, to their number on M-PESA, or nowhere. Raises Refused(unknown_account) when
    they have named none, Refused(mpesa_silent) where we have no pay bill there."""

    def then(connection: Connection, party: Party) -> Facts:
        shop = acting(desk, party, ask.text("shop"), OWNER)
        where = ask.text("settle")
        if where == BANK and "bank" not in shop.terms:
            raise Refused(RefusalCode.UNKNOWN_ACCOUNT)
        if where == MPESA and desk.mpesa_shortcode is None:
            raise Refused(RefusalCode.MPESA_SILENT)
        change = json.dumps({"settle": where})
        connection.exec_driver_sql(
            "UPDATE agreements SET terms = terms || %s::jsonb WHERE id = %s", (change, shop.id)
        )
        return {}

    return pins.with_pin(desk, "set_settlement", ask, then)


def categories(desk: Desk, ask: Ask) -> Facts:
    """What a business may be, in the caller's language."""
    party = parties.known(desk.reads, ask.msisdn)
    rows = desk.catalogue.categories.items()
    return {"categories": [{"key": key, "label": say[party.language]} for key, say in rows]}


def my_pochi(desk: Desk, ask: Ask) -> Facts:
    """Whether the caller has a pochi."""
    party = parties.known(desk.reads, ask.msisdn)
    pochi = agreements.by_number(desk.reads, "pochi", party.msisdn)
    return {"pochi": "none" if pochi is None else "open"}


def open_pochi(desk: Desk, ask: Ask) -> Facts:
    """Open a pochi on the caller's own number. Raises Refused(number_taken) for the second."""

    def then(connection: Connection, party: Party) -> Facts:
        category = ask.text("category")
        if category not in desk.catalogue.categories:
            raise Refused(RefusalCode.NOT_YOURS)
        pochi = agreements.establish(
            *(desk, connection, "pochi", party),
            name=ask.text("name"),
            terms={"category": category},
        )
        facts = {"name": pochi.name}
        parties.say(desk, connection, party.msisdn, party.language, "pochi_opened", **facts)
        return {}

    return pins.with_pin(desk, "open_pochi", ask, then)
