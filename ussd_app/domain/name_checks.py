"""Whose name stands behind a number: shown before it is paid (hakikisha), but not to be collected.

So many names a day may be looked at and not paid; the next one is not shown, and no new one for two
days. Safaricom has five, and 48 hours. What counts are people, not looks: the same name again, as
after a session that timed out or a price that expired, tells nothing new. Nor does that of somebody
the caller has paid since, has agreed to pay, or had dealings with before: they can be paid all the
while. Agents look at many customers' names, and have a number of their own.
"""

from ussd_app.domain.days import at_hour
from ussd_app.domain.desk import Desk
from ussd_app.domain.roles import CUSTOMER, Side
from ussd_app.domain.texts import moment
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

RULES = "name_checks"

_CHECK = "SELECT name_check(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"


def must_be_few(desk: Desk, by: Side, of: Side, quote_id: str | None = None) -> None:
    """Count that a name is about to be shown, for a price or before one is asked for.

    Raises Refused(too_many_names). A business's own number is in no phone, and its name no secret.
    """
    if of.number != of.party.msisdn or of.party.id == by.party.id:
        return
    rules, now = desk.catalogue.rules[RULES], desk.clock.now()
    acting = by.agreement.kind if by.agreement and by.agreement.kind in rules else CUSTOMER
    sides = (by.party.id, acting, of.party.id, by.account_id, of.account_id, quote_id)
    bounds = (now, at_hour(business_day(now), 0), rules[acting], rules["block_s"])
    with desk.reads.connect() as connection:
        until = connection.exec_driver_sql(_CHECK, (*sides, *bounds)).scalar_one()
    if until is not None:
        raise Refused(RefusalCode.TOO_MANY_NAMES, until=moment(until))
