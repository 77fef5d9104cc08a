"""Somebody's M-PESA is asked for a bill or a sale, on their phone, where M-PESA is connected.

What is paid then comes like every payment from M-PESA, under the number that the phone has shown.
"""

from sqlalchemy import Connection

from ussd_app.domain import agreements, parties
from ussd_app.domain.billing import books as books_of
from ussd_app.domain.billing import judging, mine, references, sales
from ussd_app.domain.billing.sales import Sale
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.mpesa import pushes
from ussd_app.kernel.errors import RefusalCode, Refused

PURPOSE = "bill"


NOT_NOW = frozenset({RefusalCode.MPESA_SILENT, RefusalCode.TOO_FAST, RefusalCode.ACCOUNT_TOO_LONG})
"""No phone can be asked here, or this one is being asked for something else, or the number of what
is to be paid does not fit on it."""


def ask_the_buyer(desk: Desk, ask: Ask, sale: Sale) -> None:
    """Ask a buyer's phone for the price of a sale that has begun, once for whoever sells it.

    A phone that cannot be asked now is not: an SMS has told how else to pay.
    """

    def effect(connection: Connection) -> Facts:
        own = books_of.by_id(connection, sale.biller_id)
        facts = {"language": sales.language_of(connection, sale)}
        try:
            account = references.asked_by_phone(own.number, sale.number, pushes.LONGEST_ACCOUNT)
            given = (str(sale.msisdn), sale.open_minor, account, PURPOSE, facts)
            pushes.ask_for(desk, connection, *given)
        except Refused as refused:
            if refused.code not in NOT_NOW:
                raise
        return {}

    if sale.msisdn is not None and sale.open_minor:
        key = f"{ask.key}:push"
        once(desk, "sale_push", Ask(ask.msisdn, key, {"sale": sale.id}), effect)


def pay_by_mpesa(desk: Desk, ask: Ask) -> Facts:
    """Ask the caller's own M-PESA for an amount of one of their bills. It asks for the PIN there.

    Raises what `pushes.ask_for` and `judging.must_be_taken` raise, and Refused(nothing_open |
    account_too_long).
    """

    def effect(connection: Connection) -> Facts:
        party = parties.known(connection, ask.msisdn)
        bill = mine.bill(desk, ask)
        number, paybill = str(bill["invoice"]), str(bill["business"])
        amount = int(ask.text("amount"))
        if amount > int(str(bill["open"])):
            raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=bill["open"])
        shop = agreements.by_number(connection, books_of.PAYBILL, paybill)
        assert shop is not None
        judging.must_be_taken(desk, shop.account_id, number, amount)
        account = references.asked_by_phone(paybill, number, pushes.LONGEST_ACCOUNT)
        pushes.ask_for(desk, connection, party.msisdn, amount, account, PURPOSE, {})
        return {}

    return once(desk, "bill_push", ask, effect)
