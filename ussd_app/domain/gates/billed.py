"""A biller who keeps books here is paid under account numbers that it has, within its limits."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from ussd_app.domain.billing import judging
from ussd_app.domain.catalogue import AMOUNT, PAYEE
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.ledger.drafts import Draft


def parties(desk: Desk, ask: Ask, sides: Mapping[str, Side]) -> None:
    """Raises Refused(unknown_bill_account | amount_too_large | daily_limit)."""
    typed, amount = str(ask.args.get("reference", "")), int(ask.text("amount"))
    judging.must_be_taken(desk, sides[PAYEE].account_id, typed, amount)


def entry(desk: Desk, draft: Draft) -> AbstractContextManager[None]:
    """Raises Refused(daily_limit), Unavailable."""
    roles, price, said = (draft.facts[part] for part in ("roles", "price", "said"))
    assert isinstance(roles, Mapping)
    assert isinstance(price, Mapping)
    assert isinstance(said, Mapping)
    typed = str(said.get("reference", ""))
    return judging.while_paying(desk, draft, int(roles[PAYEE]), typed, int(price[AMOUNT]))
