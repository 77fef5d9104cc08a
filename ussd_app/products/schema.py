"""The shapes of product files. The only place of this package where outside text is judged."""

import re
from decimal import Decimal
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

_SHILLINGS = re.compile(r"\d{1,3}(?:,\d{3})*(?:\.\d{2})?|\d+(?:\.\d{2})?", re.ASCII)
_NAME = validate.Regexp(r"^[a-z][a-z0-9_]*$", error="must be a lower-case name")
LEG = re.compile(
    r"(?P<quantity>\w+) from (?P<source>[\w/]+) to (?P<target>[\w/]+)"
    r"(?: as (?P<meaning>\w+/\w+))?\Z"
)
"""The one pattern of a leg's sentence: what it lets through can be read, whole."""
_LEG = validate.Regexp(
    LEG,
    error="is no sentence of the form '<quantity> from <account> to <account> [as <meaning>]'",
)


def shillings(value: object) -> int:
    """`1,500` or `1.50` in a file as minor units. Raises ValidationError."""
    if not isinstance(value, str) or not _SHILLINGS.fullmatch(value):
        raise ValidationError("must be an amount of shillings such as 1,500 or 1.50")
    return int(Decimal(value.replace(",", "")).scaleb(2))


class Shillings(fields.Field[int]):
    """An amount in a file, minor units inside."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        return shillings(value)


class AccountKindSchema(Schema):
    """A row of accounts.yaml."""

    book = fields.String(required=True, validate=validate.OneOf(["emoney", "house"]))
    owner = fields.String(required=True, validate=validate.OneOf(["customer", "house", "meaning"]))
    side = fields.String(required=True, validate=validate.OneOf(["credit", "debit"]))
    mode = fields.String(required=True, validate=validate.OneOf(["locked", "tallied", "sharded"]))
    floor_minor = Shillings(data_key="floor", load_default=None)
    means = fields.String(required=True)


class TypeSchema(Schema):
    """A row of a product file."""

    code = fields.Integer(required=True, validate=validate.Range(1000, 9999))
    about = fields.String(required=True)
    parties = fields.Dict(keys=fields.String(validate=_NAME), values=fields.String(validate=_NAME))
    starts = fields.String(required=True, validate=validate.OneOf(["customer", "staff", "system"]))
    least = Shillings(load_default=1)
    fee = fields.String(load_default=None)
    limits = fields.String(load_default=None, validate=validate.OneOf(["daily"]))
    post = fields.List(fields.String(validate=_LEG), required=True, validate=validate.Length(1, 8))
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
    """A file of tariffs/."""

    excise = fields.String(
        required=True, validate=validate.Regexp(r"^0\.\d{1,4}$", error="must be a share like 0.15")
    )
    tariffs = fields.Dict(keys=fields.String(validate=_NAME), values=_Bands(), required=True)


class TierSchema(Schema):
    """A row of limits.yaml's tiers."""

    per_transaction_minor = Shillings(data_key="per_transaction", required=True)
    daily_value_minor = Shillings(data_key="daily_value", required=True)
    daily_count = fields.Integer(required=True, validate=validate.Range(1, 1_000_000))
    balance_minor = Shillings(data_key="balance", required=True)
    means = fields.String(required=True)


class LimitsSchema(Schema):
    """The file limits.yaml."""

    fat_finger = Shillings(required=True)
    quote_life_s = fields.Integer(required=True, validate=validate.Range(30, 3600))
    tiers = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"^[0-9]$")),
        values=fields.Nested(TierSchema),
        required=True,
    )


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
    """A row of keywords.yaml: the words that choose it, and what the second word may mean."""

    words = fields.List(fields.String(), required=True, validate=validate.Length(1, 10))
    then = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
