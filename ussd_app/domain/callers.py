"""Who is calling, and which menu they see first: the first question of every session."""

from ussd_app.domain import parties
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.texts import two_names
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.prepared import Prepared

CUSTOMER, STAFF, FROZEN, ASKED = "customer", "staff", "frozen", "asked"
STANDINGS = (CUSTOMER, STAFF, "agent", "merchant", FROZEN, ASKED)
"""Whose menu a caller can see, the house's own people first; a kind of agreement names another.
Who is asked for money back sees that before any menu."""

_ACTS_IN = Prepared(
    "kabambe_acts_in",
    """
SELECT array_agg(DISTINCT kind), EXISTS (SELECT FROM staff WHERE party_id = $1),
       EXISTS (SELECT FROM disputes WHERE receiver_id = $1 AND state = 'asked') FROM (
    SELECT kind FROM agreements WHERE party_id = $1 AND state = 'active'
    UNION ALL
    SELECT a.kind FROM operators o JOIN agreements a ON a.id = o.agreement_id
     WHERE o.party_id = $1 AND a.state = 'active') k
""",
    1,
)


def caller(desk: Desk, ask: Ask) -> Facts:
    """Who is calling, in which language, and with what standing.

    A frozen caller is told so by the flow, in their language, which a refusal could not know yet.
    Raises Refused(not_registered).
    """
    party = parties.find(desk.reads, ask.msisdn)
    if party is None:
        raise Refused(RefusalCode.NOT_REGISTERED)
    return {
        "name": two_names(party.name),
        "language": party.language,
        "standing": _standing(desk, party, later=ask.args.get("question") == "later"),
    }


def _standing(desk: Desk, party: parties.Party, *, later: bool) -> str:
    """The first standing, in the order of `STANDINGS`, that an agreement gives; else a customer.

    `later`: the caller has put off a question about money that somebody wants back.
    """
    if party.status != "active":
        return FROZEN
    row = _ACTS_IN.read(desk.reads, (party.id,))
    assert row is not None
    kinds, is_staff, is_asked = row
    if is_asked and not later:
        return ASKED
    given = {desk.catalogue.agreements[kind].standing for kind in kinds or ()}
    given |= {STAFF} if is_staff else set()
    return next((standing for standing in STANDINGS if standing in given), CUSTOMER)
