"""Receipts, conversations, checkouts and tokens, each kind in a row of its own: from the same start
and the same clock always the same, so that a dialogue can print them.
"""

import threading
from collections import Counter
from datetime import datetime
from hashlib import sha256
from typing import Final

from ussd_app.kernel.clock import nairobi

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FIRST_YEAR: Final = 2006
"""The year whose receipts begin with A."""
ROOM: Final = len(ALPHABET) ** 7
STRIDE: Final = 50_847_534_631
"""Shares no factor with the room, so that no receipt comes twice."""


class Names:
    """What is counted from `start` on."""

    def __init__(self, start: int = 0) -> None:
        self._start = start
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many have been given."""
        return self._counts.total()

    def receipt(self, now: datetime) -> str:
        """Ten characters: year, month, day of Nairobi, and seven that mean nothing."""
        return day_mark(now) + _digits(self._next("receipt") * STRIDE % ROOM)

    def conversation(self, now: datetime) -> str:
        """`AG_20261121_2010364430d9bbdaf872`."""
        return f"AG_{nairobi(now):%Y%m%d}_{self._hex('conversation', 20)}"

    def originator(self) -> str:
        """`f1e2-4b95-a71d-b30d3cdbb7a7735297`: where the merchant gave none."""
        return self._dashed("originator", 18)

    def merchant_request(self) -> str:
        """`2654-4b64-97ff-b827b542881d3130`."""
        return self._dashed("merchant", 16)

    def checkout(self, now: datetime, msisdn: str) -> str:
        """`ws_CO_20112026084512617700000001`: the moment, three digits, the number."""
        return f"ws_CO_{nairobi(now):%d%m%Y%H%M%S}{self._next('checkout') % 1000:03d}{msisdn[-9:]}"

    def request_id(self) -> str:
        """`1c5b-4ba8-815c-ac45c57a3db01495926`, of an error."""
        return self._dashed("request", 19)

    def token(self) -> str:
        """28 letters and digits."""
        number = int(self._hex("token", 64), 16)
        return "".join(_digits(number // ROOM**turn % ROOM) for turn in range(4))

    def _next(self, kind: str) -> int:
        with self._lock:
            self._counts[kind] += 1
            return self._start + self._counts[kind]

    def _hex(self, kind: str, length: int) -> str:
        return sha256(f"{kind} {self._next(kind)}".encode()).hexdigest()[:length]

    def _dashed(self, kind: str, tail: int) -> str:
        word = self._hex(kind, 12 + tail)
        return "-".join((word[:4], word[4:8], word[8:12], word[12:]))


def day_mark(now: datetime) -> str:
    """The three characters that tell the day: `UKL` is 21 November 2026."""
    day = nairobi(now)
    letter = chr(ord("A") + (day.year - FIRST_YEAR) % 26)
    return letter + chr(ord("A") + day.month - 1) + _day(day.day)


def no_receipt(now: datetime) -> str:
    """What stands for the receipt of what failed; the same for everybody, all day."""
    return day_mark(now) + "0000000"


def _day(day: int) -> str:
    return str(day) if day < 10 else chr(ord("A") + day - 10)


def _digits(number: int) -> str:
    text = ""
    for _ in range(7):
        number, digit = divmod(number, len(ALPHABET))
        text = ALPHABET[digit] + text
    return text
