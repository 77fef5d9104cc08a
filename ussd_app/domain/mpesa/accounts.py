"""Whom an account number means that somebody typed into M-PESA: a customer, a till, a biller.

People type on small keys, in any case, with blanks and signs between, and put words before it. What
may mean several is whoever of them is there, in the order of `meanings`. Money is not known here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ussd_app.domain import agreements, checks, parties
from ussd_app.domain.agreements import Agreement
from ussd_app.domain.catalogue import PAYEE, Type
from ussd_app.domain.desk import Desk
from ussd_app.domain.parties import Party
from ussd_app.domain.roles import WALLET, Side
from ussd_app.kernel.daraja import account_meant, account_number
from ussd_app.kernel.errors import Refused

TILL, PAYBILL = "till", "paybill"

NONE_TYPED = "no account number"
UNKNOWN = "unknown account number"
UNKNOWN_THERE = "the biller knows no such account"
FROZEN = "account on hold"

_WORD = re.compile(r"[A-Z]{1,8}([0-9]+)", re.ASCII)

_PARTIES = f"""
SELECT {", ".join(parties.COLUMNS)} FROM parties WHERE msisdn = ANY (%s) AND status <> 'closed'
"""  # noqa: S608 - our own columns
_AGREEMENTS = f"""
SELECT {", ".join(f"a.{column}" for column in agreements.COLUMNS)},
       {", ".join(f"p.{column}" for column in parties.COLUMNS)}
FROM agreements a JOIN parties p ON p.id = a.party_id
WHERE a.kind = ANY (%s) AND a.number = ANY (%s)
"""  # noqa: S608 - our own columns
_WIDTH = len(agreements.COLUMNS)


@dataclass(frozen=True)
class Meaning:
    """One thing that an account number may mean: a kind of account, the number it goes by (E.164
    for a wallet), and the account number at a biller."""

    kind: str
    number: str
    reference: str = ""


@dataclass(frozen=True)
class Target:
    """Where money goes that names an account number: a side, or because of what it cannot."""

    meaning: Meaning | None
    side: Side | None
    because: str | None


def meanings(typed: str) -> tuple[Meaning, ...]:
    """What a typed account number may mean, likeliest first.

    The letter O among digits is a nought, and a word before digits (`ACC 0712…`) is only a word.
    """
    plain = account_number(typed)
    found = list(_meanings(plain))
    word = _WORD.fullmatch(plain)
    for digits in (plain.replace("O", "0"), word[1] if word else ""):
        if digits.isdigit():
            found += _meanings(digits)
    return tuple(dict.fromkeys(found))


def _meanings(plain: str) -> Iterable[Meaning]:
    read = account_meant(plain)
    if read.msisdn is not None:
        yield Meaning(WALLET, read.msisdn)
    if read.number is not None:
        if not read.rest or read.rest.isalpha():
            yield Meaning(TILL, read.number)
        yield Meaning(PAYBILL, read.number, read.rest)


def targets(desk: Desk, typed: Iterable[str]) -> Mapping[str, Target]:
    """Where each of these account numbers leads, in two questions however many they are."""
    meant = {text: meanings(text) for text in typed}
    every = {meaning for some in meant.values() for meaning in some}
    people = _people(desk, [it.number for it in every if it.kind == WALLET])
    shops = _shops(desk, {it.number for it in every if it.kind != WALLET})
    return {
        text: _first(text, [_target(it, people, shops) for it in some])
        for text, some in meant.items()
    }


def kind_of(desk: Desk, target: Target, kinds: Mapping[str, str]) -> Type:
    """The type by which money goes to a target, of those by kind of account."""
    assert target.meaning is not None
    kind = desk.catalogue.types[kinds[target.meaning.kind]]
    assert kind.parties[PAYEE] == target.meaning.kind
    return kind


def _first(text: str, found: Iterable[Target | None]) -> Target:
    for target in found:
        if target is not None:
            return target
    return Target(None, None, UNKNOWN if account_number(text) else NONE_TYPED)


def _target(
    it: Meaning,
    people: Mapping[str, Party],
    shops: Mapping[tuple[str, str], tuple[Agreement, Party]],
) -> Target | None:
    if it.kind == WALLET:
        party = people.get(it.number)
        if party is None:
            return None
        side = Side(party, party.wallet_id, party.name, party.msisdn)
        return Target(it, side, None if party.status == "active" else FROZEN)
    found = shops.get((it.kind, it.number))
    if found is None:
        return None
    shop, owner = found
    side = Side(owner, shop.account_id, shop.name, shop.number, shop)
    if shop.state != "active" or owner.status != "active":
        return Target(it, side, FROZEN)
    return Target(it, side, _unknown_there(shop, it))


def _unknown_there(shop: Agreement, it: Meaning) -> str | None:
    """What a biller says of an account number by its own check."""
    if it.kind != PAYBILL:
        return None
    try:
        checks.must_be_known(shop.terms, it.reference)
    except Refused:
        return UNKNOWN_THERE
    return None if it.reference else UNKNOWN_THERE


def _people(desk: Desk, msisdns: list[str]) -> dict[str, Party]:
    if not msisdns:
        return {}
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(_PARTIES, (msisdns,))
        return {party.msisdn: party for party in (Party(*row) for row in rows)}


def _shops(desk: Desk, numbers: Iterable[str]) -> dict[tuple[str, str], tuple[Agreement, Party]]:
    wanted = list(numbers)
    if not wanted:
        return {}
    with desk.reads.connect() as connection:
        rows = connection.exec_driver_sql(_AGREEMENTS, ([TILL, PAYBILL], wanted))
        found = [(Agreement(*row[:_WIDTH]), Party(*row[_WIDTH:])) for row in rows]
    return {(shop.kind, shop.number): (shop, owner) for shop, owner in found}
