"""Proves the catalogue sound before it prices anything: `python -m ussd_app.products lint`.

Each rule is a function from the catalogue and the sentences to faults; a fault names the row.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from ussd_app.domain.catalogue import QUANTITIES, Catalogue, LegSentence, Type
from ussd_app.domain.texts import FACT_TYPES, LANGUAGES, Sentence, Texts
from ussd_app.kernel.gsm7 import is_gsm7, segments, unmappable

HOUSE = "house"


def lint(catalogue: Catalogue, texts: Texts) -> list[str]:
    """Every fault of the products, as sentences. Empty: sound."""
    faults = [fault for rule in RULES for fault in rule(catalogue)]
    for sentence in texts:
        faults += _sentence_faults(sentence, texts)
    faults += _receipt_faults(catalogue, texts)
    return faults


def _codes(catalogue: Catalogue) -> Iterator[str]:
    for code, uses in Counter(kind.code for kind in catalogue.types.values()).items():
        if uses > 1:
            yield f"code {code}: used by {uses} types"


def _chart(catalogue: Catalogue) -> Iterator[str]:
    for kind in catalogue.accounts.values():
        if kind.side == "credit" and kind.owner != "meaning" and kind.floor_minor is None:
            yield f"account {kind.kind}: owes somebody and has no floor"
        if kind.floor_minor is not None and kind.floor_minor < 0:
            yield f"account {kind.kind}: its floor is below zero"


def _types(catalogue: Catalogue) -> Iterator[str]:
    for kind in catalogue.types.values():
        where = f"type {kind.name}"
        for role, account in kind.parties.items():
            if account not in catalogue.accounts:
                yield f"{where}: {role} has an account of no kind: {account}"
        for leg in kind.legs:
            yield from (f"{where}: '{leg}': {fault}" for fault in _leg(catalogue, kind, leg))
        for role in kind.receipts:
            if role not in kind.parties:
                yield f"{where}: a receipt for {role}, who takes no part"
        if kind.fee is None and any(leg.quantity in ("fee", "excise") for leg in kind.legs):
            yield f"{where}: moves a fee that no tariff gives"


def _leg(catalogue: Catalogue, kind: Type, leg: LegSentence) -> Iterator[str]:
    if leg.quantity not in QUANTITIES:
        yield f"nobody computes {leg.quantity}"
    books = [_book(catalogue, kind, end) for end in (leg.source, leg.target)]
    for end, book in zip((leg.source, leg.target), books, strict=True):
        if book is None:
            yield f"{end} is neither a party nor an account"
    if None not in books and books[0] != books[1]:
        yield "crosses from one book to the other"
    if leg.source == leg.target:
        yield "goes nowhere"
    ends_at_house = HOUSE in (leg.source, leg.target)
    if ends_at_house and leg.meaning is None:
        yield "the house takes part and nothing says as what"
    if leg.meaning is not None:
        if not ends_at_house:
            yield "has a meaning, and the house takes no part"
        if _book(catalogue, kind, leg.meaning) != "house":
            yield f"{leg.meaning} is no account of the house's own book"


def _book(catalogue: Catalogue, kind: Type, end: str) -> str | None:
    """The book of one end of a leg: a role, `house`, or an account by name."""
    account = "float" if end == HOUSE else kind.parties.get(end, end.partition("/")[0])
    row = catalogue.accounts.get(account)
    return row.book if row else None


def _tariffs(catalogue: Catalogue) -> Iterator[str]:
    needed = {kind.fee for kind in catalogue.types.values() if kind.fee}
    for book in catalogue.tariff_books:
        for name in needed - set(book.tariffs):
            yield f"tariffs of {book.valid_from}: {name} is missing"
        for name, bands in book.tariffs.items():
            where = f"tariff {name} of {book.valid_from}"
            for low, high in pairwise(bands):
                if high.up_to_minor <= low.up_to_minor:
                    yield f"{where}: the band up to {high.up_to_minor} overlaps the one before"
                if high.fee_minor < low.fee_minor:
                    yield f"{where}: the fee steps down at {high.up_to_minor}"
            for band in bands:
                if band.fee_minor > band.up_to_minor:
                    yield f"{where}: a fee above the amount at {band.up_to_minor}"
    if not catalogue.tariff_books and needed:
        yield "tariffs: there are none"


def _limits(catalogue: Catalogue) -> Iterator[str]:
    highest = max((tier.per_transaction_minor for tier in catalogue.tiers.values()), default=0)
    for level, tier in catalogue.tiers.items():
        if tier.per_transaction_minor > catalogue.fat_finger_minor:
            yield f"tier {level}: a transaction may pass the fat-finger stop"
        if tier.daily_value_minor < tier.per_transaction_minor:
            yield f"tier {level}: one transaction is more than a day may be"
    needed = {kind.fee for kind in catalogue.types.values() if kind.fee and kind.limits}
    for book in catalogue.tariff_books:
        for name in needed & set(book.tariffs):
            if book.tariffs[name][-1].up_to_minor < highest:
                yield f"tariff {name} of {book.valid_from}: ends below what a tier may send"


RULES: tuple[Callable[[Catalogue], Iterator[str]], ...] = (
    _codes,
    _chart,
    _types,
    _tariffs,
    _limits,
)


def _sentence_faults(sentence: Sentence, texts: Texts) -> Iterator[str]:
    where = f"text {sentence.template}"
    unknown = sorted(set(sentence.facts.values()) - set(FACT_TYPES))
    if unknown:
        yield f"{where}: facts of unknown types: {', '.join(unknown)}"
        return
    for language in LANGUAGES:
        text = sentence.text[language]
        named = Texts.facts_named(text)
        declared = set(sentence.facts)
        if named != declared:
            odd = ", ".join(sorted(named ^ declared))
            yield f"{where} ({language}): names other facts than it declares: {odd}"
            continue
        widest = texts.widest(sentence.template, language)
        if not is_gsm7(widest):
            yield f"{where} ({language}): not in the GSM alphabet: {unmappable(widest)}"
        elif segments(widest) > sentence.parts:
            parts, length = segments(widest), len(widest)
            yield f"{where} ({language}): may take {parts} parts ({length} characters)"


def _receipt_faults(catalogue: Catalogue, texts: Texts) -> Iterator[str]:
    for kind in catalogue.types.values():
        for role, template in kind.receipts.items():
            if template not in texts:
                yield f"type {kind.name}: the receipt of {role} has no text: {template}"
