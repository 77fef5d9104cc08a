"""What of a delivery of coins goes to the reserve: told with the delivery (`domain/vault.py`)."""

from ussd_app.domain.policies import Parts, Terms


def work_out(parts: Parts, terms: Terms) -> int:
    return int(str(terms["reserve"]))
