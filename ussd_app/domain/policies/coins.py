"""How many coins a trade moves: settled with its rate, before the price is made."""

from ussd_app.domain.policies import Parts, Terms


def work_out(parts: Parts, terms: Terms) -> int:
    return int(str(terms["coins"]))
