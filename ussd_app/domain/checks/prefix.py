"""The term `prefix`, then digits: as many as the term `digits` says, or any number of them."""

from collections.abc import Mapping

NEEDS = ("prefix",)


def is_known(reference: str, terms: Mapping[str, object]) -> bool:
    """Whether it begins as all of that biller's accounts do, and goes on in digits."""
    prefix = str(terms["prefix"]).upper()
    rest = reference.removeprefix(prefix)
    if rest == reference or not (rest.isascii() and rest.isdigit()):
        return False
    return "digits" not in terms or len(rest) == int(str(terms["digits"]))
