"""Africa's Talking's airtime side: purchases in, callbacks out, phones topped up by their telco.

Speaks `/version1/airtime/send` as at-airtime recordings show it; `gateway` puts it behind HTTP.
"""

import json
import re
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from simulator import networks, wire
from simulator.answers import DROPPED, TEXT, ApiAnswer, json_answer
from simulator.phones import Message, Phone
from simulator.sms import BAD_KEY, SILENCE_S, SmsCentre
from ussd_app.kernel.gsm7 import segments

DISCOUNT: Final = Decimal("0.04")
TWICE_WITHIN: Final = timedelta(minutes=5)
DUPLICATE: Final = "A duplicate request was received within the last 5 minutes"
LATE_S: Final = 60
LEAST: Final = Decimal(5)
MOST_KEPT: Final = 10_000

REPORTS: Final = ("normal", "first", "late", "twice", "never", "failed")
"""How a purchase is called back: after the answer, before it, a minute later, two times, not at
all, or saying that it failed after it was said to be sent."""

_AMOUNT: Final = re.compile(r"KES ([0-9]{1,6}(?:\.[0-9]{1,4})?)", re.ASCII)
_MSISDN: Final = re.compile(r"\+254[0-9]{9}", re.ASCII)


@dataclass
class AirtimeFaults:
    """What goes wrong for every purchase from here on."""

    refuses: bool = False
    slow_ms: int = 0
    silent: bool = False
    drop: bool = False
    http_status: int = 0
    taken_anyway: bool = True
    report: str = "normal"


@dataclass
class Reseller:
    """The airtime side of one provider account, beside its SMS side."""

    centre: SmsCentre
    faults: AirtimeFaults = field(default_factory=AirtimeFaults)
    sent: list[tuple[str, Decimal]] = field(default_factory=list)
    _keys: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, form: Mapping[str, str], key: str | None, idempotency: str | None) -> ApiAnswer:
        """`POST /version1/airtime/send`, one recipient."""
        faults = self.faults
        if faults.slow_ms:
            time.sleep(faults.slow_ms / 1000)
        if faults.http_status:
            return ApiAnswer(faults.http_status, "Service unavailable", "text/plain")
        if not self.centre.knows(key):
            return ApiAnswer(401, BAD_KEY, TEXT)
        read = _recipient(form)
        if read is None:
            return ApiAnswer(400, "Request is malformed", TEXT)
        broken = faults.silent or faults.drop
        if broken and not faults.taken_anyway:
            return self._broken()
        answer = self._one(*read, idempotency)
        return self._broken() if broken else answer

    def _broken(self) -> ApiAnswer:
        if self.faults.silent:
            time.sleep(SILENCE_S)
        return DROPPED

    def _one(self, number: str, amount: Decimal, idempotency: str | None) -> ApiAnswer:
        if self._is_twice(number, amount, idempotency):
            return _said([], error=DUPLICATE)
        discount = amount * DISCOUNT
        each = {
            "amount": f"KES {amount:.4f}",
            "discount": f"KES {discount:.4f}",
            "errorMessage": "None",
            "phoneNumber": number,
            "requestId": f"ATQid_{secrets.token_hex(16)}",
            "status": "Sent",
        }
        if self.faults.refuses or amount < LEAST or not _MSISDN.fullmatch(number):
            why = "Amount is below the least" if amount < LEAST else "Not a supported number"
            each |= {"errorMessage": why, "status": "Failed", "requestId": "None"}
            return _said([each | {"discount": "0"}])
        with self._lock:
            self.centre.balance -= amount - discount
            self.sent.append((number, amount))
            del self.sent[:-MOST_KEPT]
        self._call_back(each)
        return _said([each], total=amount, discount=discount)

    def _is_twice(self, number: str, amount: Decimal, idempotency: str | None) -> bool:
        now = self.centre.telco.clock.now()
        names = [f"{number} {amount}", *([f"key {idempotency}"] if idempotency else [])]
        with self._lock:
            self._keys = {name: at for name, at in self._keys.items() if now - at < TWICE_WITHIN}
            if any(name in self._keys for name in names):
                return True
            if not self.faults.refuses:
                self._keys |= dict.fromkeys(names, now)
        return False

    def _call_back(self, each: Mapping[str, str]) -> None:
        """The telco tops up, and the provider tells its customer, as it is told to behave."""
        how = self.faults.report
        status = "Failed" if how == "failed" else "Success"
        phone = self.centre.phone(each["phoneNumber"])
        if phone is None:
            return

        def report() -> None:
            self._report(phone, each, status)

        if how == "first":
            report()
        if status == "Success":
            _top_up(phone, each["amount"], self.centre.telco.clock.now())
        if how in ("normal", "twice", "failed"):
            for _ in range(2 if how == "twice" else 1):
                self.centre.telco.later(report)
        elif how == "late":
            self.centre.agenda.at(LATE_S, report)

    def _report(self, phone: Phone, each: Mapping[str, str], status: str) -> None:
        delivered = status == "Success"
        words = "Airtime Delivered Successfully" if delivered else "Airtime could not be delivered"
        fields = wire.airtime_status(each, status, words)
        url = phone.service.airtime_url
        if url:
            self.centre.telco.tell(phone, "airtime status", url, fields, fields)


def _recipient(form: Mapping[str, str]) -> tuple[str, Decimal] | None:
    """Number and amount of a request for one recipient; None when it is not of that form."""
    try:
        recipients = json.loads(form.get("recipients", ""))
        number, said = recipients[0]["phoneNumber"], recipients[0]["amount"]
    except (ValueError, LookupError, TypeError):
        return None
    amount = _AMOUNT.fullmatch(str(said))
    if not form.get("username") or amount is None or len(recipients) != 1:
        return None
    return str(number), Decimal(amount[1])


def _top_up(phone: Phone, amount: str, now: datetime) -> None:
    """What the telco itself says to whom it topped up; none of it is ours."""
    text = f"You have received {amount.removesuffix('00')} airtime."
    name = networks.of(phone.msisdn).name.capitalize()
    with phone.lock:
        made = Message(f"ATXid_{secrets.token_hex(16)}", name, text, now, segments(text), "")
        phone.inbox.append(made)
        phone.unread += 1


def _said(
    responses: list[dict[str, str]],
    *,
    error: str = "None",
    total: Decimal = Decimal(0),
    discount: Decimal = Decimal(0),
) -> ApiAnswer:
    body = {
        "errorMessage": error,
        "numSent": 1 if total else 0,
        "responses": responses,
        "totalAmount": f"KES {total:.4f}" if total else "0",
        "totalDiscount": f"KES {discount:.4f}" if total else "0",
    }
    return json_answer(201, body)
