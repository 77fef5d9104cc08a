"""What may be agreed with whom: each term of a kind of agreement has a shape, in the catalogue.

Knows shapes and not what terms are for. Whoever proposes a term is told here what it may be, so
that nothing is agreed which a price or a check could not read.
"""

import re
from collections.abc import Iterator, Mapping

from ussd_app.domain.catalogue import AgreementKind, Catalogue
from ussd_app.domain.checks import CHECKS, NEEDS
from ussd_app.domain.two_of_staff import Undecided

SHAPE = re.compile(
    r"(?P<name>choice|number|degrees|text|category|check)(?:\((?P<given>[a-z0-9_, ]+)\))?\Z"
)
"""`choice(a, b)`, `number(least, most)`, `degrees(most)`, `text(width)`, `category`, `check`."""

_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_DEGREES = re.compile(r"-?\d{1,3}(\.\d{1,6})?", re.ASCII)


def must_fit(
    catalogue: Catalogue,
    kind: AgreementKind,
    proposed: Mapping[str, str],
    standing: Mapping[str, object],
) -> None:
    """Raises Undecided when a term that is proposed, beside those that stand, is none of the kind's
    or not what it may be. An empty one is taken away."""
    for fault in _faults(catalogue, kind, proposed, standing):
        raise Undecided(fault)


def words(shape: str) -> tuple[str, ...]:
    """What a choice chooses from; nothing of another shape."""
    name, given = _read(shape)
    return given if name == "choice" else ()


def fits(catalogue: Catalogue, shape: str, value: str) -> bool:
    """Whether a value is of a shape."""
    name, given = _read(shape)
    match name:
        case "number":
            return bool(_WHOLE.fullmatch(value)) and int(given[0]) <= int(value) <= int(given[1])
        case "degrees":
            return bool(_DEGREES.fullmatch(value)) and abs(float(value)) <= int(given[0])
        case "text":
            return (
                value.isprintable() and value == value.strip() and 0 < len(value) <= int(given[0])
            )
        case "category":
            return value in catalogue.categories
        case "check":
            return value in CHECKS
    return value in given


def _faults(
    catalogue: Catalogue,
    kind: AgreementKind,
    proposed: Mapping[str, str],
    standing: Mapping[str, object],
) -> Iterator[str]:
    for term, value in proposed.items():
        shape = kind.agrees.get(term)
        if shape is None:
            yield f"{kind.kind} has no term {term}; it has {', '.join(sorted(kind.agrees))}."
        elif not value and term in kind.terms:
            yield f"{term} of {kind.kind} cannot be taken away."
        elif value and not fits(catalogue, shape, value):
            yield f"{term} of {kind.kind} is {_told(catalogue, shape)}; not {value}."
    together = {**standing, **proposed}
    for needed in NEEDS.get(str(together.get("check")), ()):
        if not together.get(needed):
            yield f"the check {together['check']} needs the term {needed} too."


def _told(catalogue: Catalogue, shape: str) -> str:
    """What a shape lets through, in words."""
    name, given = _read(shape)
    match name:
        case "number":
            return f"a whole number from {given[0]} to {given[1]}"
        case "degrees":
            return f"degrees from -{given[0]} to {given[0]}, like -1.2833"
        case "text":
            return f"at most {given[0]} characters"
    known = {"category": catalogue.categories, "check": CHECKS}.get(name, given)
    return f"one of {', '.join(known)}"


def _read(shape: str) -> tuple[str, tuple[str, ...]]:
    match = SHAPE.match(shape)
    assert match is not None, "the shapes of terms were read with the products"
    given = match["given"] or ""
    return match["name"], tuple(word.strip() for word in given.split(",") if word.strip())
