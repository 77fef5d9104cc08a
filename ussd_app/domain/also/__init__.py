"""What a type writes beyond its own sentences, in the same entry: its `also`.

For what a sentence of the catalogue cannot say, since it must be looked up: which invoices a
payment pays. A type names one in its row; it is a module here, found by its file, with

- `more(desk, kind, accounts, price, said) -> Also`: `accounts` are those of whoever takes part, by
  role, and `said` the further facts (a reference that was typed).

- `make_room(desk, entry_id, account_id) -> bool`, if what it wrote may have been built upon since:
  takes the newest of that back where an account has too little left for undoing an entry.

- `told(desk, entry_id) -> Iterable[OutboxRow]`, if somebody is to be told when an entry that it
  wrote to is undone, besides those whom the undoing's own type tells.

- `tidy(desk, entry_id)`, if room may have been made: whatever is left of it finds its place again.

It is asked each time that something of the type is written, whoever writes it: an accepted quote,
an order, an arrival, the settling of a hold (never the hold itself, never a reversal, which undoes
all legs alike). It reads and raises Refused; it writes nothing. What it read may have changed when
the entry is written: the floors of the accounts that it names must hold whatever it says, and it is
asked anew when one of them would be passed.
"""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from ussd_app.domain.catalogue import Type
from ussd_app.domain.desk import Desk
from ussd_app.ledger.drafts import Leg, OutboxRow


class Also(NamedTuple):
    """What is added to an entry.

    Each of `receipts` is told the entry's `receipt` and `at` besides its own facts; `said` is told
    by every receipt of the entry, and kept with it.
    """

    legs: tuple[Leg, ...] = ()
    receipts: tuple[OutboxRow, ...] = ()
    said: Mapping[str, object] = {}

    @property
    def accounts(self) -> frozenset[int]:
        """Whose balances it changes."""
        return frozenset(account for leg in self.legs for account in leg[:2])


NOTHING = Also()
More = Callable[[Desk, Type, Mapping[str, int], Mapping[str, int], Mapping[str, object]], Also]


@cache
def found() -> dict[str, More]:
    """Every `also` by its name. Read when first asked: they stand on what is written here."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name: import_module(f"{__name__}.{name}").more for name in names}


def made_room(desk: Desk, entry_id: int, account_id: int) -> bool:
    """Whether something was taken back that stood in the way of undoing an entry."""
    return any(make(desk, entry_id, account_id) for make in _having("make_room"))


def told(desk: Desk, entry_id: int) -> Iterator[OutboxRow]:
    """What is said to whom besides when an entry is undone."""
    for tell in _having("told"):
        yield from tell(desk, entry_id)


def tidied(desk: Desk, entry_id: int) -> None:
    """Let what was made room for be tidied, once the entry is undone."""
    for tidy in _having("tidy"):
        tidy(desk, entry_id)


def _having(what: str) -> list[Callable[..., Any]]:
    modules = (import_module(f"{__name__}.{name}") for name in found())
    return [getattr(module, what) for module in modules if hasattr(module, what)]
