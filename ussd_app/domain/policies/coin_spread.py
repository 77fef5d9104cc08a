"""What the house earns by a trade: between what the customer pays or gets and what coins are worth."""

from ussd_app.domain.policies import Parts, Terms


def work_out(parts: Parts, terms: Terms) -> int:
    return abs(parts["amount"] - parts["value"])
