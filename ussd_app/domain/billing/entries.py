"""How the pay-bill engine writes into the book `billing`: entries between a biller's own accounts.

Once a key, like everything; nothing here moves money of anybody else.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ussd_app.domain.desk import SYSTEM, Desk
from ussd_app.domain.drafting import Move, begun, head, legs
from ussd_app.domain.keys import fingerprint
from ussd_app.ledger.drafts import Draft, OutboxRow, Written

Tell = Callable[[Draft], Iterable[OutboxRow]]
"""What is said of an entry, knowing its receipt number."""


def post(
    desk: Desk,
    kind_name: str,
    accounts: Mapping[str, int],
    price: Mapping[str, int],
    key: str,
    said: Mapping[str, object] | None = None,
    tell: Tell | None = None,
    reverses: int | None = None,
) -> Written:
    """Write a type's sentences between accounts by role, or undo an entry under the type's name.

    Raises LedgerRefusal.
    """
    kind = desk.catalogue.types[kind_name]
    move = Move(kind, accounts, {}, price, dict(said or {}), desk.catalogue.digest)
    digest = fingerprint(kind_name, *sorted(accounts.items()), *sorted(price.items()), reverses)
    draft = head(desk, move, SYSTEM, key, digest)
    draft = replace(draft, outbox=tuple(tell(draft)) if tell else ())
    if reverses is not None:
        return begun(desk, replace(draft, reverses=reverses))
    return begun(desk, replace(draft, legs=tuple(legs(desk, kind, accounts, price))))
