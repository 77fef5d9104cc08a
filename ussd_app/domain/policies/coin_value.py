"""What the coins of a trade are worth at the middle rate, in cents, rounded down."""

from ussd_app.domain.policies import Parts, Terms


def work_out(parts: Parts, terms: Terms) -> int:
    whole: int = 10 ** int(str(terms["scale"]))
    return parts["coins"] * int(str(terms["middle"])) // whole
