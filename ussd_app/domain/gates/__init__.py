"""What a type asks beyond prices and limits, before and while it is written: its gates.

A type names its gates in its row; a gate is a module here, found by its file, with any of

- `parties(desk, ask, sides)`: judges who takes part, when a price is asked for;
- `price(desk, kind, sides, price)`: says what the price is, where it hangs on what was before;
- `amount(desk, kind, sides, price)`: judges how much, when a price is asked for;
- `entry(desk, draft)`: a context in which the entry is written, which judges once more what may
  have changed since, so that nobody who races gets past it.

Each raises Refused. A gate reads; what it goes by is written elsewhere.
"""

import pkgutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from importlib import import_module
from types import ModuleType

from ussd_app.domain.catalogue import Type
from ussd_app.domain.desk import Ask, Desk
from ussd_app.domain.roles import Side
from ussd_app.ledger.drafts import Draft

GATES: Mapping[str, ModuleType] = {
    module.name: import_module(f"{__name__}.{module.name}")
    for module in pkgutil.iter_modules(__path__)
}


def judge_parties(desk: Desk, ask: Ask, kind: Type, sides: Mapping[str, Side]) -> None:
    """Every gate's word on who takes part. Raises Refused."""
    for name in kind.gates:
        if hasattr(GATES[name], "parties"):
            GATES[name].parties(desk, ask, sides)


def price(
    desk: Desk, kind: Type, sides: Mapping[str, Side], price: Mapping[str, int]
) -> Mapping[str, int]:
    """The price, as every gate has left it."""
    for name in kind.gates:
        if hasattr(GATES[name], "price"):
            price = GATES[name].price(desk, kind, sides, price)
    return price


def judge_amount(
    desk: Desk, kind: Type, sides: Mapping[str, Side], price: Mapping[str, int]
) -> None:
    """Every gate's word on how much. Raises Refused."""
    for name in kind.gates:
        if hasattr(GATES[name], "amount"):
            GATES[name].amount(desk, kind, sides, price)


def writing(desk: Desk, draft: Draft) -> AbstractContextManager[object]:
    """The context in which a draft is written. Raises Refused when it is entered."""
    stack = ExitStack()
    kind = desk.catalogue.types.get(draft.type)
    for name in kind.gates if kind else ():
        if hasattr(GATES[name], "entry"):
            stack.enter_context(GATES[name].entry(desk, draft))
    return stack
