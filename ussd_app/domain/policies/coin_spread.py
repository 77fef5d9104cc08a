"""What the house earns by a trade: what the customer pays beyond, or gets below, the worth."""

from ussd_app.domain.policies import Parts, Terms


def work_out(parts: Parts, terms: Terms) -> int:
    return abs(parts["amount"] - parts["value"])
