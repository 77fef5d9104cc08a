"""A biller who keeps books here is paid under account numbers that it has, within its limits."""

from collections.abc import Mapping

from ussd_app.domain.billing import judging
from ussd_app.domain.catalogue import PAYEE
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(unknown_bill_account | amount_too_large | daily_limit)."""
    typed, amount = str(ask.args.get("reference", "")), int(ask.text("amount"))
    judging.must_be_taken(desk, sides[PAYEE].account_id, typed, amount)
