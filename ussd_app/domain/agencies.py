"""An agent's outlets: in which of them somebody acts, what is left of the float of each, and who
must be told that it runs low.

Float moves like all value, by types of the catalogue; here it is sold and looked at. An outlet's
operators serve customers and see the float; what else is done with it is its owner's.
"""

from sqlalchemy import Connection

from ussd_app.domain import arrivals, operators, parties, pins, roles, two_of_staff
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import PAYEE
from ussd_app.domain.desk import Ask, Desk, Facts
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.operators import OPERATOR, OWNER
from ussd_app.domain.parties import Party
from ussd_app.domain.texts import two_names

AGENCY = "agency"
SALE = "sell_float"

_LOW = """
SELECT a.id, a.number, f.balance_minor, p.msisdn, p.language
FROM agreements a JOIN accounts f ON f.id = a.account_id JOIN parties p ON p.id = a.party_id
WHERE a.kind = 'agency' AND a.state = 'active' AND p.status = 'active' AND f.version > 0
  AND a.terms->>'low_float' ~ '^[0-9]{1,9}$'
  AND f.balance_minor < (a.terms->>'low_float')::bigint * 100
  AND NOT EXISTS (SELECT FROM float_alerts t WHERE t.agreement_id = a.id)
ORDER BY a.id LIMIT %s
"""
_RECOVERED = """
DELETE FROM float_alerts t USING agreements a JOIN accounts f ON f.id = a.account_id
WHERE a.id = t.agreement_id
  AND (a.terms->>'low_float' !~ '^[0-9]{1,9}$'
       OR f.balance_minor >= (a.terms->>'low_float')::bigint * 100) IS NOT FALSE
"""
MOST_OUTLETS = 20
MOST_ALERTS = 500
"""So many are told in one turn; the others at the next."""


def outlets(desk: Desk, ask: Ask) -> Facts:
    """In which outlets the caller may act, with a `right`: as their owner, or also as an operator.

    Raises Refused(not_yours | owner_only).
    """
    party = parties.known(desk.reads, ask.msisdn)
    found = operators.choice(desk.reads, party, (AGENCY,), ask.text("right"), MOST_OUTLETS)
    return {
        "outlets": [{"key": str(one.id), "label": f"{one.number} {one.name}"} for one in found],
        "outlet": str(found[0].id),
        "how_many": "one" if len(found) == 1 else "many",
    }


def acting(desk: Desk, party: Party, outlet: str, right: str) -> Agreement:
    """The outlet in which a party wants to act. Raises Refused(not_yours | owner_only)."""
    return operators.acting(desk.reads, party, (AGENCY,), outlet, right)


def float_balance(desk: Desk, ask: Ask) -> Facts:
    """What is left of an outlet's float, in minor units. Raises Refused(not_yours)."""

    def then(connection: Connection, party: Party) -> Facts:
        agency = acting(desk, party, ask.text("outlet"), OPERATOR)
        left = desk.book.balances([agency.account_id])[agency.account_id].available
        return {"agency": agency.name.upper(), "number": agency.number, "balance": left}

    return pins.with_pin(desk, "float_balance", ask, then)


def outlet_operators(desk: Desk, ask: Ask) -> Facts:
    """Who may serve customers at the caller's outlet beside them."""
    agency = acting(desk, parties.known(desk.reads, ask.msisdn), ask.text("outlet"), OWNER)
    return {"operators": operators.rows(desk.reads, agency)}


def add_operator(desk: Desk, ask: Ask) -> Facts:
    """Let another customer serve at the caller's outlet. Raises what `operators.add` raises."""

    def then(connection: Connection, party: Party) -> Facts:
        agency = acting(desk, party, ask.text("outlet"), OWNER)
        other = ask.text("operator")
        added = operators.add(desk, connection, agency, party, other, "made_outlet_operator")
        return {"operator_name": two_names(added.name)}

    return pins.with_pin(desk, "add_outlet_operator", ask, then)


def drop_operator(desk: Desk, ask: Ask) -> Facts:
    """Let somebody serve at the caller's outlet no more."""

    def then(connection: Connection, party: Party) -> Facts:
        agency = acting(desk, party, ask.text("outlet"), OWNER)
        other = int(ask.text("operator"))
        dropped = operators.drop(desk, connection, agency, other, "no_longer_operator")
        return {"operator_name": two_names(dropped.name)}

    return pins.with_pin(desk, "drop_outlet_operator", ask, then)


def sell_float(
    desk: Desk, number: str, amount_minor: int, reference: str, staff: tuple[str, str]
) -> str:
    """Issue float against money that the agent has paid into the trust account.

    Once a `reference`, the bank's own; both of the `staff` have seen the money there. Returns the
    receipt number. Raises Refused(unknown_number | payee_frozen | key_conflict), and Undecided
    when the two are one, or none of the staff.
    """
    saying = two_of_staff.both(desk, *staff)
    kind = desk.catalogue.types[SALE]
    payee = roles.dialled(desk, kind.parties[PAYEE], number)
    digest = fingerprint(SALE, number, amount_minor)
    said = {"reference": reference, two_of_staff.SIGNED: str(saying)}
    key = f"{SALE}:{reference}"
    return arrivals.enter(desk, SALE, amount_minor, key, digest, payee=payee, said=said)


def warn(desk: Desk) -> int:
    """Tell agents whose float has fallen below their term `low_float`, once until it recovers.

    A float that never had anything is not low. Returns how many were told.
    """
    now = desk.clock.now()
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_RECOVERED)
        low = connection.exec_driver_sql(_LOW, (MOST_ALERTS,)).all()
        for row in low:
            connection.exec_driver_sql(
                "INSERT INTO float_alerts (agreement_id, told_at) VALUES (%s, %s)", (row.id, now)
            )
            facts = {"number": row.number, "balance": row.balance_minor, "at": now}
            parties.say(desk, connection, row.msisdn, row.language, "float_low", **facts)
    return len(low)
