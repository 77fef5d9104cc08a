"""Money that was kept aside, given back by reversing the M-PESA receipt with which it came.

What somebody has been given already is `mpesa_reversals`' business, which is told from here.
Two of the staff must want it. It stays in suspense until Safaricom has reversed it: the row of
what was kept aside is `returning` meanwhile, so that nobody else decides about it.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from ussd_app.domain import mpesa_reversals, two_of_staff
from ussd_app.domain.arrivals import enter
from ussd_app.domain.desk import Desk
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.payouts import ORIGINAL, REVERSAL
from ussd_app.domain.two_of_staff import Undecided

TYPE = "mpesa_given_back"
BACK = "back"
"""Where it is wanted to go, in the row of what was kept aside."""

_ONE = """
SELECT reference, receipt, amount_minor FROM unplaced
WHERE reference = %s AND source = 'mpesa' AND state = 'waiting' FOR UPDATE
"""
_BY = "SELECT wanted_by FROM unplaced WHERE reference = %s"
_STATE = "UPDATE unplaced SET state = %s, ended_at = %s WHERE reference = %s"
_FREE = """
UPDATE unplaced SET state = 'waiting', wanted = NULL, wanted_by = NULL, because = %s
WHERE reference = %s AND state = 'returning'
"""
_ASK = """
INSERT INTO errands (entry_id, kind, reference, facts, due_at, created_at)
SELECT id, %(kind)s, receipt, %(facts)s, %(now)s, %(now)s FROM entries WHERE receipt = %(receipt)s
ON CONFLICT (entry_id) DO UPDATE SET state = 'queued', tries = errands.tries + 1, attempts = 0,
    looks = 0, due_at = excluded.due_at, provider_id = NULL, learnt = '{}', ended_at = NULL
WHERE errands.state = 'refused'
"""
_FACTS = "SELECT facts FROM errands WHERE entry_id = %s"
NOT_REVERSED = "M-PESA did not take it back"


def want(desk: Desk, reference: str, by: str) -> bool:
    """One of the staff wants money given back; it goes when another wants it, too.

    False while another must say so. Raises Undecided.
    """
    with desk.engine.begin() as connection:
        row = connection.exec_driver_sql(_ONE, (reference,)).fetchone()
        if row is None:
            raise Undecided(f"No money from M-PESA waits under {reference}.")
        saying = two_of_staff.want(connection, reference, BACK, by)
        if saying.is_enough:
            _ask(desk, connection, row)
        return saying.is_enough


def _ask(desk: Desk, connection: Connection, row: Any) -> None:
    now = desk.clock.now()
    facts = {
        "amount": row.amount_minor,
        ORIGINAL: row.reference,
        "receipt": row.receipt,
    }
    asked = {"kind": REVERSAL, "facts": json.dumps(facts), "receipt": row.receipt, "now": now}
    if connection.exec_driver_sql(_ASK, asked).rowcount == 0:
        raise Undecided("It is being ended; try again in a minute.")
    connection.exec_driver_sql(_STATE, ("returning", None, row.reference))


# what the book does when Safaricom has spoken; `entry_id` is that of the entry that kept it aside


def settle(desk: Desk, entry_id: int, key: str, learnt: Mapping[str, object]) -> None:
    """It went back: it leaves suspense. Once, whatever `key` says: it can leave only once."""
    facts = _facts(desk, entry_id)
    if mpesa_reversals.UNDOES in facts:
        mpesa_reversals.settle(desk, entry_id, facts, key, learnt)
        return
    reference = str(facts[ORIGINAL])
    digest = fingerprint("unplaced", reference)
    with desk.reads.connect() as connection:
        by = connection.exec_driver_sql(_BY, (reference,)).scalar_one()
    said = {"reference": reference, **learnt, two_of_staff.SIGNED: by}
    enter(desk, TYPE, int(facts["amount"]), f"unplaced:mpesa:{reference}", digest, said=said)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_STATE, ("sent_back", desk.clock.now(), reference))


def void(desk: Desk, entry_id: int, key: str, learnt: Mapping[str, object]) -> None:
    """It did not go back: staff decide anew."""
    facts = _facts(desk, entry_id)
    if mpesa_reversals.UNDOES in facts:
        mpesa_reversals.void(desk, entry_id, key, learnt)
        return
    reference = str(facts[ORIGINAL])
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_FREE, (NOT_REVERSED, reference))


def _facts(desk: Desk, entry_id: int) -> Mapping[str, Any]:
    with desk.reads.connect() as connection:
        facts: Mapping[str, Any] = connection.exec_driver_sql(_FACTS, (entry_id,)).scalar_one()
        return facts
