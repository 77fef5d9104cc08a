"""Small pure functions that a row of the catalogue names when a number must be worked out.

A module here has one function, `work_out`, and is found by its file: adding a policy is adding a
file. The products linter knows which there are.
"""

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module

Terms = Mapping[str, object]
Parts = Mapping[str, int]
Policy = Callable[[Parts, Terms], int]
"""From what is priced so far and the terms of the payee's agreement to minor units."""


def _policies() -> dict[str, Policy]:
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {name: import_module(f"{__name__}.{name}").work_out for name in names}


POLICIES: Mapping[str, Policy] = _policies()
