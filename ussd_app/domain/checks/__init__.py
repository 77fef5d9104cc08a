"""What a biller lets through as an account number, before anybody's money moves.

A module here has one pure function, `is_known`, and is found by its file; a biller's agreement
names one in its term `check`. Without that term every account number will do. `NEEDS` of a module
are the terms without which it cannot judge.
"""

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module

from ussd_app.kernel.errors import Broken, RefusalCode, Refused

Terms = Mapping[str, object]
Check = Callable[[str, Terms], bool]
"""From an account number, in capitals without blanks, and the biller's terms."""

_MODULES = {
    module.name: import_module(f"{__name__}.{module.name}")
    for module in pkgutil.iter_modules(__path__)
}
CHECKS: Mapping[str, Check] = {name: module.is_known for name, module in _MODULES.items()}
NEEDS: Mapping[str, tuple[str, ...]] = {
    name: getattr(module, "NEEDS", ()) for name, module in _MODULES.items()
}


def must_be_known(terms: Terms, reference: str) -> None:
    """Judge the account number at a biller by the biller's own check.

    Raises Refused(unknown_bill_account).
    """
    name = terms.get("check")
    if name is None:
        return
    if name not in CHECKS:
        raise Broken(f"a biller's check is one that we have: {name}")
    if not CHECKS[str(name)](reference, terms):
        raise Refused(RefusalCode.UNKNOWN_BILL_ACCOUNT)
