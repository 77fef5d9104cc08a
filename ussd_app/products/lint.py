"""Proves the catalogue sound before it prices anything: `python -m ussd_app.products lint`.

Each rule is a function from the catalogue and the sentences to faults; a fault names the row.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

from ussd_app.domain import also, terms
from ussd_app.domain.callers import CUSTOMER, HOMES, STAFF
from ussd_app.domain.catalogue import (
    BILLING,
    EXCISE,
    FEE,
    HOUSE,
    PAYEE,
    PAYER,
    TAXED,
    ByPolicy,
    ByTerm,
    Catalogue,
    LegSentence,
    ShareOf,
    Type,
)
from ussd_app.domain.counter import REPLIES
from ussd_app.domain.gates import GATES
from ussd_app.domain.keywords import Keywords
from ussd_app.domain.policies import POLICIES
from ussd_app.domain.texts import Texts
from ussd_app.domain.two_of_staff import NEEDED
from ussd_app.kernel.gsm7 import is_gsm7, unmappable
from ussd_app.products import said


def lint(catalogue: Catalogue, texts: Texts) -> list[str]:
    """Every fault of the products, as sentences. Empty: sound."""
    faults = [fault for rule in RULES for fault in rule(catalogue)]
    return [*faults, *said.faults(catalogue, texts)]


def unanswered(keywords: Keywords) -> list[str]:
    """Keywords that nobody answers, and answers that no word asks for."""
    return [
        *(f"keyword {name}: nobody answers it" for name in sorted(keywords.names - set(REPLIES))),
        *(f"keyword {name}: no word asks for it" for name in sorted(set(REPLIES) - keywords.names)),
    ]


def _codes(catalogue: Catalogue) -> Iterator[str]:
    for code, uses in Counter(kind.code for kind in catalogue.types.values()).items():
        if uses > 1:
            yield f"code {code}: used by {uses} types"


def _chart(catalogue: Catalogue) -> Iterator[str]:
    owners = {"customer", HOUSE, "meaning", *catalogue.agreements}
    for kind in catalogue.accounts.values():
        where = f"account {kind.kind}"
        owes = kind.side == "credit" and kind.owner != "meaning" and kind.book != BILLING
        if owes and kind.floor_minor is None:
            yield f"{where}: owes somebody and has no floor"
        if (kind.book == BILLING) != (kind.code is not None):
            yield f"{where}: billers' own accounts have a code, and no others"
        if kind.floor_minor is not None and kind.floor_minor < 0:
            yield f"{where}: its floor is below zero"
        if kind.owner not in owners:
            yield f"{where}: belongs to nobody we know: {kind.owner}"
    for code, uses in Counter(kind.code for kind in catalogue.accounts.values()).items():
        if code is not None and uses > 1:
            yield f"code {code}: used by {uses} accounts"


def _agreements(catalogue: Catalogue) -> Iterator[str]:
    for kind in catalogue.agreements.values():
        where = f"agreement {kind.kind}"
        account = catalogue.accounts.get(kind.account)
        if account is None or account.owner != kind.kind:
            yield f"{where}: its main account {kind.account} is not owned by it"
        if kind.standing not in (None, *catalogue.standings):
            yield f"{where}: nobody has the standing {kind.standing}"
        if kind.funded_by is not None:
            type_ = catalogue.types.get(kind.funded_by)
            if type_ is None or type_.parties.get(PAYEE) != kind.account:
                yield f"{where}: {kind.funded_by} does not fund it"


def _terms(catalogue: Catalogue) -> Iterator[str]:
    """What stands without being agreed is of its shape, and a price by a term knows every word."""
    for kind in catalogue.agreements.values():
        for term, shape in kind.agrees.items():
            default = kind.terms.get(term)
            if default is not None and not terms.fits(catalogue, shape, default):
                yield f"agreement {kind.kind}: {term} is {default} where nothing is agreed"
    for type_ in catalogue.types.values():
        account = catalogue.accounts.get(type_.parties.get(PAYEE, ""))
        payee = catalogue.agreements.get(account.owner) if account else None
        for rule in type_.prices.values():
            if payee is None or not isinstance(rule, ByTerm):
                continue
            if set(terms.words(payee.agrees.get(rule.term, "choice"))) != set(rule.tariffs):
                yield f"type {type_.name}: not priced by what {payee.kind} agrees as {rule.term}"


def _standings(catalogue: Catalogue) -> Iterator[str]:
    for name, row in catalogue.standings.items():
        if name not in HOMES:
            yield f"standing {name}: no menu is for it"
        for label in row.values():
            if not is_gsm7(label):
                yield f"standing {name}: not in the GSM alphabet: {unmappable(label)}"
    for name in {CUSTOMER, STAFF} - set(catalogue.standings):
        yield f"standing {name}: has no row"


def _types(catalogue: Catalogue) -> Iterator[str]:
    for kind in catalogue.types.values():
        where = f"type {kind.name}"
        yield from (f"{where}: {fault}" for fault in _roles(catalogue, kind))
        yield from (f"{where}: {fault}" for fault in _prices(kind))
        yield from (f"{where}: {fault}" for fault in _gates(kind))
        for leg in kind.legs:
            yield from (f"{where}: '{leg}': {fault}" for fault in _leg(catalogue, kind, leg))


def _roles(catalogue: Catalogue, kind: Type) -> Iterator[str]:
    for role, account in kind.parties.items():
        if role not in (PAYER, PAYEE):
            yield f"{role} is neither payer nor payee and comes with nobody"
        if account not in catalogue.accounts:
            yield f"{role} has an account of no kind: {account}"
    for role, way in kind.derived.items():
        if way.of not in kind.parties:
            yield f"{role} comes with {way.of}, who takes no part"
        if way.account not in catalogue.accounts:
            yield f"{role} has an account of no kind: {way.account}"
    for role in kind.receipts:
        if role not in kind.parties:
            yield f"a receipt for {role}, who takes no part"
    if kind.starts == "customer" and PAYER not in kind.parties:
        yield "a customer starts it and nobody pays"


def _approvals(catalogue: Catalogue) -> Iterator[str]:
    """No one of the staff moves value alone."""
    for kind in catalogue.types.values():
        if kind.starts == "staff" and kind.approvals < NEEDED:
            yield f"type {kind.name}: staff start it without {NEEDED} approvals"
        if kind.starts != "staff" and kind.approvals:
            yield f"type {kind.name}: has approvals, and no staff start it"


def _gates(kind: Type) -> Iterator[str]:
    for gate in kind.gates:
        if gate not in GATES:
            yield f"there is no gate {gate}"
    if kind.also is not None and kind.also not in also.found():
        yield f"there is no also {kind.also}"


def _billed(catalogue: Catalogue) -> Iterator[str]:
    """Whoever keeps books here finds in them whatever moves their money."""
    keeps = {row.owner for row in catalogue.accounts.values() if row.book == BILLING}
    for kind in catalogue.types.values():
        rows = [catalogue.accounts.get(account) for account in kind.parties.values()]
        moved = {row.owner for row in rows if row and row.book != BILLING}
        if moved & keeps and kind.also is None:
            yield f"type {kind.name}: moves what a biller holds, and their books hear nothing of it"


def _prices(kind: Type) -> Iterator[str]:
    known = {"amount"}
    for quantity, rule in kind.prices.items():
        if isinstance(rule, ShareOf) and rule.quantity not in known:
            yield f"{quantity} is a share of {rule.quantity}, which is not priced before it"
        if isinstance(rule, ByPolicy) and rule.policy not in POLICIES:
            yield f"{quantity}: there is no policy {rule.policy}"
        known.add(quantity)
    if any(leg.quantity == EXCISE for leg in kind.legs) and not set(TAXED) & set(kind.prices):
        yield "moves excise and nothing is charged"


def _leg(catalogue: Catalogue, kind: Type, leg: LegSentence) -> Iterator[str]:
    if leg.quantity not in kind.quantities:
        yield f"nobody computes {leg.quantity}"
    pots = [_pot(catalogue, kind, end) for end in (leg.source, leg.target)]
    for end, pot in zip((leg.source, leg.target), pots, strict=True):
        if pot is None:
            yield f"{end} is neither a party nor an account"
    (source, target) = pots
    if source and target and source[0] != target[0]:
        yield "crosses from one book to the other"
    elif source and target and source[1] != target[1]:
        yield "turns one asset into another"
    if leg.source == leg.target:
        yield "goes nowhere"
    yield from _meaning(catalogue, kind, leg)


def _meaning(catalogue: Catalogue, kind: Type, leg: LegSentence) -> Iterator[str]:
    ends_at_house = HOUSE in (leg.source, leg.target)
    if ends_at_house and leg.meaning is None:
        yield "the house takes part and nothing says as what"
    if leg.meaning is not None:
        if not ends_at_house:
            yield "has a meaning, and the house takes no part"
        if (_pot(catalogue, kind, leg.meaning) or ("",))[0] != "house":
            yield f"{leg.meaning} is no account of the house's own book"


def _pot(catalogue: Catalogue, kind: Type, end: str) -> tuple[str, str] | None:
    """Book and asset of one end of a leg: a role, `house`, or an account by name."""
    if end == HOUSE:
        account = "float"
    elif end in kind.derived:
        account = kind.derived[end].account
    else:
        account = kind.parties.get(end, end.partition("/")[0])
    row = catalogue.accounts.get(account)
    return (row.book, row.asset) if row else None


def _tariffs(catalogue: Catalogue) -> Iterator[str]:
    needed = {
        tariff
        for kind in catalogue.types.values()
        for quantity in kind.prices
        for tariff in kind.tariffs(quantity)
    }
    for book in catalogue.tariff_books:
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
    there = set(catalogue.tariff_books[-1].tariffs) if catalogue.tariff_books else set()
    for name in sorted(needed - there):
        yield f"tariffs: {name} is missing"


def _limits(catalogue: Catalogue) -> Iterator[str]:
    highest = max((tier.per_transaction_minor for tier in catalogue.tiers.values()), default=0)
    for level, tier in catalogue.tiers.items():
        if tier.per_transaction_minor > catalogue.fat_finger_minor:
            yield f"tier {level}: a transaction may pass the fat-finger stop"
        if tier.daily_value_minor < tier.per_transaction_minor:
            yield f"tier {level}: one transaction is more than a day may be"
        if tier.monthly_value_minor < tier.daily_value_minor:
            yield f"tier {level}: one day is more than a month may be"
        if tier.monthly_count < tier.daily_count:
            yield f"tier {level}: a day's payments are more than a month's"
    needed = {
        tariff for kind in catalogue.types.values() for tariff in kind.tariffs(FEE) if kind.limits
    }
    for book in catalogue.tariff_books:
        for name in needed & set(book.tariffs):
            if book.tariffs[name][-1].up_to_minor < highest:
                yield f"tariff {name} of {book.valid_from}: ends below what a tier may send"


def _categories(catalogue: Catalogue) -> Iterator[str]:
    known = {**catalogue.categories, **catalogue.spending}
    for kind in catalogue.types.values():
        if kind.category is not None and kind.category not in known:
            yield f"type {kind.name}: there is no category {kind.category}"
    for name, row in known.items():
        for label in row.values():
            if not is_gsm7(label):
                yield f"category {name}: not in the GSM alphabet: {unmappable(label)}"


def _reversals(catalogue: Catalogue) -> Iterator[str]:
    within = catalogue.rules.get("reversal_within_s", {})
    by_staff = catalogue.rules.get("reversal_by_staff", {})
    for name in sorted({*within, *by_staff}):
        kind = catalogue.types.get(name)
        if kind is None or not {PAYER, PAYEE} <= set(kind.parties):
            yield f"reversals: {name} is no type between a payer and a payee"
        if (name in within) != (name in by_staff):
            yield f"reversals: {name} must say how late, and whether staff may decide"


RULES: tuple[Callable[[Catalogue], Iterator[str]], ...] = (
    _categories,
    _codes,
    _chart,
    _agreements,
    _standings,
    _terms,
    _types,
    _approvals,
    _billed,
    _tariffs,
    _limits,
    _reversals,
)
