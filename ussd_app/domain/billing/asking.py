"""Somebody's M-PESA is asked for a bill or a sale, on their phone, where M-PESA is connected.

What is paid then comes like every payment from M-PESA, under the number that the phone has shown.
"""

from sqlalchemy import Connection

from ussd_app.domain import parties
from ussd_app.domain.billing import mine, references, sales
from ussd_app.domain.billing.books import Books
from ussd_app.domain.billing.sales import Sale
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.mpesa import pushes
from ussd_app.kernel.errors import RefusalCode, Refused

PURPOSE = "bill"


def try_to_ask(desk: Desk, connection: Connection, own: Books, sale: Sale) -> bool:
    """Ask a buyer's phone for the price of a sale, if it can be asked at all now.

    They have been told by SMS how else to pay.
    """
    if sale.msisdn is None:
        return False
    account = references.asked_by_phone(own.number, sale.number, pushes.LONGEST_ACCOUNT)
    facts = {"language": sales.language_of(connection, sale)}
    given = (sale.msisdn, sale.price_minor, account, PURPOSE, facts)
    try:
        pushes.ask_for(desk, connection, *given)
    except Refused:
        return False
    return True


def pay_by_mpesa(desk: Desk, ask: Ask) -> Facts:
    """Ask the caller's own M-PESA for an amount of one of their bills. It asks for the PIN there.

    Raises what `pushes.ask_for` raises, and Refused(nothing_open).
    """

    def effect(connection: Connection) -> Facts:
        party = parties.known(connection, ask.msisdn)
        bill = mine.bill(desk, ask)
        number, paybill = str(bill["invoice"]), str(bill["business"])
        amount = int(ask.text("amount"))
        if amount > int(str(bill["open"])):
            raise Refused(RefusalCode.AMOUNT_TOO_LARGE, most=bill["open"])
        account = references.asked_by_phone(paybill, number, pushes.LONGEST_ACCOUNT)
        pushes.ask_for(desk, connection, party.msisdn, amount, account, PURPOSE, {})
        return {}

    return once(desk, "bill_push", ask, effect)
