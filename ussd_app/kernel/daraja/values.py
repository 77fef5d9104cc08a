"""Amounts, times, numbers and names in the forms in which Safaricom writes them."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from ussd_app.kernel.daraja.said import NotUnderstood, Value, plain, words
from ussd_app.kernel.msisdn import parse

EAT = timezone(timedelta(hours=3))
"""East African Time; a fixed offset, for the zone's own begins in 1960."""
LONGEST_ACCOUNT = 64
NUMBER_DIGITS = 6
LARGEST_POWER = 12

_AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?(E[0-9]{1,2})?", re.ASCII)
_TIMES = (
    (re.compile(r"(19|20)[0-9]{12}", re.ASCII), "%Y%m%d%H%M%S", EAT),
    (
        re.compile(r"[0-9]{2}\.[0-9]{2}\.(19|20)[0-9]{2} [0-9]{2}(:[0-9]{2}){2}", re.ASCII),
        "%d.%m.%Y %H:%M:%S",
        EAT,
    ),
    (
        re.compile(r"[0-9]{2}-[0-9]{2}-(19|20)[0-9]{2} [0-9]{2}:[0-9]{2}", re.ASCII),
        "%d-%m-%Y %H:%M",
        EAT,
    ),
    (
        re.compile(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}(:[0-9]{2}){2}Z", re.ASCII),
        "%Y-%m-%dT%H:%M:%SZ",
        UTC,
    ),
)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MASKED = re.compile(r"([0-9]{3,9})\*+([0-9]{0,6})", re.ASCII)
_PARTY = re.compile(r"([0-9+]{4,15}) ?- ?(.*)", re.ASCII)
_NUMBER = re.compile(r"[0-9]{6}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """What a payer's account number can mean: somebody's phone, a number of ours and the rest.

    '712000001' can be both; whoever knows which numbers exist decides.
    """

    text: str
    msisdn: str | None
    number: str | None
    rest: str


@dataclass(frozen=True)
class Party:
    """Somebody in a result: '254700000001 - JANE WANJIKU'."""

    number: str
    name: str


@dataclass(frozen=True)
class Balance:
    """One account of an organisation. Only `available_minor` may be spent."""

    name: str
    currency: str
    current_minor: int
    available_minor: int
    reserved_minor: int
    uncleared_minor: int


def minor(value: Value) -> int:
    """Cents of an amount, 500.00 or "5.00", also below zero. Raises NotUnderstood."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise NotUnderstood("an amount is none")
    text = plain(value) if isinstance(value, Decimal) else str(value).strip()
    if not _AMOUNT.fullmatch(text) or Decimal(text).adjusted() > LARGEST_POWER:
        raise NotUnderstood("an amount is none")
    cents = Decimal(text) * 100
    if cents != cents.to_integral_value():
        raise NotUnderstood("an amount has parts of a cent")
    return int(cents)


def paid_minor(value: Value) -> int:
    """Cents of an amount that somebody has paid: above nothing. Raises NotUnderstood."""
    cents = minor(value)
    if cents <= 0:
        raise NotUnderstood("an amount is nothing")
    return cents


def moment(value: Value) -> datetime:
    """A time as they write it, in any of their forms, aware and in UTC. Raises NotUnderstood."""
    text = "" if isinstance(value, bool | list | dict) else str(value).strip()
    for shape, form, zone in _TIMES:
        if shape.fullmatch(text):
            try:
                return datetime.strptime(text, form).replace(tzinfo=zone).astimezone(UTC)
            except ValueError:
                break
    raise NotUnderstood("a time is none")


def said_moment(value: Value) -> datetime | None:
    """Like `moment`, for a time that is nice to have."""
    try:
        return moment(value)
    except NotUnderstood:
        return None


def stamp(now: datetime) -> str:
    """A moment as requests carry it: yyyyMMddHHmmss in East African Time."""
    return now.astimezone(EAT).strftime("%Y%m%d%H%M%S")


def pull_stamp(now: datetime) -> str:
    """A moment as the listing of payments wants it, in East African Time."""
    return now.astimezone(EAT).strftime("%Y-%m-%d %H:%M:%S")


def abroad(msisdn: str) -> str:
    """A number as Safaricom's fields want it: '+254712000001' is '254712000001'."""
    return msisdn.removeprefix("+")


def msisdn_hash(msisdn: str) -> str:
    """What C2B v1 says in place of a number: the SHA-256 of 2547XXXXXXXX, in hexadecimal."""
    return hashlib.sha256(abroad(msisdn).encode()).hexdigest()


def is_hashed(payer: str) -> bool:
    """Whether a payer is named by the hash of the number."""
    return _HASH.fullmatch(payer) is not None


def masked_matches(payer: str, msisdn: str) -> bool:
    """Whether a masked number ('2547 ***** 126', '25470****149') can be this one."""
    mask = _MASKED.fullmatch(payer.replace(" ", ""))
    whole = abroad(msisdn)
    return mask is not None and whole.startswith(mask[1]) and whole.endswith(mask[2])


def can_be(payer: str, msisdn: str) -> bool:
    """Whether a payer, said plainly, masked or hashed, can be this number."""
    if is_hashed(payer):
        return payer == msisdn_hash(msisdn)
    return masked_matches(payer, msisdn) or parse(payer) == msisdn


def account_number(text: str) -> str:
    """What a payer typed, without what people vary: case, spaces, dashes, # and *."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_ACCOUNT]).upper()
    return "".join(c for c in plain if c.isascii() and c.isalnum())


def account_meant(text: str) -> Account:
    """Read what a payer typed as an account number; see `Account`."""
    typed = account_number(text)
    number = typed[:NUMBER_DIGITS] if _NUMBER.match(typed) else None
    rest = typed[NUMBER_DIGITS:] if number else ""
    return Account(typed, _phone(typed), number, rest)


def _phone(typed: str) -> str | None:
    if not typed.isdigit():
        return None
    local = typed.removeprefix("254").removeprefix("0")
    return parse("0" + local) if len(local) == 9 else None


def party(value: Value) -> Party:
    """Who '254700000001 - JANE WANJIKU' is; a number only, or a name only, is what it is."""
    text = words(value, 100)
    halves = _PARTY.fullmatch(text)
    if halves:
        return Party(halves[1], halves[2].strip())
    return Party(text, "") if text.isdigit() else Party("", text)


def charges_minor(value: Value) -> int:
    """Cents in 'Fee For B2C Payment|KES|33.00' or 33.00; nothing where nothing is said."""
    last = words(value).rsplit("|", 1)[-1].strip()
    try:
        return minor(last)
    except NotUnderstood:
        return 0


def balances(value: Value) -> tuple[Balance, ...]:
    """Accounts between &, their fields between |. Raises NotUnderstood."""
    return tuple(_balance(part) for part in words(value, 4_000).split("&") if part.strip())


def _balance(text: str) -> Balance:
    fields = [field.strip() for field in text.split("|")]
    if len(fields) != 6:
        raise NotUnderstood("an account of another form")
    return Balance(fields[0], fields[1], *(minor(field) for field in fields[2:]))
