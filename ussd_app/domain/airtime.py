"""Airtime as the bank sells it: for the caller's own number or any other in Kenya.

Knows no reseller; what became of a purchase is the workers' to learn.
"""

from sqlalchemy import Engine

from ussd_app.domain import pricing
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.kernel.msisdn import local

OWN, OTHER = "buy_airtime", "buy_airtime_for"
RECEIVER = "reference"
"""The fact that names the number which gets the airtime, as it is dialled at home."""

_EXPECTED = """
SELECT EXISTS (
    SELECT FROM errands
     WHERE kind = 'airtime' AND state IN ('sending', 'unknown')
       AND facts->>'reference' = %s AND (facts->>'amount')::bigint = %s)
"""


def quote(desk: Desk, ask: Ask) -> Facts:
    """Price airtime for `receiver`, the caller's own number when there is none."""
    receiver = str(ask.args.get("receiver") or ask.msisdn)
    kind = OWN if receiver == ask.msisdn else OTHER
    offer = pricing.work_out(desk, Ask(ask.msisdn, ask.key, {**ask.args, "type": kind}))
    return {"quote_id": pricing.remember(desk, offer, {RECEIVER: local(receiver)})}


def is_expected(engine: Engine, msisdn: str, amount_minor: int) -> bool:
    """Whether we have asked for this airtime: what the reseller checks before it sends any."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql(_EXPECTED, (local(msisdn), amount_minor))
        return bool(found.scalar_one())
