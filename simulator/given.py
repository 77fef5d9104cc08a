"""A line of a `Given` block: somebody with a phone, a wallet and agreements; read and written.

`asha 0712000001 pin 4826 en wallet 1500`; agreements follow, each with its number and what it
holds, what it is under and its terms: `agency 41002 20000 under 41001 town=Kisumu`.
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator import networks
from simulator.dialogue import DialogueInvalid
from ussd_app.domain.catalogue import AgreementKind
from ussd_app.domain.seeds import Planted
from ussd_app.kernel.money import format_minor, parse_minor
from ussd_app.kernel.msisdn import local
from ussd_app.kernel.msisdn import parse as parse_msisdn
from ussd_app.kernel.units import parse_decimal

VAULT: Final = "vault"
"""Begins the line that is about the house and not about a person."""
_HOLDING: Final = re.compile(r"M-PESA of ([a-z0-9_]+) holds ([0-9.,]+)", re.ASCII)


@dataclass(frozen=True)
class Person:
    """Somebody of a `Given` block. No PIN: a stranger with a phone. The balance is in cents."""

    name: str
    msisdn: str
    pin: str | None = None
    language: str = "en"
    balance_minor: int = 0
    frozen: bool = False
    agreements: tuple[Planted, ...] = ()
    staff: bool = False

    @property
    def national_id(self) -> str:
        """The last eight digits of the number, so that a dialogue can type it."""
        return self.msisdn[-8:]


def is_vault(line: str) -> bool:
    """Whether a line says what the house has to trade with."""
    return line.split()[:1] == [VAULT]


def is_holding(line: str) -> bool:
    """Whether a line says what an M-PESA account holds."""
    return line.strip().startswith("M-PESA of ")


def holding(line: str) -> tuple[str, int]:
    """`M-PESA of asha holds 2000`, `M-PESA of 174379 holds 50000`: whose account, and how many
    cents. Raises DialogueInvalid."""
    match = _HOLDING.fullmatch(line.strip())
    if match is None:
        raise DialogueInvalid(f"{line!r}: say `M-PESA of asha holds 2000`")
    return match[1], _amount(line, deque([match[2]]))


def beginning(line: str) -> tuple[str, str, Sequence[str]]:
    """The name, the number (E.164), and the words that follow. Raises DialogueInvalid."""
    words = line.split()
    msisdn = parse_msisdn(words[1]) if len(words) > 1 else None
    if msisdn is None:
        raise DialogueInvalid(f"Given: {line!r} has no Kenyan number after the name")
    return words[0], msisdn, words[2:]


def written(person: Person) -> str:
    """The line that reads as this person."""
    words = [f"{person.name:<8} {local(person.msisdn)}"]
    if person.pin is not None:
        words += [f"pin {person.pin}", person.language]
        if person.balance_minor:
            words.append(f"wallet {format_minor(person.balance_minor)}")
    words += ["frozen"] if person.frozen else []
    words += [_held(person, agreement) for agreement in person.agreements]
    return "  ".join(words)


def _held(person: Person, agreement: Planted) -> str:
    own_number = agreement.number in (None, person.msisdn)
    words = [agreement.kind, *([] if own_number else [str(agreement.number)])]
    words += [format_minor(agreement.balance_minor)] if agreement.balance_minor else []
    words += ["under", agreement.under] if agreement.under else []
    terms = {"name": agreement.name, **agreement.terms}
    words += [f"{term}={str(value).replace(' ', '_')}" for term, value in terms.items()]
    billed = ",".join(f"{account}:{local(msisdn)}" for account, msisdn in agreement.customers)
    words += [f"customers={billed}"] if billed else []
    return " ".join(words)


def person(line: str, kinds: Mapping[str, AgreementKind]) -> tuple[Person, networks.Network]:
    """`asha 0712000001 pin 4826 en wallet 1500`, and the agreements that follow."""
    name, msisdn, words = beginning(line)
    pin, language, minor, network = None, "en", 0, networks.of(msisdn)
    marks = {"frozen": False, "staff": False}
    held: list[Planted] = []
    rest = deque(words)
    while rest:
        word = rest.popleft()
        if word == "pin":
            pin = rest.popleft() if rest else None
        elif word in ("en", "sw"):
            language = word
        elif word in marks:
            marks[word] = True
        elif word == "wallet":
            minor = _amount(line, rest)
        elif word in kinds:
            held.append(_agreement(line, name, kinds[word], rest))
        else:
            network = _network(line, word)
    return Person(name, msisdn, pin, language, minor, agreements=tuple(held), **marks), network


def coins(line: str) -> dict[str, str]:
    """`vault btc 0.5 usdt 10000 kes 50000`: what the house has to trade with."""
    words = line.split()[1:]
    amounts = dict(zip(words[::2], words[1::2], strict=False))
    wrong = [word for word in amounts.values() if parse_decimal(word) is None]
    if len(words) % 2 or wrong:
        raise DialogueInvalid(f"Given: {line!r} has no amount where one must be")
    return amounts


def _agreement(line: str, name: str, kind: AgreementKind, rest: deque[str]) -> Planted:
    """`4102 20000 under 4101 town=Kisumu`, behind the agreement's kind."""
    number = rest.popleft() if kind.digits is not None and rest else None
    minor = _amount(line, rest) if rest and _is_amount(rest[0]) else 0
    under, terms = None, {}
    while rest and (rest[0] == "under" or "=" in rest[0]):
        word = rest.popleft()
        if word == "under":
            under = rest.popleft() if rest else None
        else:
            term, _, value = word.partition("=")
            terms[term] = value.replace("_", " ")
    called = terms.pop("name", name.replace("_", " ").title())
    billed = tuple(_customers(line, terms.pop("customers", "")))
    return Planted(kind.kind, number, called, minor, under, terms, billed)


def _customers(line: str, said: str) -> Iterator[tuple[str, str]]:
    """`ACC12:0712000001,ACC13:0722000002`: whom a biller bills, and on which phone."""
    for each in filter(None, said.split(",")):
        account, _, phone = each.partition(":")
        msisdn = parse_msisdn(phone)
        if msisdn is None:
            raise DialogueInvalid(f"Given: {line!r} bills {account} on no Kenyan number")
        yield account, msisdn


def _is_amount(word: str) -> bool:
    return word.replace(".", "").replace(",", "").isdigit()


def _amount(line: str, rest: deque[str]) -> int:
    amount = rest.popleft() if rest else ""
    return 0 if amount == "0" else _minor(line, amount)


def _minor(line: str, amount: str) -> int:
    minor = parse_minor(amount)
    if minor is None:
        raise DialogueInvalid(f"Given: {line!r} has no amount where one must be")
    return minor


def _network(line: str, word: str) -> networks.Network:
    try:
        return networks.named(word)
    except KeyError:
        raise DialogueInvalid(f"Given: {word!r} in {line!r} means nothing") from None
