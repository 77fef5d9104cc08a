"""What every entry is drafted from: a type's sentences as legs, its receipts, the limits it uses.

Reads the catalogue and the house's accounts; writes nothing and asks nobody but for the writing
itself (`tried`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ussd_app.domain import limits
from ussd_app.domain.catalogue import AMOUNT, HOUSE, PAYEE, PAYER, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.house import EVALUE, FLOAT
from ussd_app.domain.parties import Party
from ussd_app.domain.pricing import Price
from ussd_app.ledger.book import Draft, Leg, OutboxRow, ReceiptTaken, Usage, Written

DAILY = "daily"
RECEIPT_TRIES = 5


def legs(desk: Desk, kind: Type, roles: Mapping[str, int], price: Price) -> Iterator[Leg]:
    """A type's sentences as legs between accounts; what moves nothing, or has nobody who fills its
    role, is left out.

    A leg with a meaning gets its mirror in the house's own book.
    """
    for sentence in kind.legs:
        amount = price[sentence.quantity]
        source, target = (
            _account(desk, roles, sentence.source),
            _account(desk, roles, sentence.target),
        )
        if not amount or source is None or target is None:
            continue
        yield Leg(source, target, amount)
        if sentence.meaning is not None:
            meaning = _account(desk, roles, sentence.meaning)
            assert meaning is not None
            ends = (desk.house[EVALUE], meaning)
            yield Leg(*(ends if sentence.target == HOUSE else ends[::-1]), amount)


def _account(desk: Desk, roles: Mapping[str, int], name: str) -> int | None:
    """The account of a role, the house, or a name; None for a role that nobody fills."""
    if name in roles:
        return roles[name]
    return desk.house.get(FLOAT if name == HOUSE else name)


def receipts(
    templates: Mapping[str, str],
    facts: Mapping[str, object],
    sides: Mapping[str, Any],
    roles: Mapping[str, int],
    told: Mapping[str, Party],
) -> Iterator[OutboxRow]:
    """The receipt of each side, naming the other."""
    for role, template in templates.items():
        other = sides.get(PAYEE if role == PAYER else PAYER) or sides[role]
        party = told[role]
        yield OutboxRow(
            kind="sms",
            address=party.msisdn,
            template=template,
            language=party.language,
            facts={
                **facts,
                "name": other["name"],
                "msisdn": other["number"],
                "number": other["number"],
            },
            balance_of=roles[role],
        )


def usages(desk: Desk, kind: Type, payer: Party, price: Price, now: datetime) -> tuple[Usage, ...]:
    """What an entry of a type uses up of its payer's limits, a day's and a month's."""
    if kind.limits != DAILY:
        return ()
    return tuple(limits.usages(desk.catalogue.tiers[payer.tier], payer, price[AMOUNT], now))


def given_back(used: Iterable[Usage]) -> tuple[Usage, ...]:
    """The same limits as if it had never been; giving back is bound by none of them, since one may
    have been lowered meanwhile."""
    return tuple(
        replace(
            usage,
            amount_minor=-usage.amount_minor,
            count=-usage.count,
            max_minor=None,
            max_count=None,
        )
        for usage in used
    )


def tried(desk: Desk, draft: Draft, write: Callable[[Draft], Written]) -> Written:
    """Write a draft; a receipt number that somebody has already is drawn anew."""
    for _ in range(RECEIPT_TRIES):
        try:
            return write(draft)
        except ReceiptTaken:
            draft = draft.with_receipt(desk.ids.receipt(draft.happened_at))
    return write(draft)
