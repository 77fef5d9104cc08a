"""The shapes of what comes in at the doors that are not the USSD hop. Unknown fields are ignored,
because providers add some; what we name must be right.
"""

from typing import Any

from flask import Request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, pre_load, validate

from ussd_app.channels.forms import read_pairs
from ussd_app.kernel.money import parse_minor

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 40

PHONE = validate.Regexp(r"^\+[0-9]{7,15}\Z", error="must be an E.164 number")
_NAME = validate.Length(1, 100)
_COUNT = validate.Regexp(r"^[0-9]{1,9}\Z", error="must be a whole number")


class _Form(Schema):
    """A form of the gateway: `+` may have come as a space, everything is text."""

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _plus(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for name in ("phoneNumber", "from"):
            value = data.get(name)
            if isinstance(value, str) and value.startswith(" "):
                data = data | {name: "+" + value[1:]}
        return data


class SessionEndSchema(_Form):
    """The end-of-session event. `input` and `lastAppResponse` are never read: they hold PINs and
    balances."""

    session_id = fields.String(data_key="sessionId", required=True, validate=validate.Length(1, 80))
    status = fields.String(required=True, validate=_NAME)
    network = fields.String(
        data_key="networkCode", load_default="", validate=validate.Length(0, 10)
    )
    hops = fields.String(data_key="hopsCount", load_default="0", validate=_COUNT)
    duration_ms = fields.String(data_key="durationInMillis", load_default="0", validate=_COUNT)
    cost = fields.String(load_default="", validate=validate.Length(0, 30))
    labels = fields.String(
        data_key="hopsMetadata", load_default="", validate=validate.Length(0, 8000)
    )


class DeliveryReportSchema(_Form):
    """A delivery report of an SMS."""

    id = fields.String(required=True, validate=_NAME)
    status = fields.String(required=True, validate=validate.Length(1, 40))
    phone = fields.String(data_key="phoneNumber", load_default="", validate=validate.Length(0, 16))
    network = fields.String(
        data_key="networkCode", load_default="", validate=validate.Length(0, 10)
    )
    reason = fields.String(
        data_key="failureReason", load_default="", validate=validate.Length(0, 80)
    )
    retries = fields.String(data_key="retryCount", load_default="0", validate=_COUNT)


class IncomingSchema(_Form):
    """An SMS from a customer."""

    id = fields.String(required=True, validate=_NAME)
    phone = fields.String(data_key="from", required=True, validate=PHONE)
    text = fields.String(required=True, validate=validate.Length(0, 2_000))
    to = fields.String(load_default="", validate=validate.Length(0, 20))
    date = fields.String(load_default="", validate=validate.Length(0, 40))


class OptOutSchema(_Form):
    """A customer told the gateway to stop messages of a sender."""

    phone = fields.String(data_key="phoneNumber", required=True, validate=PHONE)
    sender = fields.String(data_key="senderId", required=True, validate=_NAME)


class AirtimeStatusSchema(_Form):
    """What became of airtime. `value` is as it was said ('KES 10.0000')."""

    id = fields.String(data_key="requestId", required=True, validate=_NAME)
    phone = fields.String(data_key="phoneNumber", required=True, validate=PHONE)
    status = fields.String(required=True, validate=validate.Length(1, 40))
    value = fields.String(load_default="", validate=validate.Length(0, 30))
    reason = fields.String(
        data_key="description", load_default="", validate=validate.Length(0, 200)
    )


class AirtimeValidationSchema(_Form):
    """Whether a purchase of airtime is ours."""

    id = fields.String(data_key="transactionId", required=True, validate=_NAME)
    phone = fields.String(data_key="phoneNumber", required=True, validate=PHONE)
    currency = fields.String(
        data_key="currencyCode", required=True, validate=validate.Length(1, 10)
    )
    amount = fields.String(required=True, validate=validate.Length(1, 20))


class BankResultSchema(_Form):
    """What became of a transfer to a bank."""

    reference = fields.String(required=True, validate=_NAME)
    status = fields.String(required=True, validate=validate.Length(1, 40))
    reason = fields.String(load_default="", validate=validate.Length(0, 200))


def _is_amount(text: str) -> None:
    if parse_minor(text) is None:
        raise ValidationError("must be an amount of shillings")


class BankCreditSchema(_Form):
    """Money that came to the trust account for one of our customers."""

    reference = fields.String(required=True, validate=validate.Length(4, 40))
    msisdn = fields.String(data_key="phoneNumber", required=True, validate=PHONE)
    amount = fields.String(required=True, validate=_is_amount)
    currency = fields.String(required=True, validate=validate.Equal("KES"))
    bank = fields.String(required=True, validate=validate.Regexp(r"^[0-9]{2}\Z"))
    sender = fields.String(required=True, validate=validate.Length(1, 60))


class FaultSchema(Schema):
    """What the simulator may ask to go wrong."""

    redis = fields.String(required=True, validate=validate.OneOf(["forget"]))


class FormInvalid(Exception):
    """What came is not of the form that was agreed: a status, a reason for the count, a sentence.

    The sentence names fields, never what stood in them.
    """

    def __init__(self, status: int, reason: str, sentence: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.sentence = sentence


def read_form(shape: Schema, came: Request) -> dict[str, Any]:
    """Judge a form-encoded request. Raises FormInvalid."""
    if came.mimetype != FORM:
        raise FormInvalid(415, "content_type", f"POST {FORM}, please.")
    try:
        form = read_pairs(came.get_data(cache=False), MOST_FIELDS)
    except ValueError as fault:
        raise FormInvalid(400, str(fault), f"The form cannot be read: {fault}.") from None
    if any("\x00" in value for value in form.values()):
        raise FormInvalid(400, "control_character", "A field has a character that no text has.")
    try:
        loaded: dict[str, Any] = shape.load(form)
    except ValidationError as invalid:
        fields_ = ", ".join(sorted(map(str, invalid.messages_dict)))
        raise FormInvalid(400, "fields", f"Missing or wrong: {fields_}.") from None
    return loaded


def asks_to_forget(came: Request) -> bool:
    """Whether a request of the simulator is `{"redis": "forget"}`."""
    try:
        asked = came.get_json(silent=True)
    except RecursionError:  # brackets within brackets, a thousand deep
        return False
    return not FaultSchema().validate(asked or {})
