"""What can be made to go wrong at the page: for one phone, or for everybody's SMS.

Checked as a whole, then done. What a fault does is the business of whoever has it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from simulator.phones import DELIVERIES, Faults
from simulator.sms import STATUSES, GatewayFaults
from simulator.telco import MOST_SLOW_MS
from simulator.wanted import Impossible, Reader, flag, one_of, read, text, whole

TIMES: Final = {1: "", 2: " twice at once", 3: " three times at once", 4: " four times at once"}
NEXT_HOP: Final = {
    "lose_hop": "the network loses the next hop",
    "lose_reply": "the network loses the next reply",
}
_SLOW: Final = whole(0, MOST_SLOW_MS)


def _status(name: str, value: Any) -> int:
    """An HTTP status of an error; 0 for none."""
    status: int = whole(0, 599)(name, value)
    if 0 < status < 400:
        raise Impossible(f"{name} is that of an error, from 400 to 599, or 0 for none")
    return status


_OF_A_PHONE: Final[Mapping[str, Reader]] = {
    "slow_ms": _SLOW,
    "copies": whole(1, 4),
    "lose_hop": flag,
    "lose_reply": flag,
    "sms_status": one_of(None, *STATUSES),
    "delivery": one_of(*DELIVERIES),
}
_OF_THE_GATEWAY: Final[Mapping[str, Reader]] = {
    "slow_ms": _SLOW,
    "http_status": _status,
    "silent": flag,
    "drop": flag,
    "taken_anyway": flag,
    "batch_error": text,
}
AGAIN: Final[Mapping[str, Reader]] = {"copies": whole(1, 4), "back": whole(0, 1)}
"""How the last hop, or the one before, is delivered again."""


def arm(faults: Faults, wanted: Mapping[str, Any]) -> list[str]:
    """Have it go wrong so for a phone; the lines of a dialogue that say so. Raises Impossible."""
    changes = read(wanted, _OF_A_PHONE)
    for name, value in changes.items():
        setattr(faults, name, value)
    return list(_said(changes))


def _said(changes: Mapping[str, Any]) -> Iterator[str]:
    if changes.get("copies", 1) > 1:
        yield f"the network delivers the next hop{TIMES[changes['copies']]}"
    for name, line in NEXT_HOP.items():
        if changes.get(name):
            yield line


def set_gateway(faults: GatewayFaults, wanted: Mapping[str, Any]) -> None:
    """Change how the SMS API behaves for everybody. Raises Impossible."""
    for name, value in read(wanted, _OF_THE_GATEWAY).items():
        setattr(faults, name, value)
