"""What is given back to a customer finds room there: `back`, which the entry says of itself.

The ledger undoes an entry without looking at what an account may hold at most. So that is looked at
here while it is written, and to one account one thing at a time is given back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ussd_app.domain import parties, room
from ussd_app.domain.alone import alone
from ussd_app.domain.catalogue import PAYEE
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import Draft


@contextmanager
def entry(desk: Desk, draft: Draft) -> Iterator[None]:
    """Raises Refused(payee_balance_limit), Unavailable."""
    roles, behind, said = (draft.facts[part] for part in ("roles", "parties", "said"))
    assert isinstance(roles, Mapping)
    assert isinstance(behind, Mapping)
    assert isinstance(said, Mapping)
    kind, account = desk.catalogue.types[draft.type], int(roles[PAYEE])
    payee = parties.by_id(desk.reads, behind[PAYEE])
    with alone(desk, f"room:{account}"):
        room.must_be_there(desk, kind, payee, account, int(said["back"]))
        yield
