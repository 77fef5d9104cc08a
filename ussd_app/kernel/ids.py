"""Names for new things: receipt numbers and opaque tokens.

A receipt number has ten characters: our prefix K, year, month and day as one character each, six
random ones. The alphabet has no letter that reads like a digit (I, O, S, Z, B are out), because
customers read these aloud. Uniqueness is the ledger's promise, not this module's.
"""

import secrets
from datetime import datetime
from typing import Protocol

from ussd_app.kernel.clock import nairobi

ALPHABET = "ACDEFGHJKLMNPQRTUVWXY0123456789"
RECEIPT_LENGTH = 10
PAPER_CODE_LENGTH = 12
"""Twelve of 31 are 59 bits: whoever has the file may try as long as they like."""
_FIRST_YEAR = 2026
_PREFIX_LENGTH = 2
_LOOKALIKES = str.maketrans({"O": "0", "I": "1", "S": "5", "Z": "2", "B": "8"})


def readings(typed: str) -> list[str]:
    """What somebody may have meant who read a receipt number off a small screen: as it stands,
    and with the letters that no number has but in its beginning as the digits they look like."""
    plain = "".join(typed.upper().split())
    digits = plain.translate(_LOOKALIKES)
    kept = plain[:_PREFIX_LENGTH] + digits[_PREFIX_LENGTH:]
    return list(dict.fromkeys((plain, kept, digits)))


class Ids(Protocol):
    """Anything that makes names."""

    def receipt(self, now: datetime) -> str:
        """A receipt number of `RECEIPT_LENGTH` characters for an entry made at this moment."""

    def token(self) -> str:
        """An unguessable opaque name (128 bits, URL-safe)."""

    def one_time_code(self) -> str:
        """Six digits for an SMS."""

    def paper_code(self) -> str:
        """What opens a document: letters and digits enough that nobody tries them all."""


class SystemIds:
    """Names from the operating system's randomness."""

    def receipt(self, now: datetime) -> str:
        day = nairobi(now)
        stamp = (day.year - _FIRST_YEAR) % len(ALPHABET), day.month, day.day % len(ALPHABET)
        head = "K" + "".join(ALPHABET[place] for place in stamp)
        return head + "".join(secrets.choice(ALPHABET) for _ in range(RECEIPT_LENGTH - len(head)))

    def token(self) -> str:
        return secrets.token_urlsafe(16)

    def one_time_code(self) -> str:
        return f"{secrets.randbelow(1_000_000):06d}"

    def paper_code(self) -> str:
        return "".join(secrets.choice(ALPHABET) for _ in range(PAPER_CODE_LENGTH))


class SequentialIds:
    """Names that count up, for tests that quote them."""

    def __init__(self) -> None:
        self._receipts = 0
        self._tokens = 0
        self._codes = 0

    def receipt(self, now: datetime) -> str:
        self._receipts += 1
        return f"KB{self._receipts:05d}"

    def token(self) -> str:
        self._tokens += 1
        return f"token-{self._tokens:05d}"

    def one_time_code(self) -> str:
        self._codes += 1
        return f"{123_455 + self._codes:06d}"

    def paper_code(self) -> str:
        self._codes += 1
        return f"PAPER{self._codes:07d}"
