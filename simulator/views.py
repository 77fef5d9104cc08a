"""Phones as the page draws them: plain data for JSON, nothing secret in it. Changes nothing."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from simulator import paging
from simulator.phones import Display, Phone
from ussd_app.kernel.gsm7 import is_gsm7


def of_phone(
    phone: Phone, seen: Mapping[str, Any] | None, mpesa: Mapping[str, Any]
) -> dict[str, Any]:
    """One phone, with what was seen inside the application and M-PESA's side of it."""
    with phone.lock:
        session = phone.session
        return {
            "seen_us": time.time_ns() // 1_000,
            "msisdn": phone.msisdn,
            "number": phone.number,
            "name": phone.name,
            "network": asdict(phone.network),
            "busy": phone.busy,
            "inSession": phone.in_session,
            "asksSecret": bool(phone.asks_secret),
            "display": _of_display(phone, phone.display),
            "session": session and {"id": session.id, "hops": session.hops},
            "inside": seen,
            "mpesa": mpesa,
            "faults": asdict(phone.faults),
            "service": asdict(phone.service),
            "unread": phone.unread,
            "inbox": [_timed(message) for message in phone.inbox],
            "traffic": [_timed(traffic) for traffic in phone.traffic],
        }


def _of_display(phone: Phone, display: Display) -> dict[str, Any]:
    return {
        "kind": display.kind,
        "screen": display.screen,
        "page": display.page,
        "pages": len(display.pages),
        "takesAnswer": display.takes_answer,
        "size": paging.measure(display.text),
        "room": paging.room(display.text, phone.network),
        "unit": "septets" if is_gsm7(display.text) else "UCS-2 characters",
    }


def _timed(each: Any) -> dict[str, Any]:
    """A message or an exchange, its time as text."""
    return {**asdict(each), "at": each.at.isoformat()}
