"""The bank's counter, a module a product: its commands, its replies to keywords, its rounds.

A module may have `COMMANDS`, `REPLIES` and `ROUNDS`, and is found by its file: adding a product is
adding files. The menu linter holds every flow against the commands, the products linter every
keyword against the replies.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ussd_app.domain.commands import Command, Reply, Round


def _gathered(what: str) -> dict[str, Any]:
    """All tables of a name, of all modules. Raises ValueError for what stands in two."""
    table: dict[str, Any] = {}
    for module in pkgutil.iter_modules(__path__):
        rows = getattr(import_module(f"{__name__}.{module.name}"), what, {})
        twice = sorted(set(rows) & set(table))
        if twice:
            raise ValueError(f"{what} of {module.name}: {', '.join(twice)} stands elsewhere too")
        table |= rows
    return table


COMMANDS: Mapping[str, Command] = _gathered("COMMANDS")
REPLIES: Mapping[str, Reply] = _gathered("REPLIES")
ROUNDS: Mapping[str, Round] = _gathered("ROUNDS")
