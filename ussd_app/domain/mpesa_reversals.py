"""A payment from M-PESA that has been given to somebody, taken back from them: its entry is undone,
with all that it paid.

Either two of the staff want Safaricom to reverse it: its value is held where it went, Safaricom is
asked once under our own name, and the entry is undone when it has said so. Or it has been reversed
there without us, and two of the staff say so by the receipt of that: the entry is undone at once.
What the receiver has spent is not taken: nobody goes below the floor of an account.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ussd_app.domain import orders, parties, promises, staff, two_of_staff
from ussd_app.domain.arrivals import enter
from ussd_app.domain.catalogue import AMOUNT, PAYEE, PAYER
from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.drafting import between, head, receipts, undone
from ussd_app.domain.keys import fingerprint
from ussd_app.domain.mpesa import arrival, matching
from ussd_app.domain.orders import Order
from ussd_app.domain.payouts import ORIGINAL
from ussd_app.domain.roles import Side
from ussd_app.domain.two_of_staff import SIGNED, Undecided
from ussd_app.kernel.daraja import account_number
from ussd_app.kernel.errors import RefusalCode, Refused
from ussd_app.ledger.refusals import AlreadyReversed, BelowFloor, KeyConflict

TYPE, FROM_SUSPENSE = "mpesa_reversed", "mpesa_given_back"
UNDOES, ASIDE = "undoes", "aside"
"""Facts of what is asked for: the id of the entry that is undone by it, and whether its money lay
aside before."""
BACK = "reverse"
SPENT = "It is not there any more: who got it has spent it."

_GIVEN = """
SELECT e.id, e.key, e.type, e.receipt, e.facts, r.reversed_id IS NOT NULL
FROM entries e LEFT JOIN reversals r ON r.reversed_id = e.id
WHERE e.scope = 'system' AND e.key = ANY (%s) AND e.type = ANY (%s)
"""
_HELD = """
SELECT h.state FROM entries e JOIN holds h ON h.id = e.id WHERE e.scope = %s AND e.key = %s
"""
_SENT_BACK = """
UPDATE unplaced SET state = 'sent_back', ended_at = %s WHERE reference = %s AND state = 'released'
"""
_NO_DIFFERENCE = """
UPDATE differences SET state = 'posted', receipt = %s, ended_at = %s
WHERE kind = 'reversed' AND reference = %s AND state = 'open'
"""
_PLACES = (*arrival.PLACES.values(), *matching.KINDS.values())


class _Given(NamedTuple):
    """The entry by which a payment went to whom it was for, at once or when staff had placed it."""

    id: int
    key: str
    type: str
    receipt: str
    facts: Mapping[str, Any]
    undone: bool

    @property
    def minor(self) -> int:
        return int(self.facts["price"][AMOUNT])

    @property
    def from_suspense(self) -> bool:
        """Whether it lay aside before: undone it lies there again."""
        return self.type in matching.KINDS.values()

    def side(self, desk: Desk) -> Side:
        """Who got it."""
        said = self.facts["said"][PAYEE]
        party = parties.by_id(desk.reads, self.facts["parties"][PAYEE])
        account = int(self.facts["roles"][PAYEE])
        return Side(party, account, str(said["name"]), str(said["number"]))


def want(desk: Desk, mpesa: str, by: str) -> str | None:
    """One of the staff wants a payment reversed; Safaricom is asked when another wants it, too.

    Returns the receipt of our request; None while another must say so. Raises Undecided.
    """
    mpesa = account_number(mpesa)
    given = _given(desk, mpesa, by)
    return two_of_staff.together(
        desk, f"mpesa {mpesa}", BACK, by, lambda names: _hold(desk, mpesa, given, names)
    )


def _hold(desk: Desk, mpesa: str, given: _Given, names: str) -> str:
    """Hold the value and ask, in one commit; anew only when the last time nothing came of it."""
    nth = _attempts(desk, mpesa)
    said: dict[str, object] = {"mpesa": mpesa, ORIGINAL: mpesa, SIGNED: names}
    said |= {UNDOES: given.id, ASIDE: given.from_suspense}
    order = Order(
        kind=desk.catalogue.types[TYPE],
        sides={PAYER: given.side(desk)},
        price={AMOUNT: given.minor},
        said=said,
    )
    key = f"{TYPE}:{mpesa}:{nth}"
    try:
        return orders.carry_out(desk, order, SYSTEM, key, fingerprint(key, given.id)).receipt
    except Refused as refused:
        if refused.code is RefusalCode.INSUFFICIENT_FUNDS:
            raise Undecided(SPENT) from None
        raise Undecided(f"It cannot be asked for: {refused.code.value}.") from None


def enter_seen(desk: Desk, mpesa: str, theirs: str, by: str) -> str | None:
    """One of the staff says that Safaricom has reversed a payment, by the receipt `theirs` of that;
    our entry is undone when another says the same.

    Returns our receipt; None while another must say so. Raises Undecided.
    """
    mpesa, theirs = account_number(mpesa), account_number(theirs)
    given = _given(desk, mpesa, by)
    if theirs in ("", mpesa):
        raise Undecided("That takes the receipt of the reversal itself.")
    _attempts(desk, mpesa)
    what = f"reversed by {theirs}"
    return two_of_staff.together(
        desk, f"mpesa {mpesa}", what, by, lambda names: _undo(desk, mpesa, theirs, given, names)
    )


def _undo(desk: Desk, mpesa: str, theirs: str, given: _Given, names: str) -> str:
    kind, price = desk.catalogue.types[TYPE], {AMOUNT: given.minor}
    said = {"mpesa": mpesa, ORIGINAL: theirs, UNDOES: given.id, SIGNED: names}
    _attempts(desk, mpesa)
    move = between(desk, kind, {PAYER: given.side(desk)}, price, said)
    key = f"{TYPE}:{mpesa}"
    draft = head(desk, move, SYSTEM, key, fingerprint(key, given.id, theirs))
    draft = replace(draft, outbox=tuple(receipts(move, draft, kind.receipts)))
    try:
        written = undone(desk, draft, given.id)
    except BelowFloor:
        raise Undecided(SPENT) from None
    except (AlreadyReversed, KeyConflict):
        raise Undecided(f"{mpesa} was undone already.") from None
    if given.from_suspense:
        _leave_suspense(desk, mpesa, theirs, given.minor, names)
    with desk.engine.begin() as connection:
        ended = (written.receipt, desk.clock.now(), theirs)
        connection.exec_driver_sql(_NO_DIFFERENCE, ended)
    return written.receipt


def _given(desk: Desk, mpesa: str, by: str) -> _Given:
    """Raises Undecided when nobody has got it, or not any more, or it is what `by` have got."""
    keys = [f"mpesa:{mpesa}", f"unplaced:mpesa:{mpesa}"]
    with desk.reads.connect() as connection:
        row = connection.exec_driver_sql(_GIVEN, (keys, list(_PLACES))).fetchone()
        if row is None:
            raise Undecided(f"Nobody was given a payment {mpesa}.")
        given = _Given(*row)
        staff.must_be_another(connection, by, given.facts["parties"][PAYEE])
    if given.undone:
        raise Undecided(f"{mpesa} was undone already.")
    return given


def _attempts(desk: Desk, mpesa: str) -> int:
    """How often Safaricom was asked in vain. Raises Undecided while it has not answered."""
    nth = 0
    with desk.reads.connect() as connection:
        while True:
            key = f"{TYPE}:{mpesa}:{nth}"
            state = connection.exec_driver_sql(_HELD, (SYSTEM, key)).scalar_one_or_none()
            if state is None:
                return nth
            if state == "open":
                raise Undecided(f"Safaricom is being asked to reverse {mpesa}.")
            nth += 1


def _leave_suspense(desk: Desk, mpesa: str, theirs: str, minor: int, names: str) -> None:
    """What had been placed by staff is back in suspense, and leaves us from there. Once."""
    digest = fingerprint("unplaced back", mpesa)
    said = {"reference": mpesa, ORIGINAL: theirs, SIGNED: names}
    enter(desk, FROM_SUSPENSE, minor, f"{TYPE}:suspense:{mpesa}", digest, said=said)
    with desk.engine.begin() as connection:
        connection.exec_driver_sql(_SENT_BACK, (desk.clock.now(), mpesa))


# what the book does when Safaricom has answered; `hold_id` is the entry that holds the value


def settle(
    desk: Desk, hold_id: int, asked: Mapping[str, Any], key: str, learnt: Mapping[str, object]
) -> None:
    """It is reversed: the entry that had given it away is undone out of what is held."""
    promises.settle_by_undoing(desk, hold_id, int(asked[UNDOES]), key, learnt)
    if asked[ASIDE]:
        theirs, minor = str(learnt.get(ORIGINAL, "-")), int(asked[AMOUNT])
        _leave_suspense(desk, str(asked["mpesa"]), theirs, minor, str(asked[SIGNED]))


def void(desk: Desk, hold_id: int, key: str, learnt: Mapping[str, object]) -> None:
    """It is not: the value is free again, and staff may try anew."""
    promises.void(desk, hold_id, key, learnt)
