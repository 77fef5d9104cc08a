"""The doors for the airtime reseller and the bank switch: what they tell us is stored as it came,
and understood later by a worker. One question of the reseller is answered at once.

The switch signs what it says; the reseller knows the secret in the path.
"""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Engine

from ussd_app.channels import callbacks
from ussd_app.channels.callbacks import Keeper
from ussd_app.channels.schemas import (
    AirtimeStatusSchema,
    AirtimeValidationSchema,
    BankCreditSchema,
    BankResultSchema,
    FormInvalid,
    read_form,
)
from ussd_app.domain.airtime import is_expected
from ussd_app.domain.inbox import Inbox
from ussd_app.kernel.money import parse_minor
from ussd_app.kernel.signing import is_signed
from ussd_app.metrics import Metrics

SIGNATURE = "X-Signature"


class Doors:
    """Four callbacks. `bank_key` is what the switch signs with."""

    def __init__(
        self, inbox: Inbox, engine: Engine, nudge: Callable[[], None], bank_key: str
    ) -> None:
        self._keeper = Keeper(inbox, nudge)
        self._engine = engine
        self._bank_key = bank_key

    def airtime_status(self) -> Response:
        """What became of airtime that we bought. One row a purchase and status."""
        said = read_form(AirtimeStatusSchema(), request)
        return self._keeper.keep("airtime_status", f"{said['id']}:{said['status']}", said)

    def airtime_validation(self) -> Response:
        """The reseller asks whether a purchase is ours before it sends anything."""
        asked = read_form(AirtimeValidationSchema(), request)
        minor = parse_minor(asked["amount"])
        ours = (
            asked["currency"] == "KES"
            and minor is not None
            and is_expected(self._engine, asked["phone"], minor)
        )
        return jsonify(status="Validated" if ours else "Failed")

    def bank_result(self) -> Response:
        """What became of a transfer. One row a transfer and status."""
        self._must_be_signed()
        said = read_form(BankResultSchema(), request)
        return self._keeper.keep("bank_result", f"{said['reference']}:{said['status']}", said)

    def bank_credit(self) -> Response:
        """Money has come for somebody. One row a reference of the switch's and amount."""
        self._must_be_signed()
        came = read_form(BankCreditSchema(), request)
        minor = str(parse_minor(came.pop("amount")))
        key = f"{came['reference']}:{minor}"
        return self._keeper.keep("bank_credit", key, came | {"amount_minor": minor})

    def _must_be_signed(self) -> None:
        signature = request.headers.get(SIGNATURE, "")
        if not is_signed(self._bank_key, request.get_data(cache=True), signature):
            raise FormInvalid(401, "signature", "The signature is not that of the body.")


def blueprint(doors: Doors, metrics: Metrics, secret: str | None) -> Blueprint:
    """The four doors, each under the secret where there is one."""
    views = {
        "/airtime/status": doors.airtime_status,
        "/airtime/validation": doors.airtime_validation,
        "/bank/results": doors.bank_result,
        "/bank/credits": doors.bank_credit,
    }
    return callbacks.blueprint("providers", views, metrics, secret)
