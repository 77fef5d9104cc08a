"""The customer stands before the agent: the agent has seen their ID, and proves it.

A deposit into somebody else's account hides where money comes from, and is forbidden. A basic phone
cannot read a card; but an agent who types the last four digits of the ID that lies on the counter
has seen it. The digits are compared with the sealed ID, opened for this one comparison: a print
of four digits, kept to be compared with, would give the digits away to whoever has the keys, and
would be one more thing to leak. Wrong digits are counted by agent, customer and day.
"""

import hmac
from datetime import timedelta

from sqlalchemy import Connection

from ussd_app.domain import agreements, name_checks, parties, roles
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.desk import Ask, Desk, Facts, once
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET, Side
from ussd_app.domain.texts import two_names
from ussd_app.kernel.clock import business_day
from ussd_app.kernel.errors import RefusalCode, Refused

AGENCY = "agency"
LIFE_S = 180
"""As long as a network lets a session last."""
TRIES_A_DAY = 3


def customer(desk: Desk, ask: Ask) -> Facts:
    """The name of a customer who stands at the caller's counter.

    Raises Refused(not_yours | unknown_payee | payee_is_payer | payee_frozen | too_many_names).
    """
    agent = parties.known(desk.reads, ask.msisdn)
    outlet = _outlet(desk, agent, ask)
    found = _at_the_counter(desk, outlet, ask)
    acting = Side(agent, outlet.account_id, outlet.name, outlet.number, outlet)
    name_checks.must_be_few(desk, acting, roles.own(desk, WALLET, found))
    return {"customer_name": two_names(found.name)}


def see(desk: Desk, ask: Ask) -> Facts:
    """Prove that the caller has seen the customer's ID; the proof is good for minutes.

    Raises Refused(id_mismatch | too_many_requests), and what `customer` raises.
    """

    def effect(connection: Connection) -> Facts | Refused:
        agent = parties.known(connection, ask.msisdn)
        of = _at_the_counter(desk, _outlet(desk, agent, ask), ask)
        fails = _fails(desk, connection, agent, of)
        if fails >= TRIES_A_DAY:
            raise Refused(RefusalCode.TOO_MANY_REQUESTS)
        if not _is_tail(desk, connection, of, ask.text("id_tail")):
            _count(connection, agent, of, fails + 1)
            return Refused(RefusalCode.ID_MISMATCH)
        token = desk.ids.token()
        connection.exec_driver_sql(
            "UPDATE sightings SET token = %s, expires_at = %s WHERE by_id = %s AND of_id = %s",
            (token, desk.clock.now() + timedelta(seconds=LIFE_S), agent.id, of.id),
        )
        return {"seen": token}

    return once(desk, "see_id", ask, effect)


def holds(desk: Desk, token: str, by: Party, of: Party) -> bool:
    """Whether a proof is of this agent and this customer, and still good."""
    with desk.reads.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT EXISTS (SELECT FROM sightings WHERE by_id = %s AND of_id = %s"
            " AND token = %s AND expires_at > %s)",
            (by.id, of.id, token, desk.clock.now()),
        )
        return bool(found.scalar_one())


def _outlet(desk: Desk, agent: Party, ask: Ask) -> Agreement:
    return agreements.of_party(desk.reads, agent.id, (AGENCY,), str(ask.args.get("outlet", "")))


def _at_the_counter(desk: Desk, outlet: Agreement, ask: Ask) -> Party:
    found = parties.find(desk.reads, ask.text("customer"))
    if found is None:
        raise Refused(RefusalCode.UNKNOWN_PAYEE)
    if agreements.acts_for(desk.reads, outlet, found.id):
        raise Refused(RefusalCode.PAYEE_IS_PAYER)
    found.must_be_active(RefusalCode.PAYEE_FROZEN)
    return found


def _fails(desk: Desk, connection: Connection, agent: Party, of: Party) -> int:
    """How often the agent typed wrong digits of that customer today; locks the pair's row."""
    now = desk.clock.now()
    row = connection.exec_driver_sql(
        "INSERT INTO sightings AS s (by_id, of_id, day, expires_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (by_id, of_id) DO UPDATE SET day = excluded.day,"
        " fails = CASE WHEN s.day = excluded.day THEN s.fails ELSE 0 END,"
        " expires_at = greatest(s.expires_at, excluded.expires_at)"
        " RETURNING fails",
        (agent.id, of.id, business_day(now), now),
    ).one()
    return int(row.fails)


def _count(connection: Connection, agent: Party, of: Party, fails: int) -> None:
    connection.exec_driver_sql(
        "UPDATE sightings SET fails = %s WHERE by_id = %s AND of_id = %s", (fails, agent.id, of.id)
    )


def _is_tail(desk: Desk, connection: Connection, of: Party, tail: str) -> bool:
    sealed = connection.exec_driver_sql(
        "SELECT national_id_sealed FROM parties WHERE id = %s", (of.id,)
    ).scalar_one()
    return hmac.compare_digest(desk.keyring.open(sealed)[-len(tail) :], tail)
