"""Kenyan mobile numbers. Stored and compared as E.164 with a plus; shown as people dial them.

Which prefix belongs to which operator changes often, so the numbering plan is the phonenumbers
package's, pinned by version.
"""

import re
from functools import lru_cache

import phonenumbers

REGION = "KE"
_PLAUSIBLE = re.compile(r"[+0-9 ().-]{9,20}", re.ASCII)


@lru_cache(maxsize=65_536)
def parse(text: str) -> str | None:
    """Read '0712000001', '254712000001', '+254 712 000001' or '712000001' as '+254712000001'.

    None when the text is not a possible Kenyan mobile number.
    """
    typed = text.strip()
    if not _PLAUSIBLE.fullmatch(typed):
        return None
    if typed.startswith("254"):
        typed = "+" + typed
    try:
        number = phonenumbers.parse(typed, REGION)
    except phonenumbers.NumberParseException:
        return None
    if number.country_code != 254 or not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.MOBILE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def local(msisdn: str) -> str:
    """As dialled at home: '+254712000001' is '0712000001'."""
    return "0" + msisdn.removeprefix("+254")


def mask(msisdn: str) -> str:
    """As printed on another person's receipt since March 2026: '0712***001'."""
    home = local(msisdn)
    return f"{home[:4]}***{home[-3:]}"
