"""So many digits and nothing else: the term `digits` says how many."""

from collections.abc import Mapping

NEEDS = ("digits",)


def is_known(reference: str, terms: Mapping[str, object]) -> bool:
    """Whether it has exactly that many digits."""
    return reference.isascii() and reference.isdigit() and len(reference) == _wanted(terms)


def _wanted(terms: Mapping[str, object]) -> int:
    return int(str(terms["digits"]))
