"""The shapes of product files. The only place of this package where outside text is judged."""

import re
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from ussd_app.domain.catalogue import ByPolicy, ByTariff, ByTerm, PriceRule, ShareOf
from ussd_app.domain.terms import SHAPE
from ussd_app.kernel.units import SCALES, to_minor

_SHILLINGS = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d{2})?|\d+(?:\.\d{2})?", re.ASCII)
_UNITS = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d{1,9})?|\d{1,12}(?:\.\d{1,9})?", re.ASCII)
_SHARE = re.compile(r"(0\.\d{1,4}) of ([a-z][a-z0-9_]*)", re.ASCII)
_MODE = validate.OneOf(["locked", "tallied", "sharded"])
_NAME = validate.Regexp(r"^[a-z][a-z0-9_]*$", error="must be a lower-case name")
LEG = re.compile(
    r"(?P<quantity>\w+) from (?P<source>[\w/]+) to (?P<target>[\w/]+)"
    r"(?: as (?P<meaning>[\w/]+))?\Z"
)
"""The one pattern of a leg's sentence: what it lets through can be read, whole."""
_PARTY = validate.Regexp(
    r"^[a-z][a-z0-9_]*(\.parent)?(\.[a-z][a-z0-9_]*)?$", error="must be a kind or a way to one"
)
_LEG = validate.Regexp(
    LEG,
    error="is no sentence of the form '<quantity> from <account> to <account> [as <meaning>]'",
)


def shillings(value: object) -> int:
    """`1,500` or `1.50` in a file as minor units. Raises ValidationError."""
    if not isinstance(value, str) or not _SHILLINGS.fullmatch(value):
        raise ValidationError("must be an amount of shillings such as 1,500 or 1.50")
    return int(Decimal(value.replace(",", "")).scaleb(2))


def units(text: str, asset: str) -> int:
    """`1,500` or `0.05` of an asset in a file as minor units. Raises ValidationError."""
    scale = SCALES.get(asset)
    if scale is None:
        raise ValidationError(f"nobody knows how finely {asset} divides")
    minor = to_minor(text.replace(",", ""), scale) if _UNITS.fullmatch(text) else None
    if minor is None:
        raise ValidationError(f"must be an amount of {asset}")
    return minor


class Shillings(fields.Field[int]):
    """An amount in a file, minor units inside."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return shillings(value)


class AccountKindSchema(Schema):
    """A row of a file's `accounts`."""

    book = fields.String(required=True, validate=validate.OneOf(["emoney", "house", "billing"]))
    owner = fields.String(required=True, validate=_NAME)
    side = fields.String(required=True, validate=validate.OneOf(["credit", "debit"]))
    mode = fields.String(required=True, validate=_MODE)
    house_mode = fields.String(data_key="house", load_default=None, validate=_MODE)
    asset = fields.String(load_default="KES", validate=validate.Regexp(r"^[A-Z0-9]{2,10}$"))
    floor_minor = fields.String(data_key="floor", load_default=None)
    most_minor = fields.String(data_key="most", load_default=None)
    code = fields.String(load_default=None, validate=validate.Regexp(r"^[1-5][0-9]{3}$"))
    means = fields.String(required=True)

    @post_load
    def _weigh(self, row: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Floor and most are amounts of the row's own asset."""
        for bound in ("floor_minor", "most_minor"):
            if row[bound] is not None:
                row[bound] = units(row[bound], row["asset"])
        return row


class _Digits(fields.Field[int | None]):
    """How many digits a number has, or `msisdn` for the owner's own."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | None:
        if value == "msisdn":
            return None
        if value in ("4", "5", "6", "7"):
            return int(value)
        raise ValidationError("must be 4 to 7 digits, or msisdn")


class AgreementKindSchema(Schema):
    """A row of a file's `agreements`."""

    account = fields.String(required=True, validate=_NAME)
    digits = _Digits(data_key="number", required=True)
    standing = fields.String(load_default=None, validate=_NAME)
    funded_by = fields.String(load_default=None, validate=_NAME)
    private = fields.Boolean(load_default=False)
    tiered = fields.Boolean(load_default=False)
    terms = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.String(), load_default=dict
    )
    agrees = fields.Dict(
        keys=fields.String(validate=_NAME),
        values=fields.String(validate=validate.Regexp(SHAPE, error="is no shape of a term")),
        load_default=dict,
    )
    welcome = fields.String(load_default=None, validate=_NAME)
    means = fields.String(required=True)


class BankSchema(Schema):
    """A row of a file's `banks`, under the bank's code."""

    name = fields.String(required=True, validate=validate.Length(2, 10))
    paybill = fields.String(required=True, validate=validate.Regexp(r"^[0-9]{5,7}$"))


class _Rule(fields.Field[PriceRule]):
    """A tariff's name, `0.20 of commission`, `{by: term, …: tariff}` or `{policy: name}`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> PriceRule:
        if isinstance(value, str):
            share = _SHARE.fullmatch(value)
            if share:
                return ShareOf(Decimal(share[1]), share[2])
            return ByTariff(_tariff(value))
        if isinstance(value, dict) and set(value) == {"policy"}:
            return ByPolicy(str(value["policy"]))
        if isinstance(value, dict) and len(value) > 1 and "by" in value:
            table = dict(value)
            return ByTerm(str(table.pop("by")), {k: _tariff(v) for k, v in table.items()})
        raise ValidationError("is neither a tariff, a share, a choice by a term nor a policy")


def _tariff(name: object) -> str | None:
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name, re.ASCII):
        raise ValidationError(f"is no tariff's name: {name}")
    return None if name == "none" else name


class PromiseSchema(Schema):
    """What a type holds until the world has answered."""

    via = fields.String(required=True, validate=_NAME)
    ttl_s = fields.Integer(required=True, validate=validate.Range(60, 30 * 86_400))
    waits = fields.String(load_default=None, validate=_NAME)
    fails = fields.String(required=True, validate=_NAME)


class TypeSchema(Schema):
    """A row of a file's `types`."""

    code = fields.Integer(required=True, validate=validate.Range(1000, 9999))
    about = fields.String(required=True)
    parties = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.String(validate=_PARTY), required=True
    )
    starts = fields.String(
        required=True, validate=validate.OneOf(["customer", "schedule", "staff", "system"])
    )
    least = Shillings(load_default=1)
    most = Shillings(load_default=None)
    prices = fields.Dict(keys=fields.String(validate=_NAME), values=_Rule(), load_default=dict)
    limits = fields.String(load_default=None, validate=validate.OneOf(["daily"]))
    hold = fields.Nested(PromiseSchema, load_default=None)
    category = fields.String(load_default=None, validate=_NAME)
    gates = fields.List(fields.String(validate=_NAME), load_default=list)
    asks_twice = fields.Boolean(load_default=False)
    approvals = fields.Integer(load_default=0, validate=validate.Range(0, 5))
    also = fields.String(load_default=None, validate=_NAME)
    post = fields.List(fields.String(validate=_LEG), required=True, validate=validate.Length(1, 12))
    receipts = fields.Dict(
        keys=fields.String(), values=fields.String(validate=_NAME), load_default=dict
    )


class _Bands(fields.Field[list[tuple[int, int]]]):
    """`[[up to, fee], …]` in shillings; rising, without a step down."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **kwargs: Any
    ) -> list[tuple[int, int]]:
        if not isinstance(value, list) or not value:
            raise ValidationError("must be a list of [up to, fee]")
        bands: list[tuple[int, int]] = []
        for row in value:
            if not isinstance(row, list) or len(row) != 2:
                raise ValidationError(f"must be [up to, fee]: {row}")
            bands.append((shillings(row[0]), shillings(row[1])))
        return bands


class TariffBookSchema(Schema):
    """A file of tariffs/. Its name begins with the day from which it is in force."""

    excise = fields.String(
        load_default=None,
        validate=validate.Regexp(r"^0\.\d{1,4}$", error="must be a share like 0.15"),
    )
    tariffs = fields.Dict(keys=fields.String(validate=_NAME), values=_Bands(), required=True)


class TierSchema(Schema):
    """A KYC tier."""

    per_transaction_minor = Shillings(data_key="per_transaction", required=True)
    daily_value_minor = Shillings(data_key="daily_value", required=True)
    daily_count = fields.Integer(required=True, validate=validate.Range(1, 1_000_000))
    monthly_value_minor = Shillings(data_key="monthly_value", required=True)
    monthly_count = fields.Integer(required=True, validate=validate.Range(1, 1_000_000))
    balance_minor = Shillings(data_key="balance", required=True)
    means = fields.String(required=True)


class HabitSchema(Schema):
    """What counts as far above somebody's habit."""

    days = fields.Integer(required=True, validate=validate.Range(1, 365))
    least = fields.Integer(required=True, validate=validate.Range(1, 100))
    times = fields.Integer(required=True, validate=validate.Range(2, 100))
    above_minor = Shillings(data_key="above", required=True)


class LimitsSchema(Schema):
    """A file's `limits`."""

    fat_finger = Shillings(required=True)
    quote_life_s = fields.Integer(required=True, validate=validate.Range(30, 3600))
    tiers = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"^[0-9]$")),
        values=fields.Nested(TierSchema),
        required=True,
    )
    habit = fields.Nested(HabitSchema, required=True)


class SentenceSchema(Schema):
    """A row of texts/: what an SMS says, in both languages, and the type of each fact it names."""

    facts = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.String(), load_default=dict
    )
    parts = fields.Integer(load_default=1, validate=validate.Range(1, 3))
    en = fields.String(required=True)
    sw = fields.String(required=True)

    @post_load
    def _trim(self, row: dict[str, Any], **_: Any) -> dict[str, Any]:
        return row | {"en": row["en"].strip(), "sw": row["sw"].strip()}


class KeywordSchema(Schema):
    """A row of a file's `keywords`: the words that choose it, and what the second word may mean."""

    words = fields.List(fields.String(), required=True, validate=validate.Length(1, 10))
    then = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)


class CategorySchema(Schema):
    """A row of a file's `categories`: what a business may be, as a line of a menu."""

    en = fields.String(required=True, validate=validate.Length(2, 20))
    sw = fields.String(required=True, validate=validate.Length(2, 20))


class StandingSchema(CategorySchema):
    """A row of a file's `standings`: a menu of its own, as a line of the list that whoever has
    several chooses from."""

    place = fields.Integer(required=True, validate=validate.Range(min=1, max=99))


class QuestionSchema(Schema):
    """A row of a file's `questions`: a line of a list, in each language."""

    en = fields.String(required=True, validate=validate.Length(5, 28))
    sw = fields.String(required=True, validate=validate.Length(5, 28))


class ProductFileSchema(Schema):
    """One file of a product: any of these parts."""

    accounts = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.Nested(AccountKindSchema)
    )
    agreements = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.Nested(AgreementKindSchema)
    )
    standings = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.Nested(StandingSchema)
    )
    banks = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"^[0-9]{2}$")),
        values=fields.Nested(BankSchema),
    )
    categories = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.Nested(CategorySchema)
    )
    questions = fields.Dict(
        keys=fields.String(validate=_NAME), values=fields.Nested(QuestionSchema)
    )
    types = fields.Dict(keys=fields.String(validate=_NAME), values=fields.Nested(TypeSchema))
    keywords = fields.Dict(keys=fields.String(validate=_NAME), values=fields.Nested(KeywordSchema))
    spending = fields.Dict(keys=fields.String(validate=_NAME), values=fields.Nested(CategorySchema))
    rules = fields.Dict(
        keys=fields.String(validate=_NAME),
        values=fields.Dict(keys=fields.String(validate=_NAME), values=fields.Integer()),
    )
    limits = fields.Nested(LimitsSchema)
