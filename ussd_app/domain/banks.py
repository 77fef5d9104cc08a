"""Between wallets and accounts at banks: what it costs, and what becomes of money that comes.

Knows no switch: it asks for a name through `account_names`, the rest is the workers' to learn.
"""

from ussd_app.domain import parties, pricing
from ussd_app.domain.catalogue import FEE, BankRow
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.texts import two_names
from ussd_app.kernel.errors import RefusalCode, Refused, Unavailable

TO_BANK = "send_to_bank"


def choices(desk: Desk, ask: Ask) -> Facts:
    """The banks that the switch reaches, as rows: the name, and the paybill they are known by."""
    parties.known(desk.reads, ask.msisdn)
    rows = [
        {"key": bank.code, "label": f"{bank.name} {bank.paybill}"}
        for bank in desk.catalogue.banks.values()
    ]
    return {"banks": rows}


def held_by(desk: Desk, code: str, account: str) -> tuple[BankRow, str]:
    """The bank of a code, and whose account it is there, by the full name.

    Raises Refused(unknown_account | bank_silent).
    """
    bank = desk.catalogue.banks.get(code)
    try:
        name = desk.account_names.holder(bank.code, account) if bank else None
    except Unavailable:
        raise Refused(RefusalCode.BANK_SILENT) from None
    if bank is None or name is None:
        raise Refused(RefusalCode.UNKNOWN_ACCOUNT)
    return bank, name


def quote(desk: Desk, ask: Ask) -> Facts:
    """Price a transfer, and ask the bank whose account it is, so that the customer sees the name.

    The bank is asked last: what we can refuse by ourselves costs nobody's patience.
    """
    offer = pricing.work_out(desk, Ask(ask.msisdn, ask.key, {**ask.args, "type": TO_BANK}))
    account = ask.text("account")
    bank, holder = held_by(desk, ask.text("bank"), account)
    said = {"bank": bank.code, "bank_name": bank.name, "account": account, "holder": holder}
    return {
        "quote_id": pricing.remember(desk, offer, said),
        "holder": two_names(holder),
        "bank_name": bank.name,
        "fee": offer.price[FEE],
    }
