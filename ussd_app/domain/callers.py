"""Who is calling, and which menu they see first: the first question of every session."""

from collections.abc import Mapping, Sequence

from ussd_app.domain import parties
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.prepared import Prepared

CUSTOMER, STAFF, SEVERAL, FROZEN, ASKED = "customer", "staff", "several", "frozen", "asked"
HOMES = (CUSTOMER, STAFF, "agent", "merchant")
"""The standings that have a menu of their own: what a flow can fork to. Their order and their names
are the catalogue's; a kind of agreement gives one to whoever acts in it."""
STANDINGS = (*HOMES, SEVERAL, FROZEN, ASKED)
"""Who has several chooses among them; who is asked for money back sees that before any menu."""
LABEL_WIDTH = 20

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
    """Who is calling, in which language, and with what standing; of several, all their menus.

    `question` is `later` when the caller has put off a question about money that somebody wants
    back, `menu` the one that they chose. A frozen caller is told so by the flow, in their language,
    which a refusal could not know yet. Raises Refused(not_registered).
    """
    party = parties.find(desk.reads, ask.msisdn)
    if party is None:
        raise Refused(RefusalCode.NOT_REGISTERED)
    homes, is_asked = _homes(desk, party)
    standing = _standing(party, homes, is_asked, ask.args)
    several = homes if standing == SEVERAL else ()
    return {
        "name": two_names(party.name),
        "language": party.language,
        "standing": standing,
        "menus": [
            {"key": home, "label": desk.catalogue.standings[home][party.language]}
            for home in several
        ],
    }


def _standing(
    party: Party, homes: Sequence[str], is_asked: bool, args: Mapping[str, object]
) -> str:
    """What the caller sees now. The wallet, which everybody has, is reached from every menu: it
    makes nobody choose."""
    if party.status != "active":
        return FROZEN
    if is_asked and args.get("question") != "later":
        return ASKED
    if args.get("menu") in homes:
        return str(args["menu"])
    trades = [home for home in homes if home != CUSTOMER]
    return SEVERAL if len(trades) > 1 else (trades or [CUSTOMER])[0]


def _homes(desk: Desk, party: Party) -> tuple[list[str], bool]:
    """Every menu of the caller, in the catalogue's order, and whether they owe an answer."""
    row = _ACTS_IN.read(desk.reads, (party.id,))
    assert row is not None
    kinds, is_staff, is_asked = row
    given = {desk.catalogue.agreements[kind].standing for kind in kinds or ()}
    given |= {CUSTOMER, STAFF} if is_staff else {CUSTOMER}
    return [home for home in desk.catalogue.standings if home in given], is_asked
