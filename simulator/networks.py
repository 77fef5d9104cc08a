"""The mobile networks of Kenya as a phone feels them: screen, input and patience.

Sources: Africa's Talking help articles 1284096 (menu and input sizes) and 1284071 (time limits).
Telkom's and Equitel's sizes and Telkom's silence limit are not published; Safaricom's, the
strictest, stand in for them.
"""

from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import carrier

SESSION_LIMIT_S: Final = 180
"""A whole USSD session in Kenya, on every network."""


@dataclass(frozen=True)
class Network:
    """One operator. `screen_septets` is what it shows before it pages the text itself."""

    code: str
    name: str
    screen_septets: int
    input_characters: int
    silence_s: int

    @property
    def screen_ucs2(self) -> int:
        """Characters that fit when one of them is outside the seven-bit alphabet."""
        return self.screen_septets * 7 // 16


SAFARICOM: Final = Network("63902", "Safaricom", 160, 80, 30)
AIRTEL: Final = Network("63903", "Airtel", 184, 90, 60)
TELKOM: Final = Network("63907", "Telkom", 160, 80, 30)
EQUITEL: Final = Network("63999", "Equitel", 160, 80, 30)
SANDBOX: Final = Network("99999", "Sandbox", 182, 182, 180)

ALL: Final = (SAFARICOM, AIRTEL, TELKOM, EQUITEL, SANDBOX)
_BY_NAME: Final = {network.name.lower(): network for network in ALL}
_BY_CODE: Final = {network.code: network for network in ALL}


def named(name_or_code: str) -> Network:
    """The network of this name ('airtel') or code ('63903'). Raises KeyError when there is none."""
    wanted = name_or_code.strip().lower()
    return _BY_CODE[wanted] if wanted in _BY_CODE else _BY_NAME[wanted]


def of(msisdn: str) -> Network:
    """The network that issued a number; Safaricom where the numbering plan does not say."""
    issuer = carrier.name_for_number(phonenumbers.parse(msisdn, "KE"), "en").lower()
    return next((network for name, network in _BY_NAME.items() if name in issuer), SAFARICOM)
